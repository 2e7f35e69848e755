package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"
)

// plane is the package that mutants change, and replayTests are its tests that
// replay what the kernel's driver did.
const (
	plane       = "flows/ipvlan"
	replayTests = "^(TestGraphDoesWhatTheKernelsDriverDid|TestGraphAnswersRandomFramesAsTheKernelsDriver|TestHostsRoutingReachesTheSlaveThatTheKernelReached)$"
)

// edit replaces a text that stands in a file once.
type edit struct{ file, old, now string }

// mutant is a data plane with one wrong branch.
type mutant struct {
	name  string
	edits []edit
}

// one is a mutant of a single edit.
func one(name, file, old, now string) mutant { return mutant{name, []edit{{file, old, now}}} }

func mutants() []mutant {
	return []mutant{
		one("ARP is keyed by its sender in place of its target", "lookup.go", "t.Lookup4(a.TargetIP())", "t.Lookup4(a.SenderIP())"),
		one("private drops broadcasts", "egress_l2.go", "case floods(frame):", "case e.flag == Private && floods(frame):\n\t\treturn toDrop + flows.Verdict(PrivateSibling)\n\tcase floods(frame):"),
		one("the TTL is one less", "to_return.go", "p.SetTTL(p.TTL() + 1)", "p.SetTTL(p.TTL())"),
		one("an IPv6 address with the same 64 bits gets the packet", "lookup.go", "return t.Lookup6(p.Dst())", "hi, lo := p.Dst()\n\t\treturn t.Lookup6(hi, lo&^1)"),
		{"fragments do not reach slaves", []edit{
			{"plain.go", "kind == ipv4NoOptions && beyond", "kind == ipv4NoOptions && b[20]&0x3f == 0 && b[21] == 0 && beyond"},
			{"lookup.go", "return t.Lookup4(p.Dst())", "id, ok := t.Lookup4(p.Dst())\n\t\t\treturn id, ok && !p.Fragment()"}}},
		{"a broadcast returns to its sender", []edit{
			{"replicate.go", "if i == but {", "if i < 0 {"},
			{"replicate.go", "r.reference(head, len(r.slaves)-1)", "r.reference(head, len(r.slaves)+from-from)"}}},
		one("vepa delivers to siblings", "egress_l2.go", "if e.flag != VEPA && frame.Dst()", "if frame.Dst()"),
		one("l3 lets group frames out", "egress_l3.go", "if frame.Group() {", "if frame.Group() && e.flag > VEPA {"),
		one("private lets unicast through in l3", "egress_l3.go", "case e.flag == Private:", "case e.flag > VEPA:"),
		one("duplicate address detection is keyed by the group", "lookup.go", "return hi|lo == 0 && p.Next() == wire.ProtoICMPv6", "return hi|lo == 1 && p.Next() == wire.ProtoICMPv6"),
	}
}

func mutantsCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "mutants",
		Short: "Build the data plane with one wrong branch at a time, and see whether the replay notices; in the source's folder",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			caught := 0
			for _, m := range mutants() {
				seen, err := m.caught(cmd.Context())
				if err != nil {
					return fmt.Errorf("mutant %q: %w", m.name, err)
				}
				word := "missed"
				if seen {
					word = "caught"
					caught++
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", word, m.name)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "conformance-mutants: %d/%d caught\n", caught, len(mutants()))
			if caught < len(mutants()) {
				return errors.New("a wrong branch is not noticed")
			}
			return nil
		},
	}
}

// caught reports that the replay fails with the mutant. The source is not
// touched: the compiler reads changed copies in its place.
func (m mutant) caught(ctx context.Context) (bool, error) {
	dir, err := os.MkdirTemp("", "ipvconform-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	overlay, err := m.overlay(dir)
	if err != nil {
		return false, err
	}
	if out, err := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, "./"+plane).CombinedOutput(); err != nil {
		return false, fmt.Errorf("build: %w: %s", err, out)
	}
	out, err := exec.CommandContext(ctx, "go", "test", "-overlay", overlay, "-count=1", "-run", replayTests, "./"+plane).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false, nil
	case !errors.As(err, &exit) || !bytes.Contains(out, []byte("--- FAIL")) && !bytes.Contains(out, []byte("panic:")):
		return false, fmt.Errorf("test: %w: %s", err, out)
	}
	return true, nil
}

// overlay writes the changed files to dir, and the file that tells the compiler
// of them (`go help build`, -overlay).
func (m mutant) overlay(dir string) (path string, err error) {
	replace := map[string]string{}
	for _, e := range m.edits {
		source, err := filepath.Abs(filepath.Join(plane, e.file))
		if err != nil {
			return "", err
		}
		copied, changed := replace[source], source
		if copied != "" {
			changed = copied
		}
		text, err := os.ReadFile(changed)
		if err != nil {
			return "", err
		}
		if n := bytes.Count(text, []byte(e.old)); n != 1 {
			return "", fmt.Errorf("%s: %q stands there %d times, want once", e.file, e.old, n)
		}
		replace[source] = filepath.Join(dir, e.file)
		if err := os.WriteFile(replace[source], bytes.Replace(text, []byte(e.old), []byte(e.now), 1), 0o644); err != nil {
			return "", err
		}
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, b, 0o644)
}
