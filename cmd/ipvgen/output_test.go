package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ipvd/cmd/ipvgen/internal/report"
	"ipvd/cmd/ipvgen/internal/trial"
)

func oneRun() report.Document {
	return report.Document{Format: report.Format, Machine: machine(false),
		Runs: []report.Run{{Size: "64", Outcome: trial.Outcome{Seconds: 1, Offered: 4711, Received: 4711}}}}
}

func TestJSONOnStandardOutputTakesTheTablesPlace(t *testing.T) {
	var out bytes.Buffer
	o := outputFlags{json: "-"}
	if err := o.write(oneRun(), &out); err != nil {
		t.Fatal(err)
	}
	d, err := report.Read(&out)
	if err != nil || len(d.Runs) != 1 || d.Runs[0].Offered != 4711 || out.Len() != 0 {
		t.Errorf("read %+v (%v), then %q", d.Runs, err, out.String())
	}
}

func TestResultsGoToTableAndFiles(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	o := outputFlags{json: filepath.Join(dir, "a.json"), report: filepath.Join(dir, "a.html")}
	if err := o.write(oneRun(), &out); err != nil {
		t.Fatal(err)
	}
	docs, err := readResults([]string{o.json, o.json})
	if err != nil || len(docs) != 2 || docs[1].Runs[0].Received != 4711 {
		t.Errorf("read %+v, %v", docs, err)
	}
	page, err := os.ReadFile(o.report)
	if err != nil || !bytes.Contains(page, []byte("4 711")) || !strings.Contains(out.String(), "4 711") {
		t.Errorf("page %d bytes (%v), table %q: want 4 711 in both", len(page), err, out.String())
	}
}

func TestUnwritableFileIsNamedAndTheTablePrintedNonetheless(t *testing.T) {
	var out bytes.Buffer
	o := outputFlags{json: "/nonexistent/a.json", report: "/nonexistent/a.html"}
	err := o.write(oneRun(), &out)
	if err == nil || !strings.Contains(err.Error(), o.json) || !strings.Contains(err.Error(), o.report) || out.Len() == 0 {
		t.Errorf("error %v, table %q", err, out.String())
	}
}

func TestFileThatIsNoResultIsNamed(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.json")
	if err := os.WriteFile(name, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readResults([]string{name}); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("error %v, want one that names %s", err, name)
	}
}

func TestMachineIsDescribed(t *testing.T) {
	if m := machine(true); m.CPU == "" || m.Kernel == "" || m.CPUs < 1 || !m.Hugepages {
		t.Errorf("%+v", m)
	}
}

func TestProgressMovesFourTimesASecond(t *testing.T) {
	var out bytes.Buffer
	p := &progress{out: &out, what: "throughput"}
	l := trial.Load{Duration: 2 * time.Second}
	p.begin("64", l)
	for at := time.Duration(0); at <= 2*time.Second; at += 20 * time.Millisecond {
		p.show(l, trial.Progress{Elapsed: at, Sent: uint64(at / time.Millisecond), Received: 7})
	}
	p.end()
	if n := strings.Count(out.String(), "received"); n < 4 || n > 20 || !strings.Contains(out.String(), "throughput 64: 1040 sent, 7 received") {
		t.Errorf("%d drawings: %q", n, out.String())
	}
}

func TestProgressOfACountFollowsThePackets(t *testing.T) {
	var out bytes.Buffer
	p := &progress{out: &out, what: "run"}
	l := trial.Load{Count: 200}
	p.begin("64", l)
	p.show(l, trial.Progress{Elapsed: time.Hour, Sent: 100})
	if got := p.bar.State().CurrentPercent; got != 0.5 {
		t.Errorf("the bar stands at %v after 100 of 200 packets", got)
	}
	p.end()
}

func TestNobodyIsShownProgressWithoutATerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := newProgress(f, "run")
	p.begin("64", trial.Load{})
	p.show(trial.Load{}, trial.Progress{Elapsed: time.Second})
	p.end()
	if info, err := f.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("%d bytes are written to a file (%v)", info.Size(), err)
	}
}
