package iproute

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// batch does the lines of a file, or of standard input when it is called "-".
func (t Tool) batch(l line) int {
	in := t.in
	if l.batch != "-" {
		f, err := os.Open(l.batch)
		if err != nil {
			fmt.Fprintf(t.err, "ip: cannot open the batch: %v\n", err)
			return exitUsage
		}
		defer f.Close()
		in = f
	}
	force := slices.ContainsFunc(l.options, func(o string) bool {
		return globalOption(strings.TrimLeft(o, "-")).name == "force"
	})
	if l.netns != "" {
		l.options = append(l.options, "-n", l.netns)
	}
	return t.lines(in, l, force)
}

func (t Tool) lines(in io.Reader, l line, force bool) (status int) {
	// A line's own input is not the rest of the batch.
	one := t
	one.in = nil
	scan := bufio.NewScanner(in)
	for n := 1; scan.Scan(); n++ {
		text, _, _ := strings.Cut(scan.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		if one.Run(append(slices.Clone(l.options), words...)) == 0 {
			continue
		}
		fmt.Fprintf(t.err, "Command failed %s:%d\n", l.batch, n)
		status = exitRefused
		if !force {
			return status
		}
	}
	return status
}
