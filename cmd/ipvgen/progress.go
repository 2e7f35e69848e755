package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"

	"ipvd/cmd/ipvgen/internal/trial"
)

// progress shows how a trial goes, on a terminal.
type progress struct {
	out   io.Writer // nil: nobody looks
	what  string    // the test that is run
	size  string    // of the frames of the trial that goes on
	bar   *progressbar.ProgressBar
	shown time.Duration // when the bar was last moved, in its trial
}

// refresh is how often the bar moves.
const refresh = 250 * time.Millisecond

// newProgress shows on f when that is a terminal.
func newProgress(f *os.File, what string) *progress {
	p := &progress{what: what}
	if isatty.IsTerminal(f.Fd()) {
		p.out = f
	}
	return p
}

// begin starts the bar of a trial.
func (p *progress) begin(size string, l trial.Load) {
	if p.out == nil {
		return
	}
	p.size, p.shown = size, 0
	total := int64(l.Duration / time.Millisecond)
	if total == 0 {
		total = int64(l.Count)
	}
	if total == 0 {
		total = -1 // of unknown length
	}
	p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.out), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetDescription(fmt.Sprintf("%s %s", p.what, size)), progressbar.OptionSetWidth(30),
		progressbar.OptionSetPredictTime(true))
}

// show moves the bar.
func (p *progress) show(l trial.Load, now trial.Progress) {
	if p.bar == nil || now.Elapsed-p.shown < refresh {
		return
	}
	p.shown = now.Elapsed
	p.bar.Describe(fmt.Sprintf("%s %s: %d sent, %d received", p.what, p.size, now.Sent, now.Received))
	at := now.Elapsed.Milliseconds()
	if l.Duration == 0 && l.Count > 0 {
		at = int64(max(now.Sent, now.Received))
	}
	// A terminal that cannot be written to must not end the test.
	_ = p.bar.Set64(min(at, max(p.bar.GetMax64(), 0)))
}

// end takes the bar off.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
		p.bar = nil
	}
}
