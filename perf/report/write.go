package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

// Table prints the rows for people.
func Table(w io.Writer, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "row\tagainst\tvalue\tunit\tratio\tmin to max\tbar\tgoal\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.Ref, number(r.Value), r.Unit,
			number(r.Ratio), span(r), number(r.Bar), r.Goal, verdict(r))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print table: %w", err)
	}
	return nil
}

// WriteFile writes the rows to a file, one JSON object a line, and makes its
// folder.
func WriteFile(path string, rows []Row) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	enc := json.NewEncoder(f)
	for _, r := range rows {
		if err := enc.Encode(r); err != nil {
			f.Close()
			return fmt.Errorf("write rows to %s: row %s: %w", path, r.Name, err)
		}
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}

// Failed are the rows that miss their bar.
func Failed(rows []Row) (failed []Row) {
	for _, r := range rows {
		if r.OK != nil && !*r.OK {
			failed = append(failed, r)
		}
	}
	return failed
}

func verdict(r Row) string {
	switch {
	case r.OK != nil && *r.OK:
		return "ok"
	case r.OK != nil:
		return "BELOW THE BAR"
	case r.Why != "":
		return short(r.Why)
	}
	return "not judged"
}

// short is what fits a line of s; the file has all of it.
func short(s string) string {
	const most = 100
	line, _, _ := strings.Cut(s, "\n")
	if r := []rune(line); len(r) > most {
		line = string(r[:most])
	}
	if line != s {
		line += " …"
	}
	return line
}

func span(r Row) string {
	lo, hi := r.RatioMin, r.RatioMax
	if lo == nil {
		lo, hi = r.Min, r.Max
	}
	if lo == nil {
		return ""
	}
	return number(lo) + " to " + number(hi)
}

// number prints three digits that count, or all of them before the point.
func number(v *float64) string {
	switch {
	case v == nil:
		return ""
	case *v >= 1000:
		return fmt.Sprintf("%.0f", *v)
	}
	return fmt.Sprintf("%.3g", *v)
}
