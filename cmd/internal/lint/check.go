package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// check gives every breach of the rules below root as `file:line: what`.
func check(root fs.FS) ([]string, error) {
	found, err := checkTop(root)
	if err != nil {
		return nil, err
	}
	files, err := load(root)
	if err != nil {
		return nil, err
	}
	for _, s := range files {
		for _, rule := range []func(*source) []string{checkLayer, checkConfined, checkCalls, checkInit, checkName, checkLength} {
			found = append(found, rule(s)...)
		}
	}
	return found, nil
}

func checkTop(root fs.FS) (found []string, err error) {
	entries, err := fs.ReadDir(root, ".")
	if err != nil {
		return nil, fmt.Errorf("read the root folder: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(topFolders, e.Name()) {
			found = append(found, fmt.Sprintf("%s: top-level folder is none of %s", e.Name(), strings.Join(topFolders, ", ")))
		}
	}
	return found, nil
}

func (s *source) report(at token.Pos, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", s.path, s.fset.Position(at).Line, fmt.Sprintf(format, args...))
}

// importPath is what spec imports; the parser has checked the quotes.
func importPath(spec *ast.ImportSpec) string {
	p, _ := strconv.Unquote(spec.Path.Value)
	return p
}

func checkLayer(s *source) (found []string) {
	i := slices.IndexFunc(layers, func(l layer) bool { return fits(s.dir, []string{l.from}) })
	if i < 0 {
		return []string{s.report(s.ast.Package, "folder %s has no layer in the table of layers", s.dir)}
	}
	for _, spec := range s.ast.Imports {
		dir, ours := strings.CutPrefix(importPath(spec)+"/", module+"/")
		dir = strings.TrimSuffix(dir, "/")
		self := dir == s.dir // an external test imports its own package
		if !ours || self || fits(dir, layers[i].to) || s.test && fits(dir, testImports) {
			continue
		}
		found = append(found, s.report(spec.Pos(), "%s may not import %s", s.dir, dir))
	}
	return found
}

func checkConfined(s *source) (found []string) {
	for _, spec := range s.ast.Imports {
		for _, c := range confinedImports {
			if c.path != importPath(spec) {
				continue
			}
			if c.in != nil && !s.matches(c.in) {
				found = append(found, s.report(spec.Pos(), "import %q stands only in %s", c.path, strings.Join(c.in, ", ")))
			}
			if s.matches(c.not) {
				found = append(found, s.report(spec.Pos(), "import %q never stands in %s", c.path, strings.Join(c.not, ", ")))
			}
		}
	}
	return found
}

func checkCalls(s *source) (found []string) {
	if s.test || s.generated || s.ast.Name.Name == "main" {
		return nil
	}
	packages := importNames(s.ast)
	ast.Inspect(s.ast, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		var from, name string
		switch fun := call.Fun.(type) {
		case *ast.Ident:
			name = fun.Name
		case *ast.SelectorExpr:
			x, ok := fun.X.(*ast.Ident)
			if !ok || packages[x.Name] == "" {
				return true
			}
			from, name = packages[x.Name], fun.Sel.Name
		}
		if slices.Contains(endsProcess[from], name) {
			found = append(found, s.report(call.Pos(), "%s ends the process, which only package main may do: return an error",
				strings.TrimPrefix(from+"."+name, ".")))
		}
		return true
	})
	return found
}

// importNames maps the names that f calls its imports by to their paths.
func importNames(f *ast.File) map[string]string {
	names := map[string]string{}
	for _, spec := range f.Imports {
		p := importPath(spec)
		if spec.Name != nil {
			names[spec.Name.Name] = p
		} else {
			names[path.Base(p)] = p
		}
	}
	return names
}

func checkInit(s *source) (found []string) {
	if s.test {
		return nil
	}
	for _, d := range s.ast.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			found = append(found, s.report(f.Pos(), "init hides when something happens: call it by name"))
		}
	}
	return found
}

func checkName(s *source) []string {
	for _, name := range []string{s.ast.Name.Name, path.Base(s.dir)} {
		if slices.Contains(emptyNames, name) {
			return []string{s.report(s.ast.Package, "package name %s does not say what is in it", name)}
		}
	}
	return nil
}

func checkLength(s *source) []string {
	if s.test || s.lines <= maxLines {
		return nil
	}
	return []string{fmt.Sprintf("%s:%d: file has %d lines, at most %d are allowed", s.path, maxLines+1, s.lines, maxLines)}
}
