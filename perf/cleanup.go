package main

import (
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"
)

// cleanup is what must be undone when the bench ends, also when it is
// interrupted: processes, namespaces, folders.
type cleanup struct {
	mu    sync.Mutex
	steps []*cleanupStep // the last one is undone first
}

type cleanupStep struct{ undo func() error }

// add gives what undoes the step, once: whoever calls it first, the caller or
// an interrupt.
func (c *cleanup) add(undo func() error) (now func() error) {
	step := &cleanupStep{undo}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steps = append(c.steps, step)
	return func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		return step.run()
	}
}

// run undoes the step if nobody has. Under cleanup.mu.
func (s *cleanupStep) run() error {
	undo := s.undo
	s.undo = nil
	if undo == nil {
		return nil
	}
	return undo()
}

// all undoes what is not undone. Errors have nobody to tell: the process ends.
// The lock is kept, so that nothing new begins.
func (c *cleanup) all() {
	c.mu.Lock()
	for i := len(c.steps) - 1; i >= 0; i-- {
		_ = c.steps[i].run()
	}
}

// onInterrupt undoes everything when the process is told to end, and ends it.
func (c *cleanup) onInterrupt() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, unix.SIGINT, unix.SIGTERM)
	go func() {
		s := <-told
		c.all()
		os.Exit(128 + int(s.(unix.Signal)))
	}()
}
