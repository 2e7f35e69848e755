// Perf measures ipvd against the loops that a C program would run, against other
// programs, and against itself. See README.md.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"ipvd/perf/measure"
	"ipvd/perf/report"
	"ipvd/pmd/dpdk"
)

// Exit statuses.
const (
	exitFailed = 1  // a row misses its bar, or could not be measured for a fault
	exitNoisy  = 75 // no row misses its bar, but one was too noisy to tell (EX_TEMPFAIL)
)

func main() {
	quick := flag.Bool("quick", os.Getenv("QUICK") == "1", "fewer rounds")
	only := flag.String("run", "", "measure only the scenarios and rows whose name matches")
	list := flag.Bool("list", false, "print each scenario and its rows in a line, and measure nothing")
	steps := flag.Bool("steps", false, "print what a step costs, by burst and slaves, in place of the rows")
	out := flag.String("out", "perf/out/bench.jsonl", "file for the rows")
	flag.Parse()
	if *list {
		os.Exit(printList(*only))
	}
	if *steps {
		os.Exit(printSteps())
	}
	status, err := run(*quick, *only, *out)
	if err != nil {
		fmt.Fprintln(os.Stderr, "perf:", err)
	}
	os.Exit(status)
}

// bench is what the scenarios share.
type bench struct {
	rt      *dpdk.Runtime
	dir     string // for capture files
	rounds  int
	turn    uint64 // packets of a turn
	quick   bool
	wanted  []string // the rows that the running scenario is asked for
	beds    int      // made so far, for names
	cpus    []int
	cleanup cleanup
}

// tries is how often a noisy comparison is made at most.
const tries = 3

// quiet compares variants, of which the first tells how noisy the machine is.
func (b *bench) quiet(variants ...measure.Variant) (measure.Rounds, error) {
	return measure.Quiet(tries, b.rounds, variants...)
}

// choose are the scenarios that -run asks for.
func choose(only string) ([]scenario, error) {
	filter, err := regexp.Compile(only)
	if err != nil {
		return nil, fmt.Errorf("-run: %w", err)
	}
	some := chosen(scenarios(), filter)
	if len(some) == 0 {
		return nil, fmt.Errorf("-run %q: no scenario or row has such a name; -list shows them", only)
	}
	return some, nil
}

// printList gives the exit status.
func printList(only string) int {
	some, err := choose(only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "perf:", err)
		return exitFailed
	}
	for _, s := range some {
		fmt.Println(s.name, strings.Join(s.rows, " "))
	}
	return 0
}

// printSteps gives the exit status.
func printSteps() int {
	b, end, err := start(false)
	if err == nil {
		err = errors.Join(b.stepCosts(os.Stdout), end())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "perf:", err)
		return exitFailed
	}
	return 0
}

func run(quick bool, only, out string) (status int, err error) {
	some, err := choose(only)
	if err != nil {
		return exitFailed, err
	}
	b, end, err := start(quick)
	if err != nil {
		return exitFailed, err
	}
	rows, status := b.all(some)
	err = errors.Join(end(), report.Table(os.Stdout, rows), report.WriteFile(out, rows))
	if err != nil {
		status = exitFailed
	}
	return status, err
}

// start makes the calling goroutine's thread a worker.
func start(quick bool) (b *bench, end func() error, err error) {
	b = &bench{rounds: 15, turn: turnPackets, quick: quick}
	if quick {
		b.rounds, b.turn = 7, quickTurn
	}
	if b.cpus, err = allowedCPUs(); err != nil {
		return nil, nil, err
	}
	b.cleanup.onInterrupt()
	if b.dir, err = os.MkdirTemp("", "ipvd-perf"); err != nil {
		return nil, nil, err
	}
	removeDir := b.cleanup.add(func() error { return os.RemoveAll(b.dir) })
	b.rt, err = dpdk.Start(dpdk.Config{NoPCI: true, NoHuge: true, MemMB: 768, Prefix: fmt.Sprintf("perf%d", os.Getpid())})
	if err != nil {
		return nil, nil, errors.Join(err, removeDir())
	}
	runtime.LockOSThread()
	unregister, err := b.rt.Register()
	if err != nil {
		return nil, nil, errors.Join(err, b.rt.Close(), removeDir())
	}
	return b, func() error {
		unregister()
		return errors.Join(b.rt.Close(), removeDir())
	}, nil
}

// all runs scenarios, and gives their rows and the exit status.
func (b *bench) all(some []scenario) (rows []report.Row, status int) {
	noisy := false
	for _, s := range some {
		fmt.Fprintln(os.Stderr, "measuring", s.name)
		got, err := s.measured(b)
		if err != nil {
			if !errors.Is(err, measure.ErrNoisy) {
				got = nil // what was measured is in doubt as well
			}
			for _, name := range s.rows {
				if !slices.ContainsFunc(got, func(r report.Row) bool { return r.Name == name }) {
					got = append(got, report.Unmeasured(name, "", err.Error()))
				}
			}
			switch {
			case errors.Is(err, errAbsent):
			case errors.Is(err, measure.ErrNoisy):
				noisy = true
			default:
				status = exitFailed
			}
		}
		rows = append(rows, got...)
	}
	if len(report.Failed(rows)) > 0 {
		status = exitFailed
	}
	if status == 0 && noisy {
		status = exitNoisy
	}
	return rows, status
}
