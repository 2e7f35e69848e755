package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"ipvd/flows"
)

// faultLog reports panics of stages, at most one a second: a frame that makes a
// stage panic can come again and again.
type faultLog struct {
	log zerolog.Logger

	mu      sync.Mutex
	last    time.Time
	skipped int
}

// report is called on the worker's goroutine.
func (f *faultLog) report(fault flows.Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.last) < time.Second {
		f.skipped++
		return
	}
	f.log.Error().Int("worker", fault.Worker).Str("panic", fmt.Sprint(fault.Value)).Int("packets", fault.Freed).Bytes("stack", fault.Stack).
		Int("not_logged", f.skipped).Msg("a stage failed; its packets are dropped, the worker goes on")
	f.last, f.skipped = time.Now(), 0
}
