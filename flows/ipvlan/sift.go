package ipvlan

import (
	"encoding/binary"
	"math"

	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// sifted is how many packets are classified at a time.
const sifted = 256

// sift is scratch of the stages that classify, by place of a packet in the burst. Packets of one
// kind that follow one another are read in one loop and looked up in the next:
// short loops without calls keep their state in registers, and let the processor
// wait for many packets, or many slots of the table, at a time.
type sift struct {
	verdicts [sifted]flows.Verdict
	bytes    [sifted]uint32
	dst4     [sifted]uint32
	id4      [sifted]uint64 // of the slave that has dst4; beyond maxValue: not found at once
	dst6     [sifted]words6
	entry    [sifted]uint32 // index of the entry that may have dst6
}

// words6 is an IPv6 address, two big-endian numbers.
type words6 struct{ hi, lo uint64 }

// note takes the verdict on packet i, m, which was looked at alone and came with length
// bytes. It gives what sort is to be told of it: that it must be measured if it has several
// segments, is not finished or has another length now, else nothing.
func (s *sift) note(i int, m *pmd.Mbuf, length int, v flows.Verdict) (least uint32) {
	s.verdicts[i%sifted], s.bytes[i%sifted] = v, uint32(length)
	if !m.Whole() || m.Offload() || m.Len() != length {
		return math.MaxUint32
	}
	return 0
}

// longest is the length of the longest packet from place i to end, in bytes.
func (s *sift) longest(i, end int) (bytes uint32) {
	for _, n := range s.bytes[i:end] {
		bytes = max(bytes, n)
	}
	return bytes
}

// read4 reads plain IPv4 packets from place i on, and gives the place of the first
// that is none.
func (s *sift) read4(pkts []*pmd.Mbuf, i int, mac uint64) int {
	pkts, mac = pkts[:min(len(pkts), sifted)], mac<<macAbove
	dst, bytes := &s.dst4, &s.bytes
	for ; uint(i) < uint(len(pkts)); i++ {
		m := pkts[i]
		b := m.Data()
		if len(b) < plainLen || !m.Whole() || !m.Ready() || !plain4((*[plainLen]byte)(b), uint32(len(b)), mac) {
			break
		}
		dst[i], bytes[i] = binary.BigEndian.Uint32(b[30:]), uint32(len(b))
	}
	return i
}

// find4 gives the packets from place i to end their verdicts.
func (s *sift) find4(t *slots, p *plane, i, end int) {
	s.look4(t, i, end)
	for i = s.known4(p.byID, i, end); i < end; i = s.known4(p.byID, i+1, end) {
		v := toHost
		if id, ok := t.far4(t.hash4(s.dst4[i%sifted]), s.dst4[i%sifted]); ok {
			v = p.slaveVerdict(id)
		}
		s.verdicts[i%sifted] = v
	}
}

// read6 does for plain IPv6 what read4 does for IPv4.
func (s *sift) read6(pkts []*pmd.Mbuf, i int, mac uint64) int {
	pkts, mac = pkts[:min(len(pkts), sifted)], mac<<macAbove
	dst, bytes := &s.dst6, &s.bytes
	for ; uint(i) < uint(len(pkts)); i++ {
		m := pkts[i]
		b := m.Data()
		if len(b) < plain6Len || !m.Whole() || !m.Ready() || !plain6((*[plain6Len]byte)(b), mac) {
			break
		}
		dst[i].hi, dst[i].lo = wire.IPv6(b[wire.EthernetLen:]).Dst()
		bytes[i] = uint32(len(b))
	}
	return i
}

// find6 does for IPv6 what find4 does for IPv4. Entries are looked at in loops of
// their own, when the words of all packets have been asked for.
func (s *sift) find6(t *slots6, p *plane, i, end int) {
	s.entries6(t, i, end)
	for i = s.known6(t.entries, p.byID, i, end); i < end; i = s.known6(t.entries, p.byID, i+1, end) {
		d, v := &s.dst6[i%sifted], toHost
		if id, ok := t.lookup(d.hi, d.lo); ok {
			v = p.slaveVerdict(id)
		}
		s.verdicts[i%sifted] = v
	}
}
