package mirror

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"ipvd/flows/route"
)

const (
	sizeofNdmsg = 12
	ndaDst      = 1
	ndaLLAddr   = 2

	usableStates = unix.NUD_PERMANENT | unix.NUD_NOARP | unix.NUD_REACHABLE | unix.NUD_STALE | unix.NUD_DELAY | unix.NUD_PROBE
)

// kernelNeighbour is a neighbour as a message has it.
type kernelNeighbour struct {
	addr  netip.Addr
	index uint32
	state uint16 // NUD_*
	mac   []byte
}

// parseNeighbour reads an RTM_NEWNEIGH or RTM_DELNEIGH.
func parseNeighbour(b []byte) (n kernelNeighbour, ok bool) {
	if len(b) < sizeofNdmsg || b[0] != unix.AF_INET && b[0] != unix.AF_INET6 {
		return n, false
	}
	n.index, n.state = u32(b[4:]), uint16(b[8])|uint16(b[9])<<8
	for kind, v := range attrs(b[sizeofNdmsg:]) {
		switch kind {
		case ndaDst:
			n.addr = address(v)
		case ndaLLAddr:
			n.mac = v
		}
	}
	// Of groups the kernel has entries as well, which it says nothing of.
	return n, n.addr.IsValid() && n.addr.Is4() == (b[0] == unix.AF_INET) && !n.addr.IsMulticast()
}

// setNeighbour takes what the kernel says of a neighbour of the device.
func (m *Mirror) setNeighbour(n kernelNeighbour) {
	delete(m.stale, n.addr)
	state := route.Unknown
	switch {
	case n.state&usableStates != 0 && len(n.mac) == 6:
		state = route.Usable
		if n.state&unix.NUD_STALE != 0 {
			m.stale[n.addr] = true
		}
	case n.state&unix.NUD_FAILED != 0:
		state = route.Failed
	}
	m.fib.Neighbours.Set(n.addr, state, n.mac)
}

func (m *Mirror) neighbourChanged(msg message) {
	n, ok := parseNeighbour(msg.body)
	switch {
	case !ok || n.index != m.index:
	case msg.kind == unix.RTM_DELNEIGH:
		delete(m.stale, n.addr)
		m.fib.Neighbours.Remove(n.addr)
	default:
		m.setNeighbour(n)
	}
}

// keepAlive tells the kernel of neighbours that workers use and that it holds for
// unused: it asks them then, or would forget them (net/core/neighbour.c,
// neigh_timer_handler and neigh_periodic_work). It is called once a second.
func (m *Mirror) keepAlive() {
	for a := range m.stale {
		if n := m.fib.Neighbours.Find(a); n != nil && n.UsedSince(m.fib.Now()-2*route.TicksPerSecond) {
			m.use(a)
		}
	}
}

// use sends an RTM_NEWNEIGH with NTF_USE. A neighbour that has gone meanwhile is
// no fault.
func (m *Mirror) use(a netip.Addr) {
	body := make([]byte, sizeofNdmsg, sizeofNdmsg+24)
	body[0] = unix.AF_INET
	if a.Is6() {
		body[0] = unix.AF_INET6
	}
	putU32(body[4:], m.index)
	body[10] = unix.NTF_USE
	_ = m.ask.send(unix.RTM_NEWNEIGH, unix.NLM_F_REQUEST, appendAttr(body, ndaDst, a.AsSlice()))
}
