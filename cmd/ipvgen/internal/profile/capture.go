package profile

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"ipvd/flows/wire"
	"ipvd/pmd"
)

// Capture is traffic that was captured: its frames in their order, again and
// again. They bear no stamps.
type Capture struct {
	frames  [][]byte
	pos     int
	mean    float64
	longest int
}

var _ Traffic = (*Capture)(nil)

// maxCapture bounds the bytes that a capture takes in memory.
const maxCapture = 1 << 30

// pcapngMagic begins a section of a pcapng file.
const pcapngMagic = 0x0a0d0d0a

// source is a reader of pcap or pcapng.
type source interface {
	LinkType() layers.LinkType
	ReadPacketData() ([]byte, gopacket.CaptureInfo, error)
}

// OpenCapture reads the frames of a pcap or pcapng file of Ethernet. See
// ReadCapture.
func OpenCapture(file string, dst *wire.MAC) (*Capture, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open capture: %w", err)
	}
	defer f.Close()
	c, err := ReadCapture(f, dst)
	if err != nil {
		return nil, fmt.Errorf("capture %s: %w", file, err)
	}
	return c, nil
}

// ReadCapture reads the frames of a capture. What was cut off when a frame was
// captured is made up with zeros, and so are frames below Ethernet's least. dst
// replaces the destination MAC of unicast frames, unless it is nil.
func ReadCapture(r io.Reader, dst *wire.MAC) (*Capture, error) {
	src, err := openSource(bufio.NewReader(r))
	if err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	if l := src.LinkType(); l != layers.LinkTypeEthernet {
		return nil, fmt.Errorf("link type %v: want Ethernet", l)
	}
	c := &Capture{}
	total := 0
	for {
		data, info, err := src.ReadPacketData()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read frame %d: %w", len(c.frames)+1, err)
		}
		n := max(info.Length, len(data), MinSize-FCSLen)
		if n > MaxSize-FCSLen || len(data) < wire.EthernetLen {
			return nil, fmt.Errorf("frame %d: %d bytes, %d captured: want %d to %d", len(c.frames)+1, info.Length, len(data), wire.EthernetLen, MaxSize-FCSLen)
		}
		if total += n; total > maxCapture {
			return nil, fmt.Errorf("frame %d: the frames before have %d MiB, the most that is replayed", len(c.frames)+1, maxCapture>>20)
		}
		c.add(data, n, dst)
	}
	if len(c.frames) == 0 {
		return nil, errors.New("no frames")
	}
	c.mean = float64(total)/float64(len(c.frames)) + FCSLen
	return c, nil
}

func openSource(r *bufio.Reader) (source, error) {
	head, err := r.Peek(4)
	if err != nil {
		return nil, err
	}
	if binary.BigEndian.Uint32(head) == pcapngMagic {
		return pcapgo.NewNgReader(r, pcapgo.DefaultNgReaderOptions)
	}
	return pcapgo.NewReader(r)
}

func (c *Capture) add(data []byte, n int, dst *wire.MAC) {
	frame := make([]byte, n)
	copy(frame, data)
	if eth := wire.Ethernet(frame); dst != nil && !eth.Group() {
		eth.SetDst(*dst)
	}
	c.frames = append(c.frames, frame)
	c.longest = max(c.longest, n)
}

// Len is the number of frames.
func (c *Capture) Len() int { return len(c.frames) }

// Fill makes m the next frame; after the last comes the first.
func (c *Capture) Fill(m *pmd.Mbuf, _ Stamp) {
	frame := c.frames[c.pos]
	if c.pos++; c.pos == len(c.frames) {
		c.pos = 0
	}
	if m.SetLen(len(frame)) {
		copy(m.Data(), frame)
	}
}

// Stamped is false.
func (c *Capture) Stamped() bool { return false }

// MeanSize is the mean over the capture.
func (c *Capture) MeanSize() float64 { return c.mean }

// MaxFrame is the longest frame.
func (c *Capture) MaxFrame() int { return c.longest }
