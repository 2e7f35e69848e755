package ipvlan

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"sync/atomic"

	"ipvd/flows/wire"
)

// Tuple names a TCP or UDP flow in one direction, as its packets arrive.
type Tuple struct {
	Src, Dst netip.AddrPort
	Proto    uint8 // wire.ProtoTCP or wire.ProtoUDP
}

// back is the tuple of a packet that answers one of t.
func (t Tuple) back() Tuple { return Tuple{Src: t.Dst, Dst: t.Src, Proto: t.Proto} }

// check refuses what no flow of the table can have.
func (t Tuple) check() error {
	if t.Proto != wire.ProtoTCP && t.Proto != wire.ProtoUDP {
		return fmt.Errorf("flow %v: protocol %d is neither TCP nor UDP", t, t.Proto)
	}
	src, dst := t.Src.Addr(), t.Dst.Addr()
	if !src.IsValid() || !dst.IsValid() || src.Is4() != dst.Is4() || src.Is4In6() || dst.Is4In6() || src.Zone()+dst.Zone() != "" {
		return fmt.Errorf("flow %v: %w", t, ErrAddr)
	}
	return nil
}

// Bits of flowKey.kind besides the protocol, which is in the lowest eight.
const (
	fromSlave = 1 << 8 // the packet comes from a slave, else from the wire
	version6  = 1 << 9
)

// flowKey is what a packet is looked up by. addrs is source and destination over
// IPv4, and zero over IPv6, whose addresses are in six.
type flowKey struct {
	addrs uint64
	kind  uint64 // ports above 32 bits, then bits, then the protocol
	six   sixAddrs
}

// sixAddrs are an IPv6 source and destination, each as two numbers.
type sixAddrs [4]uint64

// key is the flow key of a packet of t that comes from a slave or the wire.
func (t Tuple) key(side uint64) (k flowKey) {
	k.kind = (uint64(t.Src.Port())<<16|uint64(t.Dst.Port()))<<32 | side | uint64(t.Proto)
	if t.Src.Addr().Is4() {
		k.addrs = uint64(key4(t.Src.Addr()))<<32 | uint64(key4(t.Dst.Addr()))
		return k
	}
	k.kind |= version6
	k.six[0], k.six[1] = key6(t.Src.Addr())
	k.six[2], k.six[3] = key6(t.Dst.Addr())
	return k
}

// half is one direction of a flow: what a worker needs of it in a cache line. The
// key and the rewriting are written before the half is published and never again
// before an epoch has passed; the rest is read and written with sync/atomic.
type half struct {
	addrs uint64        // flowKey.addrs
	kind  uint64        // flowKey.kind
	now   uint64        // addresses as they leave, over IPv4; over IPv6 changed6, or 0
	ports uint32        // as they leave
	to    atomic.Uint32 // a slave's dev_id, wayToWire, or 0: unknown; set by whoever sees the packets leave
	// learned is from the packets that the host has sent: the MAC address of the next
	// hop, and in the lowest 16 bits the longest frame that left whole, in bytes.
	learned atomic.Uint64
	fast    atomic.Uint32 // the table's generation for which the shortcut is open; 0: closed
	due     atomic.Uint32 // the time at which the host must see a packet again
	count   tally         // packets over the shortcut
	// What the rewriting adds to checksums, whose bytes are read as those of a
	// little-endian number: of addresses alone, and with the ports.
	change, changes uint16
	_               uint32
}

// changed6 says that rest.now6 are other addresses than those that arrive.
const changed6 = 1

// wayToWire as a half's to is the wire; others but 0, which is unknown, are slaves.
const wayToWire = 0xffff

// rest is what a packet over the shortcut does not need of a half.
type rest struct {
	six, now6 sixAddrs
	peer      uint32        // number of the half of the other direction
	from      atomic.Uint32 // no shortcut before this time
	round     round
	viaHost   tally // packets that took the turn through the host

	// Writer only: what was read of half.count and viaHost, and their sums.
	lastFast, lastHost uint64
	stats              FlowStats
}

// rewriting fills in how a packet of half h with tuple t leaves as out.
func (h *half) rewriting(r *rest, t, out Tuple) {
	h.ports = uint32(out.Src.Port())<<16 | uint32(out.Dst.Port())
	var before, after [32]byte
	n := copy(before[:], t.Src.Addr().AsSlice())
	copy(before[n:], t.Dst.Addr().AsSlice())
	copy(after[:], out.Src.Addr().AsSlice())
	copy(after[n:], out.Dst.Addr().AsSlice())
	switch {
	case n == 4:
		h.now = binary.BigEndian.Uint64(after[:])
	case before != after:
		h.now = changed6
	}
	for i := range r.now6 {
		r.now6[i] = binary.BigEndian.Uint64(after[8*i:])
	}
	change := wire.Fold(wire.Sum(after[:], 0) + uint64(^wire.Fold(wire.Sum(before[:], 0))))
	was := uint32(h.kind >> 32)
	changes := wire.Fold(uint64(^was>>16&0xffff) + uint64(^was&0xffff) + uint64(h.ports>>16) + uint64(h.ports&0xffff) + uint64(change))
	h.change, h.changes = bits.ReverseBytes16(change), bits.ReverseBytes16(changes)
}
