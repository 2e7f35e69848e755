package main

import (
	"errors"
	"fmt"
	"slices"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/store"
)

// step is a part of a change of what runs. The change of a step says it to people.
type step struct {
	change api.ConfigChange
	phase  phase
	// do does it and gives how to undo it, which nil says needs nothing.
	do func() (undo func() error, err error)
	// finish does what cannot be undone, when all steps are done and without the
	// daemon's mu; nil: nothing.
	finish func() error

	// record is where it says what the file declares, was what it declared before,
	// to be put back when a start cannot do the step.
	record *store.DeclaredSlave
	was    store.DeclaredSlave
}

// phase is the order of steps: what frees names and addresses comes before what
// needs them. Steps of one phase are done in the order in which they were planned.
type phase int

const (
	phaseRemove  phase = iota // slaves that have what others are to have
	phaseRelease              // addresses
	phaseMove                 // slaves to other namespaces and names
	phaseAdd                  // slaves
	phaseMode                 // of masters
	phaseChange               // all else
	phaseEnd                  // slaves whose place nobody takes: nothing fails after them
)

// held says that the graph is swapped once for all steps of such phases that follow
// one another. A mode must be in force before what the last one needed is closed.
func (p phase) held() bool { return p <= phaseAdd || p == phaseEnd }

// transact does all steps, or none: when one fails those before it are undone, the
// last one first. Under mu. The steps come in the order of their phases. One new graph takes up all slaves that come and go.
func (d *daemon) transact(steps []step) error {
	var undo []func() error
	undone := func(err error) error {
		d.holding = false
		for _, f := range slices.Backward(undo) {
			if failed := f(); failed != nil {
				err = errors.Join(err, fmt.Errorf("undo: %w", failed))
			}
		}
		return err
	}
	for _, s := range steps {
		if d.holding && !s.phase.held() {
			if err := d.release(); err != nil {
				return undone(err)
			}
		}
		d.holding = s.phase.held()
		u, err := s.do()
		if u != nil {
			undo = append(undo, u)
		}
		if err != nil {
			return undone(fmt.Errorf("%s: %w", s.change.On, err))
		}
	}
	if err := d.release(); err != nil {
		return undone(err)
	}
	return nil
}

// release makes the workers run the graph that was held back. Under mu.
func (d *daemon) release() error {
	if !d.holding {
		return nil
	}
	d.holding = false
	if err := d.swap(); err != nil {
		return fmt.Errorf("take the changes into the graph: %w", err)
	}
	return nil
}

// swapNow swaps though a transaction holds changes back. Under mu.
func (d *daemon) swapNow() error {
	held := d.holding
	d.holding = false
	err := d.swap()
	d.holding = held
	return err
}
