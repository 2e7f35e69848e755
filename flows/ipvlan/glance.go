package ipvlan

import (
	"encoding/binary"

	"ipvd/flows"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// glance is what the shortcut sees of a packet that is plain: TCP or UDP over IPv4
// without options, nothing that the host must see.
type glance struct {
	addrs uint64
	kind  uint64 // as in flowKey; 0: not plain
	word  uint64 // where the key's slots mostly are, then where the half is
	tag   uint32 // of the key
	place uint32 // of the half that the packet may belong to; noPlace: it was not found
}

// glanceLen is the headers of a plain packet with TCP, in bytes.
const glanceLen = atIP + wire.IPv4Len + wire.TCPLen

// look reads packets.
func (s *shortcut) look(pkts []*pmd.Mbuf) {
	const typeAndOptions = 0x45<<16 | (wire.TypeIPv4&0xff)<<8 | wire.TypeIPv4>>8
	pkts, side := pkts[:min(len(pkts), sifted)], s.side
	for i, m := range pkts {
		g, b := &s.glances[i], m.Data()
		g.kind = 0
		if len(b) < glanceLen || m.VLANStripped() {
			continue
		}
		h := (*[glanceLen]byte)(b)
		total, proto, least := int(binary.BigEndian.Uint16(h[16:])), uint64(h[23]), wire.IPv4Len+wire.UDPLen
		if proto == wire.ProtoTCP {
			if h[47]&specialTCP != 0 {
				continue
			}
			least = wire.IPv4Len + int(h[46]>>4)*4
		} else if proto != wire.ProtoUDP {
			continue
		}
		if behind := m.Len() - atIP - total; binary.LittleEndian.Uint32(h[12:])&0xffffff != typeAndOptions ||
			binary.LittleEndian.Uint16(h[20:])&0xff3f != 0 || h[22] <= 1 || total < least || behind < 0 || side != 0 && behind != 0 {
			continue // a fragment, a TTL used up, or not all there
		}
		g.addrs = binary.BigEndian.Uint64(h[26:])
		g.kind = uint64(binary.BigEndian.Uint32(h[34:]))<<32 | side | proto
	}
}

// tally counts packets and their bytes in a word, so that a worker has one to write
// for a packet. Its readers take the difference to what they have read before, which
// is exact while it is less than 16 million packets, and 1 TB.
type tally struct{ n flows.Counter }

// countedBits are those of the bytes.
const countedBits = 40

// counted1 is a packet of length bytes.
func counted1(length int) uint64 { return 1<<countedBits + uint64(length) }

// Add adds what counted1 gives. One worker at a time.
func (t *tally) Add(packet uint64) { t.n.Add(packet) }

// since is what was counted since the word was last, which it becomes.
func (t *tally) since(last *uint64) (packets, bytes uint64) {
	now := t.n.Load()
	d := now - *last
	*last = now
	return d >> countedBits, d & (1<<countedBits - 1)
}
