package watch

import (
	"encoding/binary"
	"time"

	"ipvd/pmd"
)

// A record is a header, data bytes and, of a trace, steps:
//
//	0 time in ns   8 place   12 received by   16 length of the frame
//	20 data bytes  24 steps  28 steps that did not fit
const headerLen = 32

// A step is its place, the frame's length, and headLen bytes of it with how many
// of them count.
const (
	headLen = 64
	stepLen = 12 + headLen
)

// header is a record's, to be put into a ring.
type header struct {
	time              int64
	place, by, length uint32
	data, steps, more uint32
}

func (h *header) encode(b *[headerLen]byte) {
	binary.LittleEndian.PutUint64(b[0:], uint64(h.time))
	for i, v := range [...]uint32{h.place, h.by, h.length, h.data, h.steps, h.more} {
		binary.LittleEndian.PutUint32(b[8+4*i:], v)
	}
}

func (s *Session) decode(b []byte) Packet {
	word := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	data, steps := int(word(20)), int(word(24))
	p := Packet{Time: time.Unix(0, int64(binary.LittleEndian.Uint64(b))), Place: s.place(word(8)), By: s.place(word(12)),
		Len: int(word(16)), Data: b[headerLen : headerLen+data], More: int(word(28))}
	at := headerLen + data
	for range steps {
		p.Steps = append(p.Steps, Step{Place: s.place(word(at)), Len: int(word(at + 4)), Head: b[at+12 : at+12+int(word(at+8))]})
		at += stepLen
	}
	return p
}

// encodeStep writes a step that happens to m; nil: to no packet in particular.
func encodeStep(b *[stepLen]byte, place uint32, m *pmd.Mbuf) {
	n, length := 0, 0
	if m != nil {
		n, length = copy(b[12:], m.Data()), m.Len()
	}
	binary.LittleEndian.PutUint32(b[0:], place)
	binary.LittleEndian.PutUint32(b[4:], uint32(length))
	binary.LittleEndian.PutUint32(b[8:], uint32(n))
}
