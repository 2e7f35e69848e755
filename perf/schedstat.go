package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// threadSchedstat finds the schedstat file of a process's only thread that has
// a word in its name.
func threadSchedstat(pid int, word string) (string, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil {
		return "", err
	}
	for _, dir := range tasks {
		name, err := os.ReadFile(filepath.Join(dir, "comm"))
		if err == nil && strings.Contains(string(name), word) {
			return filepath.Join(dir, "schedstat"), nil
		}
	}
	return "", fmt.Errorf("process %d has no thread with %q in its name", pid, word)
}

// cpuTime reads the CPU time of a thread from its schedstat file: the first
// number, in nanoseconds.
func cpuTime(schedstat string) (time.Duration, error) {
	text, err := os.ReadFile(schedstat)
	if err != nil {
		return 0, err
	}
	var ns int64
	if _, err := fmt.Sscan(string(text), &ns); err != nil {
		return 0, fmt.Errorf("%s: %q: %w", schedstat, text, err)
	}
	return time.Duration(ns), nil
}
