package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed page.html
var page string

// HTML writes the documents as one page, which refers to nothing outside it.
func HTML(w io.Writer, docs ...Document) error {
	t, err := template.New("report").Funcs(template.FuncMap{"join": strings.Join}).Parse(page)
	if err != nil {
		return fmt.Errorf("report's template: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, struct {
		Documents []Document
		Charts    []Chart
	}{docs, charts(docs)}); err != nil {
		return fmt.Errorf("make report: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
