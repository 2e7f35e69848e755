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
	half   *half // the packet's flow; nil: not found, or not plain
	addrs  uint64
	kind   uint64 // as in flowKey; 0: not plain
	hash   uint64 // of the key
	word   uint64 // where the key's slot mostly is
	length uint32 // of the IP packet, in bytes
}

// glanceLen is the headers of a plain packet with TCP, in bytes.
const glanceLen = atIP + wire.IPv4Len + wire.TCPLen

// look looks the plain packets' flows up, in short loops of which each waits for many
// packets' memory at a time: their headers, the slots, the halves.
func (s *shortcut) look(pkts []*pmd.Mbuf) {
	pkts = pkts[:min(len(pkts), sifted)]
	for i, m := range pkts {
		g, b := &s.glances[i], m.Data()
		g.kind = 0
		if len(b) >= glanceLen && !m.VLANStripped() {
			g.read((*[glanceLen]byte)(b), m.Len(), s.side)
		}
	}
	s.table.match(s.glances[:len(pkts)])
}

// read reads the headers of a frame of length bytes from side. What is not plain has
// kind 0.
func (g *glance) read(b *[glanceLen]byte, length int, side uint64) {
	const ipv4NoOptions = 0x45<<16 | (wire.TypeIPv4&0xff)<<8 | wire.TypeIPv4>>8
	total := int(binary.BigEndian.Uint16(b[16:]))
	proto, least := uint64(b[23]), wire.IPv4Len+wire.UDPLen
	if proto == wire.ProtoTCP {
		if b[47]&specialTCP != 0 {
			return
		}
		least = wire.IPv4Len + int(b[46]>>4)*4
	} else if proto != wire.ProtoUDP {
		return
	}
	if binary.LittleEndian.Uint32(b[12:])&0xffffff != ipv4NoOptions || binary.BigEndian.Uint16(b[20:])&0x3fff != 0 ||
		b[22] <= 1 || total < least || total > length-atIP || side != 0 && total != length-atIP {
		return
	}
	g.addrs = binary.BigEndian.Uint64(b[26:])
	g.kind = uint64(binary.BigEndian.Uint32(b[34:]))<<32 | side | proto
	g.length = uint32(total)
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
