package ipvlan

import "ipvd/flows/route"

// memos is how many hops a memo knows.
const memos = 64

// memo is what is known of hops, by their numbers: nearly all packets take a few,
// and what was looked up once need not be looked up again before a hop or a
// neighbour changes. Worker only.
type memo struct {
	stamp uint64 // of the FIB's epoch, in the upper half
	known [memos]memory
}

// memory is what is known of a hop.
type memory struct {
	stamp   uint64 // of the epoch, and the hop's number
	mac     uint64 // of its neighbour, in the lower 48 bits
	longest uint32 // frame that it takes, in bytes
	_       uint32
	_       uint64 // a power of two is faster to multiply by
}

// renew forgets all that is older than this epoch.
func (o *memo) renew(epoch uint32) { o.stamp = uint64(epoch) << 32 }

// note takes up the hop with a number if it is the same for all packets.
func (o *memo) note(number uint32, h *route.Hop, longest, tick uint32) {
	if h.Kind != route.Forward || h.Via == nil || h.Several() {
		return
	}
	mac, state := h.Via.MAC()
	if state != route.Usable {
		return
	}
	h.Via.Use(tick)
	k := &o.known[number%memos]
	k.stamp, k.mac, k.longest = o.stamp|uint64(number), mac, longest
}
