package ipvlan

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"ipvd/flows/wire"
)

// frameBag counts frames by port and content: `wire|tci|bytes`.
type frameBag map[string]int

// add counts a frame as a tap shows it: an outer tag, which a kernel may have
// taken off, stands beside the rest.
func (b frameBag) add(port string, frame []byte, tci *uint16) {
	tag := "-"
	if tci == nil {
		if v, ok := wire.ParseVLAN(frame); ok && (wire.Ethernet(frame).Type() == wire.TypeVLAN || wire.Ethernet(frame).Type() == wire.TypeQinQ) {
			tag = fmt.Sprint(v.TCI())
			frame = append(bytes.Clone(frame[:12]), frame[16:]...)
		}
	} else {
		tag = fmt.Sprint(*tci)
	}
	b[fmt.Sprintf("%s|%s|%x", port, tag, frame)]++
}

// String lists what differs from other.
func (b frameBag) minus(other frameBag) string {
	var words []string
	for _, k := range slices.Sorted(maps.Keys(b)) {
		if n := b[k] - other[k]; n > 0 {
			words = append(words, fmt.Sprintf("%d x %s", n, k))
		}
	}
	return strings.Join(words, "\n\t")
}

// replay is a golden step on its way through the graph.
type replay struct {
	l    *lab
	s    goldenScenario
	step goldenStep
	// others are all steps of the scenario.
	others []goldenStep
	want   frameBag // by the kernel
	got    frameBag
	// routed are the IP packets that slaves handed to the host's routing, as
	// the host sends them on.
	routed [][]byte
	faults []string
}

// run feeds what entered the kernel's driver to the graph, each frame at its
// port, and collects what comes out.
func (r *replay) run() {
	r.want, r.got = frameBag{}, frameBag{}
	r.routed, r.faults = nil, nil
	for _, f := range r.step.Seen {
		if f.Dir == "out" && f.Port != hostPort {
			r.feed(labPort(f.Port), f.Hex)
		}
		if f.Dir == "in" && f.Port != hostPort {
			r.expect(f)
		}
	}
	for _, f := range r.step.Got {
		if f.Port == hostPort {
			f.TCI = r.tagAtTap(f)
			r.expect(f)
		}
	}
	for _, f := range r.hosts() {
		r.feed("HOST", f)
	}
}

// expect counts a frame that the kernel's driver handed to a port.
func (r *replay) expect(f goldenFrame) {
	if !r.byChance(f.Port, f.Hex) {
		r.want.add(f.Port, f.Hex, f.TCI)
	}
}

// tagAtTap is the tag that a frame had when it came to the host: a stack that has
// no interface for it forgets it (net/core/dev.c, __netif_receive_skb_core).
func (r *replay) tagAtTap(f goldenFrame) *uint16 {
	for _, seen := range r.step.Seen {
		if seen.Port == f.Port && seen.Dir == "in" && bytes.Equal(seen.Hex, f.Hex) {
			return seen.TCI
		}
	}
	return f.TCI
}

// byChance reports that a slave may see a frame or not: group frames of l2 that
// it did not ask for. The kernel's filter has 256 bits and a key of each boot.
func (r *replay) byChance(port string, frame []byte) bool {
	e := wire.Ethernet(frame)
	if r.s.Mode != "l2" || !e.Group() || e.Dst() == wire.Broadcast() {
		return false
	}
	for _, s := range r.s.Slaves {
		if s.Name == port {
			return !s.member(e.Dst())
		}
	}
	return false
}

// hosts are the frames that the host itself sent. The tap of the master shows
// in l2 what slaves send as well; in l3 all it shows comes from the host.
func (r *replay) hosts() (own [][]byte) {
	slaves := map[string]int{}
	for _, f := range r.step.Seen {
		if r.s.Mode == "l2" && f.Dir == "out" && f.Port != hostPort && f.Port != wirePort {
			slaves[string(f.Hex)]++
		}
	}
	for _, f := range r.step.Seen {
		if f.Port != hostPort || f.Dir != "out" {
			continue
		}
		if slaves[string(f.Hex)] > 0 {
			slaves[string(f.Hex)]--
			continue
		}
		own = append(own, f.Hex)
	}
	return own
}

// feed gives the graph a frame and takes what it sends.
func (r *replay) feed(at string, frame []byte) {
	_, sent := r.l.send(at, frame)
	for port, frames := range sent {
		for _, f := range frames {
			if (port == "PUNT" || port == "RETURN") && wire.Ethernet(frame).Group() {
				r.faults = append(r.faults, fmt.Sprintf("a group frame for the host's routing, which knows no frames: %x", frame))
			}
			switch port {
			case "PUNT":
				r.routed = append(r.routed, f[wire.EthernetLen:])
			case "RETURN":
				r.routed = append(r.routed, turnedBack(f)[wire.EthernetLen:])
			default:
				name := strings.ToLower(strings.TrimPrefix(port, "S"))
				if !r.byChance(name, f) {
					r.got.add(name, f, nil)
				}
			}
		}
	}
}

// turnedBack is a frame from the return port as a router sends it on.
func turnedBack(frame []byte) []byte {
	b := bytes.Clone(frame)
	if p, ok := wire.ParseIPv4(b[wire.EthernetLen:], len(b)-wire.EthernetLen); ok {
		p.SetTTL(p.TTL() - 1)
	} else if p, ok := wire.ParseIPv6(b[wire.EthernetLen:]); ok {
		p.SetHopLimit(p.HopLimit() - 1)
	}
	return b
}

// check compares, and gives what is wrong, or "".
func (r *replay) check() string {
	faults := r.faults
	if more := r.want.minus(r.got); more != "" {
		faults = append(faults, "missing:\n\t"+more)
	}
	if more := r.got.minus(r.want); more != "" {
		faults = append(faults, "not the kernel's:\n\t"+more)
	}
	return strings.Join(append(faults, r.checkRouted()...), "\n")
}

// checkRouted compares what slaves handed to the host's routing with what the
// host sent: each packet, or a question for its next hop, unless the host is
// the destination or has no route; and nothing of a slave's besides.
func (r *replay) checkRouted() (faults []string) {
	sent := r.hostSent()
	answered := make([]bool, len(sent))
	for _, p := range r.routed {
		dst, found := destinationOf(p), false
		for i, f := range sent {
			if bytes.Equal(f[wire.EthernetLen:], p) || asksFor(f, dst) {
				answered[i], found = true, true
			}
		}
		if want := leaves(dst); found != want {
			faults = append(faults, fmt.Sprintf("packet to %v for the host's routing: the kernel sent it is %v, want %v: %x", dst, found, want, p))
		}
	}
	for i, f := range sent {
		if !answered[i] && r.fromSlave(f) {
			faults = append(faults, fmt.Sprintf("the kernel routed what was not handed to the host: %x", f))
		}
	}
	return faults
}

// hostSent is what the host sent in l3 and l3s.
func (r *replay) hostSent() (frames [][]byte) {
	if r.s.Mode == "l2" {
		return nil
	}
	return slices.Clone(r.hosts())
}

// fromSlave reports that the host sent f for a slave.
func (r *replay) fromSlave(f []byte) bool {
	if slices.ContainsFunc(r.s.Slaves, func(s goldenSlave) bool { return s.Name == r.step.At }) {
		return true
	}
	id, ok := source(r.l.m.Table, wire.Ethernet(f), len(f))
	return ok && id > 0 && r.step.At != hostPort
}

// destinationOf is the destination of an IP packet.
func destinationOf(p []byte) netip.Addr {
	if p[0]>>4 == 4 {
		return netip.AddrFrom4([4]byte(p[16:20]))
	}
	return netip.AddrFrom16([16]byte(p[24:40]))
}

// asksFor reports an ARP request or a neighbour solicitation for dst.
func asksFor(f []byte, dst netip.Addr) bool {
	a := dst.AsSlice()
	switch wire.Ethernet(f).Type() {
	case wire.TypeARP:
		return dst.Is4() && bytes.Equal(f[38:42], a)
	case wire.TypeIPv6:
		return dst.Is6() && f[20] == wire.ProtoICMPv6 && f[54] == wire.NDNeighborSolicit && bytes.Equal(f[62:78], a)
	}
	return false
}

// leaves says whether the golden host sends a packet to dst, or a question for
// it, on its wire. It keeps what is its own, takes IPv4 without a route for
// on-link (net/ipv4/route.c, ip_route_output_key_hash_rcu), and drops IPv6
// without one; for IPv6 neighbours that it does not know it cannot ask, since it
// has no link-local address (net/ipv6/ndisc.c, ndisc_send_ns).
func leaves(dst netip.Addr) bool {
	switch s := dst.String(); {
	case dst.Is6():
		return s == "fd00::254" || strings.HasPrefix(s, "fd00:1::")
	case s == "10.0.0.1" || s == "10.0.0.255" || s == "255.255.255.255":
		return false
	}
	return !dst.IsMulticast()
}

func TestGraphDoesWhatTheKernelsDriverDid(t *testing.T) {
	compat := []option{with(func(m *Master) { m.CompatKernel, m.SourceMAC = true, Pass })}
	t.Run("compat", func(t *testing.T) { replayAll(t, compat, "tagged", "priority-tag", "hop-limit") })
	t.Run("default", func(t *testing.T) {
		replayAll(t, nil, "tagged", "priority-tag", "hop-limit", "foreign-mac", "source-mac")
	})
}

// replayAll replays the matrix. It may differ from the kernel in the listed ways
// alone, and must do so in each.
func replayAll(t *testing.T, opts []option, listed ...string) {
	results := golden[goldenResult](t, "matrix.results.json.gz")
	used, steps := map[string]int{}, 0
	for i, s := range golden[goldenScenario](t, "matrix.scenarios.json.gz") {
		t.Run(s.Name, func(t *testing.T) {
			l := newGoldenLab(t, s, opts...)
			for _, step := range results[i].Steps {
				r := replay{l: l, s: s, step: step, others: results[i].Steps}
				r.run()
				for _, id := range listed {
					if rules[id](&r) {
						used[id]++
					}
				}
				if fault := r.check(); fault != "" {
					t.Errorf("%s: %s", step.ID, fault)
				}
				steps++
			}
		})
	}
	if steps != 9*153 {
		t.Errorf("replayed %d steps, want %d", steps, 9*153)
	}
	for _, id := range listed {
		if used[id] == 0 {
			t.Errorf("difference %s is listed, and nothing differs", id)
		}
	}
}
