package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"ipvd/cmd/ipvgen/internal/report"
)

// outputFlags say where results go, besides the table on standard output.
type outputFlags struct {
	set    *pflag.FlagSet
	json   string
	report string
}

func newOutputFlags() *outputFlags {
	o := &outputFlags{set: pflag.NewFlagSet("output", pflag.ContinueOnError)}
	o.set.StringVar(&o.json, "json", "", "write the result to FILE as JSON; - is standard output, instead of the table")
	o.set.StringVar(&o.report, "report", "", "write an HTML page with plots to FILE")
	return o
}

// check refuses files that cannot be written, before a test spends an hour on
// what would go there.
func (o *outputFlags) check() error {
	for _, name := range []string{o.json, o.report} {
		if name == "" || name == "-" {
			continue
		}
		f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o666)
		if err != nil {
			return err
		}
		f.Close()
	}
	return nil
}

// write writes d to wherever it was asked for.
func (o *outputFlags) write(d report.Document, stdout io.Writer) error {
	var errs []error
	if o.json == "-" {
		errs = append(errs, d.JSON(stdout))
	} else {
		errs = append(errs, d.Table(stdout))
		if o.json != "" {
			errs = append(errs, create(o.json, d.JSON))
		}
	}
	if o.report != "" {
		errs = append(errs, create(o.report, func(w io.Writer) error { return report.HTML(w, d) }))
	}
	return errors.Join(errs...)
}

// create writes a file.
func create(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// newDocument is a result without results.
func newDocument(r *rig, p *portFlags, traffic string) report.Document {
	return report.Document{Format: report.Format, Version: Version, Command: os.Args, Started: time.Now(), LineBPS: float64(p.line),
		Machine: machine(r.rt.Hugepages()), Ports: r.described, Traffic: traffic}
}

// machine describes this one; what cannot be read is left out.
func machine(hugepages bool) report.Machine {
	m := report.Machine{CPUs: runtime.NumCPU(), Hugepages: hugepages, CPU: "unknown CPU"}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return m
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if key, v, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			m.CPU = strings.TrimSpace(v)
			return m
		}
	}
	return m
}
