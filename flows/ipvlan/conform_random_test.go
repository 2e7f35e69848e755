package ipvlan

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	"ipvd/flows/wire"
)

// The random files hold frames that cmd/ipvconform drew at random, and what the
// kernel's own driver answered to each; see testdata of conform_golden_test.go.

// randomScenario is a combination of mode and flag with its frames.
type randomScenario struct {
	goldenScenario
	Steps []struct {
		ID, At string
		Hex    []digits
	}
}

// randomStep is a frame on its way through the graph.
type randomStep struct {
	l     *lab
	s     goldenScenario
	at    string
	frame wire.Ethernet
	said  goldenStep
	got   frameBag
	punts [][]byte // IP packets for the host's routing
}

// run feeds the frame to the graph.
func (r *randomStep) run() {
	r.got = frameBag{}
	_, sent := r.l.send(labPort(r.at), bytes.Clone(r.frame))
	for port, frames := range sent {
		for _, f := range frames {
			switch port {
			case "PUNT":
				r.punts = append(r.punts, f[wire.EthernetLen:])
			case "RETURN":
				r.punts = append(r.punts, turnedBack(f)[wire.EthernetLen:])
			case "HOST", "WIRE":
				r.count(r.got, map[string]string{"HOST": hostPort, "WIRE": wirePort}[port], f)
			default:
				r.count(r.got, port[1:], f)
			}
		}
	}
}

// count counts a frame that a port got, without tags: which of them a kernel's
// tap shows beside the frame is not the driver's doing. What a slave may see or
// not by chance does not count.
func (r *randomStep) count(bag frameBag, port string, f wire.Ethernet) {
	if (&replay{s: r.s}).byChance(port, f) {
		return
	}
	for {
		v, ok := wire.ParseVLAN(f)
		if !ok || len(f) < leastTagged {
			break
		}
		f = append(bytes.Clone(v[:12]), v[16:]...)
	}
	bag[fmt.Sprintf("%s|%x", port, []byte(f))]++
}

// want are the frames that the kernel's driver handed to ports. The host's
// routing stands behind it where punted is set, and what that sent is no
// driver's.
func (r *randomStep) want(routed bool) frameBag {
	want := frameBag{}
	for _, f := range r.said.Seen {
		if !routed || f.Port != wirePort {
			r.count(want, f.Port, wire.Ethernet(f.Hex))
		}
	}
	for _, f := range r.said.Got {
		if f.Port == hostPort {
			r.count(want, hostPort, wire.Ethernet(f.Hex))
		}
	}
	return want
}

// listed gives the id of a listed difference that the frame is a case of, or "".
func (r *randomStep) listed() string {
	slave := r.at != wirePort && r.at != hostPort
	v, tag := wire.ParseVLAN(r.frame)
	need := map[uint16]int{wire.TypeIPv4: wire.IPv4Len, wire.TypeIPv6: wire.IPv6Len + wire.NSLen, wire.TypeARP: wire.ARPLen}
	switch b := r.frame.Payload(); {
	case tag && v.ID() != 0 && r.s.Mode != "l3s" && r.at != hostPort:
		return "tagged"
	case len(r.frame) < leastTagged && (tag || r.frame.Type() == wire.TypeVLAN || r.frame.Type() == wire.TypeQinQ):
		return "short tag" // no kernel shows such a frame
	case slave && len(b) < need[r.frame.Type()]:
		return "truncated"
	}
	return ""
}

// fault says what is wrong, or nothing.
func (r *randomStep) fault() string {
	slave := r.at != wirePort && r.at != hostPort
	routed := slave && r.s.Mode != "l2"
	want := r.want(routed)
	if more := want.minus(r.got); more != "" {
		return "missing:\n\t" + more
	}
	if more := r.got.minus(want); more != "" {
		return "not the kernel's:\n\t" + more
	}
	if routed {
		return r.routingFault()
	}
	return ""
}

// routingFault compares what is handed to the host's routing with what the
// kernel's host has sent, or kept for itself.
func (r *randomStep) routingFault() string {
	left := false
	for _, f := range r.said.Seen {
		left = left || f.Port == wirePort
	}
	for _, d := range r.said.UDP {
		left = left || d.Port == hostPort
	}
	switch {
	case len(r.punts) > 1:
		return fmt.Sprintf("handed to the host's routing %d times", len(r.punts))
	case len(r.punts) == 0 && left && r.wellFormed():
		return "the kernel routed what was not handed to the host"
	case len(r.punts) == 1 && !left && sendable(r.punts[0]):
		return fmt.Sprintf("the kernel did not route %x", r.punts[0])
	case len(r.punts) == 1 && !bytes.HasPrefix(r.punts[0], r.frame.Payload()) && r.hops() < 255 && r.sumRight():
		return fmt.Sprintf("another packet is handed to the host's routing: %x", r.punts[0])
	}
	return ""
}

// wellFormed reports an IP packet that says its length truly; see the differences
// malformed and odd-source.
func (r *randomStep) wellFormed() bool {
	b := r.frame.Payload()
	switch r.frame.Type() {
	case wire.TypeIPv4:
		_, ok := wire.ParseIPv4(b, len(b))
		return ok
	case wire.TypeIPv6:
		_, ok := wire.ParseIPv6(b)
		return ok
	}
	return true
}

func (r *randomStep) hops() uint8 {
	if b := r.frame.Payload(); r.frame.Type() == wire.TypeIPv4 {
		return wire.IPv4(b).TTL()
	}
	return wire.IPv6(r.frame.Payload()).HopLimit()
}

// sumRight reports that the header's checksum survives a turn.
func (r *randomStep) sumRight() bool {
	p, ok := wire.ParseIPv4(r.frame.Payload(), len(r.frame.Payload()))
	return r.frame.Type() == wire.TypeIPv6 || ok && p.HeaderLen() <= len(p) && wire.Fold(wire.Sum(p[:p.HeaderLen()], 0)) == 0xffff
}

// sendable reports a packet whose addresses the host's routing accepts: it drops
// what comes from or goes to groups and to addresses of no station, keeps what
// is for itself, and the rules of these runs let it say little from its own.
func sendable(packet []byte) bool {
	if packet[0]>>4 == 4 {
		src, dst := packet[12:16], packet[16:20]
		station := func(a []byte) bool {
			return a[0] != 0 && a[0] != 127 && a[0] < 224 && !bytes.Equal(a, []byte{10, 0, 0, 255})
		}
		own := []byte{10, 0, 0, 1}
		return station(src) && station(dst) && !bytes.Equal(src, own) && !bytes.Equal(dst, own)
	}
	src, dst := netip.AddrFrom16([16]byte(packet[8:24])), netip.AddrFrom16([16]byte(packet[24:40]))
	for _, a := range []netip.Addr{src, dst} {
		if a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() || a.IsLinkLocalUnicast() || a.String() == "fd00::1" {
			return false
		}
	}
	return true
}

func TestGraphAnswersRandomFramesAsTheKernelsDriver(t *testing.T) {
	compat := with(func(m *Master) { m.CompatKernel, m.SourceMAC = true, Pass })
	results := golden[goldenResult](t, "random.results.json.gz")
	steps, apart := 0, map[string]int{}
	for i, s := range golden[randomScenario](t, "random.scenarios.json.gz") {
		t.Run(s.Name, func(t *testing.T) {
			l := newGoldenLab(t, s.goldenScenario, compat)
			addLinkLocals(t, l)
			for j, step := range s.Steps {
				r := randomStep{l: l, s: s.goldenScenario, at: step.At, frame: wire.Ethernet(step.Hex[0]), said: results[i].Steps[j]}
				steps++
				if id := r.listed(); id != "" {
					apart[id]++
					continue
				}
				r.run()
				if fault := r.fault(); fault != "" {
					t.Errorf("%s from %s: %x: %s", step.ID, step.At, step.Hex[0], fault)
				}
			}
		})
	}
	if n := apart["tagged"] + apart["short tag"] + apart["truncated"]; steps < 4000 || n > steps/10 {
		t.Errorf("replayed %d steps of %d, and left out %v", steps-n, steps, apart)
	}
}

// addLinkLocals gives slaves the addresses that the kernel makes of the master's
// MAC address and their ids.
func addLinkLocals(t *testing.T, l *lab) {
	t.Helper()
	for _, s := range l.m.Slaves {
		if err := l.m.Table.Set(netip.MustParseAddr(fmt.Sprintf("fe80::200:0:%x00:1", s.ID)), uint32(s.ID)); err != nil {
			t.Fatal(err)
		}
	}
}
