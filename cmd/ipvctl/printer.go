package main

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// printer collects what a command prints, so that the write's error is one.
type printer struct{ bytes.Buffer }

func (p *printer) printf(format string, args ...any) { fmt.Fprintf(p, format, args...) }

// print prints an answer: as JSON when asked to, else as text makes it.
func (c *ctl) print(answer any, text func(p *printer)) error {
	var p printer
	if c.json || c.pretty {
		e := json.NewEncoder(&p)
		e.SetEscapeHTML(false)
		if c.pretty {
			e.SetIndent("", "    ")
		}
		if err := e.Encode(answer); err != nil {
			return fmt.Errorf("print as JSON: %w", err)
		}
	} else {
		text(&p)
	}
	_, err := c.out.Write(p.Bytes())
	return err
}

// list is v, or an empty list: JSON for nothing is [], as ip prints it.
func list[T any](v []T) []T {
	if v == nil {
		return []T{}
	}
	return v
}
