package profile

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"ipvd/flows/wire"
)

// unicast and group are frames of 80 bytes.
func unicast() []byte { return bytes.Repeat([]byte{0x02}, 80) }
func group() []byte   { return bytes.Repeat([]byte{0xff}, 80) }

// pcap writes a capture of the frames, of each of which cut bytes are missing.
func pcap(t testing.TB, link layers.LinkType, cut int, frames ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := pcapgo.NewWriter(&b)
	if err := w.WriteFileHeader(65535, link); err != nil {
		t.Fatal(err)
	}
	writeAll(t, w, cut, frames)
	return b.Bytes()
}

func pcapng(t testing.TB, frames ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := pcapgo.NewNgWriter(&b, layers.LinkTypeEthernet)
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, w, 0, frames)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func writeAll(t testing.TB, w interface {
	WritePacket(gopacket.CaptureInfo, []byte) error
}, cut int, frames [][]byte) {
	t.Helper()
	for _, f := range frames {
		kept := f[:len(f)-cut]
		if err := w.WritePacket(gopacket.CaptureInfo{CaptureLength: len(kept), Length: len(f)}, kept); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCaptureIsReplayedInOrderAgainAndAgain(t *testing.T) {
	for name, data := range map[string][]byte{
		"pcap":   pcap(t, layers.LinkTypeEthernet, 0, unicast(), group()),
		"pcapng": pcapng(t, unicast(), group()),
	} {
		c, err := ReadCapture(bytes.NewReader(data), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := frames(t, c, 3); !slices.EqualFunc(got, [][]byte{unicast(), group(), unicast()}, bytes.Equal) {
			t.Errorf("%s: replayed %x", name, got)
		}
		if c.Len() != 2 || c.MaxFrame() != 80 || c.MeanSize() != 84 || c.Stamped() {
			t.Errorf("%s: %d frames, longest %d, mean %v, stamped %v", name, c.Len(), c.MaxFrame(), c.MeanSize(), c.Stamped())
		}
	}
}

func TestCutFramesKeepTheirLength(t *testing.T) {
	c, err := ReadCapture(bytes.NewReader(pcap(t, layers.LinkTypeEthernet, 66, unicast(), unicast()[:66+14])), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := append(bytes.Repeat([]byte{2}, 14), make([]byte, 66)...)
	if got := frames(t, c, 1)[0]; !bytes.Equal(got, want) {
		t.Errorf("replayed %x, want the 14 captured bytes and 66 zeros", got)
	}
}

func TestShortFramesAreMadeUp(t *testing.T) {
	c, err := ReadCapture(bytes.NewReader(pcap(t, layers.LinkTypeEthernet, 0, unicast()[:20])), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.MaxFrame() != MinSize-FCSLen {
		t.Errorf("a frame of 20 bytes is replayed with %d, want %d", c.MaxFrame(), MinSize-FCSLen)
	}
}

func TestDestinationIsReplacedInUnicastOnly(t *testing.T) {
	dst := wire.MAC{0x06, 1, 2, 3, 4, 5}
	c, err := ReadCapture(bytes.NewReader(pcap(t, layers.LinkTypeEthernet, 0, unicast(), group())), &dst)
	if err != nil {
		t.Fatal(err)
	}
	got := frames(t, c, 2)
	if wire.Ethernet(got[0]).Dst() != dst || !bytes.Equal(got[0][6:], unicast()[6:]) || !bytes.Equal(got[1], group()) {
		t.Errorf("replayed %x", got)
	}
}

func TestWrongCapturesAreRefused(t *testing.T) {
	good := pcap(t, layers.LinkTypeEthernet, 0, unicast())
	for word, data := range map[string][]byte{
		"EOF":       nil,
		"header":    []byte("not a capture"),
		"link type": pcap(t, layers.LinkTypeRaw, 0, unicast()),
		"no frames": pcap(t, layers.LinkTypeEthernet, 0),
		"frame 1":   good[:len(good)-1],
		"frame 2":   pcap(t, layers.LinkTypeEthernet, 0, unicast(), make([]byte, 20000)),
	} {
		if _, err := ReadCapture(bytes.NewReader(data), nil); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("error %v, want one with %q", err, word)
		}
	}
	file := filepath.Join(t.TempDir(), "empty.pcap")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, file + ".none"} {
		if _, err := OpenCapture(name, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want one that names %s", err, name)
		}
	}
}

func FuzzReadCapture(f *testing.F) {
	f.Add(pcap(f, layers.LinkTypeEthernet, 0, unicast(), group()))
	f.Add(pcapng(f, unicast()))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ReadCapture(io.LimitReader(bytes.NewReader(data), 1<<16), nil)
		if err == nil && (c.Len() == 0 || c.MaxFrame() < MinSize-FCSLen || c.MeanSize() > MaxSize) {
			t.Errorf("%d frames, longest %d, mean %v", c.Len(), c.MaxFrame(), c.MeanSize())
		}
	})
}
