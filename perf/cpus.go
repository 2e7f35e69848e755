package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// allowedCPUs are those that the bench may use, two of which it needs: one for
// what is measured, one for what goes on meanwhile.
func allowedCPUs() (cpus []int, err error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("allowed CPUs: %w", err)
	}
	for cpu := 0; len(cpus) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	if len(cpus) < 2 {
		return nil, fmt.Errorf("the bench may use CPUs %v only: it needs two", cpus)
	}
	return cpus, nil
}

// pin ties the calling thread, which must be locked, to a CPU.
func pin(cpu int) (unpin func(), err error) {
	var before, only unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return nil, fmt.Errorf("pin to CPU %d: %w", cpu, err)
	}
	only.Set(cpu)
	if err := unix.SchedSetaffinity(0, &only); err != nil {
		return nil, fmt.Errorf("pin to CPU %d: %w", cpu, err)
	}
	// It was allowed before.
	return func() { _ = unix.SchedSetaffinity(0, &before) }, nil
}
