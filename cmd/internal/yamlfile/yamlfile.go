// Package yamlfile reads YAML of which every key is known, and says of what it
// does not take in which line and column it stands.
//
// Anchors, aliases, tags and merge keys are not taken: a file has one way to say
// each thing.
package yamlfile

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Problem is what is wrong at a place of a file.
type Problem struct {
	File         string
	Line, Column int // from 1; 0: the file as a whole
	Err          error
}

// Error is FILE:LINE:COLUMN and what is wrong, as compilers print it.
func (p *Problem) Error() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %v", p.File, p.Err)
	}
	return fmt.Sprintf("%s:%d:%d: %v", p.File, p.Line, p.Column, p.Err)
}

// Unwrap is the problem without its place.
func (p *Problem) Unwrap() error { return p.Err }

// File is a file that is being read. Reading goes on after a problem, so that
// Err tells all of them.
type File struct {
	Name     string
	problems []*Problem
}

// Err is what was found to be wrong, in the order of the lines, or nil.
func (f *File) Err() error {
	slices.SortStableFunc(f.problems, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var errs []error
	for i, p := range f.problems {
		if i == 0 || p.Error() != f.problems[i-1].Error() {
			errs = append(errs, p)
		}
	}
	return errors.Join(errs...)
}

// Parse reads a file's text. A file that holds nothing is a Value without
// entries.
func Parse(name string, text []byte) (*File, Value) {
	f := &File{Name: name}
	doc, err := parser.ParseBytes(text, 0)
	if err != nil {
		f.syntax(err)
		return f, Value{f: f}
	}
	var body ast.Node
	for _, d := range doc.Docs {
		switch {
		case d.Body == nil || d.Body.Type() == ast.CommentType:
		case body == nil:
			body = d.Body
		default:
			f.add(d.Body.GetToken(), errors.New("a second document: the file holds one"))
		}
	}
	return f, Value{f, body, nil}
}

// syntax takes the parser's error, which points at a token.
func (f *File) syntax(err error) {
	var located yaml.Error
	if !errors.As(err, &located) {
		f.add(nil, err)
		return
	}
	f.add(located.GetToken(), errors.New(strings.TrimSpace(located.GetMessage())))
}

func (f *File) add(at *token.Token, err error) {
	p := &Problem{File: f.Name, Err: err}
	if at != nil && at.Position != nil {
		p.Line, p.Column = at.Position.Line, at.Position.Column
	}
	f.problems = append(f.problems, p)
}
