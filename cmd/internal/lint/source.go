package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// source is a Go file.
type source struct {
	path      string // from the root, with slashes
	dir       string // its folder
	lines     int
	test      bool
	generated bool
	ast       *ast.File
	fset      *token.FileSet
}

// load parses every Go file below the root, in alphabetical order. Folders that
// the go command ignores are left out.
func load(root fs.FS) ([]*source, error) {
	var all []*source
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && ignored(d.Name()):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		s, err := parse(root, name)
		all = append(all, s)
		return err
	})
	return all, err
}

func ignored(folder string) bool {
	return folder == "testdata" || folder == "vendor" || strings.HasPrefix(folder, ".") || strings.HasPrefix(folder, "_")
}

func parse(root fs.FS, name string) (*source, error) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse %w", err)
	}
	return &source{
		path: name, dir: path.Dir(name), lines: bytes.Count(text, []byte("\n")),
		test: strings.HasSuffix(name, "_test.go"), generated: ast.IsGenerated(file), ast: file, fset: fset,
	}, nil
}

// matches reports whether one of the patterns fits the file or its folder.
func (s *source) matches(patterns []string) bool {
	return fits(s.dir, patterns) || slices.ContainsFunc(patterns, func(p string) bool {
		end, ok := strings.CutPrefix(p, "*")
		return ok && strings.HasSuffix(s.path, end)
	})
}

// fits reports whether one of the folder patterns fits dir.
func fits(dir string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		top, below := strings.CutSuffix(p, "/...")
		return dir == top || below && strings.HasPrefix(dir, top+"/")
	})
}
