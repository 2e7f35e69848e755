package ipvlan

import (
	"encoding/binary"
	"math"
	"math/bits"

	"ipvd/flows/wire"
	"ipvd/pmd"
)

// send4 is decide for packets from place i to end whose flows' shortcuts are open, since
// most are: up to the first that is not plain, must be copied, or may have to see the host.
// It gives that place. What look has read is there, and places are below sifted: neither is
// checked again.
func (s *shortcut) send4(pkts []*pmd.Mbuf, i, end int, generation, now uint32) int {
	const at4 = atIP + wire.IPv4Len
	bytes, verdicts, mac := &s.sift.bytes, &s.sift.verdicts, s.macWord
	chunks := s.table.bases()
	for pkts = pkts[:min(end, sifted)]; uint(i) < uint(len(pkts)); i++ {
		g, m := at(&s.glances, i), pkts[i]
		if g.place == noPlace || m.Shared() {
			break
		}
		length := m.Len()
		longest, simple := length, m.Ready() && m.Whole()
		if !simple {
			longest = m.Longest()
			s.told = math.MaxUint32
		}
		h := chunks.half(g.place)
		learned := h.learned.Load()
		if h.addrs != g.addrs || h.kind != g.kind || h.fast.Load() != generation || int32(now-h.due.Load()) >= 0 || longest > int(learned&0xffff) {
			break
		}
		b := (*[glanceLen]byte)(m.Start())
		h.count.Add(counted1(int(binary.BigEndian.Uint16(b[16:]))))
		if h.now != h.addrs || h.ports != uint32(h.kind>>32) {
			if !simple {
				h.rewrite4(b[:], at4, m.Offload())
			} else {
				binary.BigEndian.PutUint64(b[atAddrs4:], h.now)
				adjust(b[atSum4:], h.change)
				binary.BigEndian.PutUint32(b[at4:], h.ports)
				if h.kind&0xff == wire.ProtoTCP {
					adjust(b[at4+sumTCP:], h.changes)
				} else if sum := binary.LittleEndian.Uint16(b[at4+sumUDP:]); sum != 0 {
					binary.LittleEndian.PutUint16(b[at4+sumUDP:], sumOfUDP(sum, h.changes))
				}
			}
		}
		v, dst := toWire, bits.ReverseBytes64(learned)&macMask
		if to := h.to.Load(); to != wayToWire {
			v, dst = s.slaveVerdict(to), mac
		}
		binary.LittleEndian.PutUint64(b[:], dst|mac<<48)
		binary.LittleEndian.PutUint32(b[8:], uint32(mac>>16))
		*at(verdicts, i), *at(bytes, i) = v, uint32(length)
	}
	return i
}
