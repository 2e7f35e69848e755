package ipvlan

import (
	"encoding/binary"

	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// sifted is how many packets are classified at a time.
const sifted = 256

// sift is the scratch of classify, by place of a packet in the burst. Packets of one
// kind that follow one another are read in one loop and looked up in the next:
// short loops without calls keep their state in registers, and let the processor
// wait for many packets, or many slots of the table, at a time.
type sift struct {
	verdicts [sifted]flows.Verdict
	bytes    [sifted]uint32
	dst4     [sifted]uint32
	dst6     [sifted]struct{ hi, lo uint64 }
	entry    [sifted]uint32 // index of the entry that may have dst6
	missed   [sifted]uint8
}

// read4 reads plain IPv4 packets from place i on, and gives the place of the first
// that is none.
func (s *sift) read4(pkts []*pmd.Mbuf, i int, mac uint64) int {
	pkts = pkts[:min(len(pkts), sifted)]
	for ; uint(i) < uint(len(pkts)); i++ {
		m := pkts[i]
		b := m.Data()
		if len(b) < plainLen || !m.Whole() || !m.Ready() || !plain4((*[plainLen]byte)(b), uint32(len(b)), mac) {
			break
		}
		s.dst4[i], s.bytes[i] = binary.BigEndian.Uint32(b[30:]), uint32(len(b))
	}
	return i
}

// find4 gives the packets from place i to end their verdicts and tallies them.
func (s *sift) find4(t *slots, p *plane, i, end int) {
	for i = s.near4(t, p.byID, p.grouper, i, end); i < end; i = s.near4(t, p.byID, p.grouper, i+1, end) {
		v := toHost
		if id, ok := t.far4(t.hash4(s.dst4[i%sifted]), s.dst4[i%sifted]); ok {
			v = p.slaveVerdict(id)
		}
		s.verdicts[i%sifted] = v
		p.grouper.Tally(v, s.bytes[i%sifted])
	}
}

// read6 does for plain IPv6 what read4 does for IPv4.
func (s *sift) read6(pkts []*pmd.Mbuf, i int, mac uint64) int {
	pkts = pkts[:min(len(pkts), sifted)]
	for ; uint(i) < uint(len(pkts)); i++ {
		m := pkts[i]
		b := m.Data()
		if len(b) < plain6Len || !m.Whole() || !m.Ready() || !plain6((*[plain6Len]byte)(b), mac) {
			break
		}
		s.dst6[i].hi, s.dst6[i].lo = wire.IPv6(b[wire.EthernetLen:]).Dst()
		s.bytes[i] = uint32(len(b))
	}
	return i
}

// find6 does for IPv6 what find4 does for IPv4.
func (s *sift) find6(t *slots6, p *plane, i, end int) {
	for at := i; at < end; at++ {
		d := &s.dst6[uint8(at)]
		hash := t.hash6(d.hi, d.lo)
		s.entry[uint8(at)] = uint32(min(t.near(hash, uint32(hash)), maxValue))
	}
	for _, at := range s.missed[:s.near6(t.entries, p.byID, p.grouper, i, end)] {
		d, v := &s.dst6[at], toHost
		if id, ok := t.lookup(d.hi, d.lo); ok {
			v = p.slaveVerdict(id)
		}
		s.verdicts[at] = v
		p.grouper.Tally(v, s.bytes[at])
	}
}

// near6 compares the addresses with those of the entries found.
func (s *sift) near6(entries []entry6, byID []flows.Verdict, g *flows.Grouper, i, end int) (missed int) {
	for ; i < end; i++ {
		at := uint8(i)
		if n := s.entry[at]; n < uint32(len(entries)) {
			e, d := &entries[n], &s.dst6[at]
			if id := e.slave.Load(); e.hi == d.hi && e.lo == d.lo && id < uint32(len(byID)) {
				k := byID[id]
				s.verdicts[at] = k
				g.Tally(k, s.bytes[at])
				continue
			}
		}
		s.missed[uint8(missed)] = at
		missed++
	}
	return missed
}
