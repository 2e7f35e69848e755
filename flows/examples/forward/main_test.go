package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"ipvd/flows/examples/pcaptest"
)

func TestForwardRelaysBothWays(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "forward")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	const n = 200
	var frames [2][]string
	args := []string{"-no-huge", "-no-pci", "-packets", fmt.Sprint(2 * n)}
	for side, name := range []string{"a", "b"} {
		for i := range n {
			frames[side] = append(frames[side], fmt.Sprintf("%-60s", fmt.Sprintf("frame %d of %s", i, name)))
		}
		in, out := filepath.Join(dir, name), filepath.Join(dir, name+".sent")
		pcaptest.Write(t, in, frames[side])
		args = append(args, fmt.Sprintf("net_pcap%d,rx_pcap=%s,tx_pcap=%s", side, in, out))
	}
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("forward: %v\n%s", err, out)
	}
	for side, name := range []string{"a", "b"} {
		if got := pcaptest.Read(t, filepath.Join(dir, name+".sent")); !slices.Equal(got, frames[1-side]) {
			t.Errorf("port %s sent %d frames, want the %d of the other port in order\n%s", name, len(got), n, out)
		}
	}
}
