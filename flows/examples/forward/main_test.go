package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

func writePcap(t *testing.T, file string, frames []string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := pcapgo.NewWriter(f)
	if err := w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	for _, frame := range frames {
		if err := w.WritePacket(gopacket.CaptureInfo{CaptureLength: len(frame), Length: len(frame)}, []byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
}

func readPcap(t *testing.T, file string) (frames []string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for {
		data, _, err := r.ReadPacketData()
		if err != nil {
			return frames
		}
		frames = append(frames, string(data))
	}
}

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
		writePcap(t, in, frames[side])
		args = append(args, fmt.Sprintf("net_pcap%d,rx_pcap=%s,tx_pcap=%s", side, in, out))
	}
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("forward: %v\n%s", err, out)
	}
	for side, name := range []string{"a", "b"} {
		if got := readPcap(t, filepath.Join(dir, name+".sent")); !slices.Equal(got, frames[1-side]) {
			t.Errorf("port %s sent %d frames, want the %d of the other port in order\n%s", name, len(got), n, out)
		}
	}
}
