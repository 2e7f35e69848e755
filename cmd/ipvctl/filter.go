package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"golang.org/x/net/bpf"
)

// compile makes a BPF program of a filter in tcpdump's language, of Ethernet
// frames; none of an empty one. tcpdump does it, which alone knows the whole
// language (pcap-filter(7)).
func compile(ctx context.Context, filter string) ([]bpf.RawInstruction, error) {
	if strings.TrimSpace(filter) == "" {
		return nil, nil
	}
	cmd := exec.CommandContext(ctx, "tcpdump", "-y", "EN10MB", "-ddd", "--", filter)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("filter %q: tcpdump, which compiles filters, is not installed: apt-get install tcpdump", filter)
	}
	if err != nil {
		return nil, fmt.Errorf("filter %q: %s", filter, strings.TrimPrefix(strings.TrimSpace(errs.String()), "tcpdump: "))
	}
	p, err := parseProgram(string(out))
	if err != nil {
		return nil, fmt.Errorf("filter %q: output of tcpdump -ddd: %w", filter, err)
	}
	return p, nil
}

// parseProgram reads what tcpdump -ddd prints: the number of instructions, then one
// a line in decimal numbers.
func parseProgram(text string) (p []bpf.RawInstruction, err error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, line := range lines[1:] {
		words := strings.Fields(line)
		if len(words) != 4 {
			return nil, fmt.Errorf("line %q has %d numbers, not 4", line, len(words))
		}
		var n [4]uint64
		for i, bits := range []int{16, 8, 8, 32} {
			if n[i], err = strconv.ParseUint(words[i], 10, bits); err != nil {
				return nil, fmt.Errorf("line %q: %w", line, err)
			}
		}
		p = append(p, bpf.RawInstruction{Op: uint16(n[0]), Jt: uint8(n[1]), Jf: uint8(n[2]), K: uint32(n[3])})
	}
	if lines[0] != strconv.Itoa(len(p)) || len(p) == 0 {
		return nil, fmt.Errorf("%d instructions, announced were %q", len(p), lines[0])
	}
	return p, nil
}
