// Package sets makes the conformance scenarios beside the matrix: routing, filters
// and sizes, what the control plane does and tells, netfilter's counters, IPv6,
// and odd mixes.
package sets

import (
	"fmt"

	"ipvd/cmd/ipvconform/devices"
	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/matrix"
	"ipvd/cmd/ipvconform/scenario"
)

// Set is a named list of scenarios.
type Set struct {
	Name  string
	About string // in a line
	Make  func() []scenario.Scenario
}

// All are the sets, the matrix first.
func All() []Set {
	return []Set{
		{"matrix", "every stimulus in every mode and with every flag", matrix.Scenarios},
		{"extended", "routing, filters, NAT, sizes", extended},
		{"facts", "what the control plane does and tells, and the HOWTO", facts},
		{"netfilter", "what the host's and the slaves' netfilter counts", netfilter},
		{"ipv6", "neighbour discovery, router advertisements, one MAC for all", ipv6},
		{"devices", "the master with VLAN, dummy, VRF and macvlan interfaces", devices.Scenarios},
		{"odd", "other names, addresses and numbers of slaves", odd},
	}
}

// modes are all modes.
func modes() []string { return []string{"l2", "l3", "l3s"} }

// Addresses of the matrix's stations, which most scenarios use.
const (
	macM   = "02:00:00:00:00:01" // the master's and every slave's
	macW   = "02:00:00:00:00:fe"
	macAll = "ff:ff:ff:ff:ff:ff"
	noMAC  = "00:00:00:00:00:00"

	host4, s0v4, s1v4, s2v4 = "10.0.0.1", "10.0.0.10", "10.0.0.11", "10.0.1.12"
	wire4, unknown4         = "10.0.0.254", "10.0.0.99"
	host6, s0v6, s1v6       = "fd00::1", "fd00::10", "fd00::11"
	wire6                   = "fd00::254"
)

// lab is the matrix's scenario without steps, under another name.
func lab(set, mode, flag string) scenario.Scenario {
	s := matrix.Lab(mode, flag)
	s.Name = fmt.Sprintf("%s-%s", set, mode)
	if flag != "bridge" {
		s.Name += "-" + flag
	}
	return s
}

// list is steps that are being made.
type list []scenario.Step

// cmd adds a command, which is its own id unless that was there already.
func (l *list) cmd(at, cmd string) {
	id := at + ": " + cmd
	for n := 2; l.has(id); n++ {
		id = fmt.Sprintf("%s: %s (%d)", at, cmd, n)
	}
	*l = append(*l, scenario.Step{ID: id, At: at, Cmd: cmd})
}

func (l *list) has(id string) bool {
	for _, s := range *l {
		if s.ID == id {
			return true
		}
	}
	return false
}

// wire adds frames from the wire.
func (l *list) wire(id string, frames ...[]byte) { l.raw(id, scenario.Wire, frames...) }

// raw adds frames that a packet socket sends.
func (l *list) raw(id, at string, frames ...[]byte) {
	s := scenario.Step{ID: id, At: at}
	for _, f := range frames {
		s.Hex = append(s.Hex, f)
	}
	*l = append(*l, s)
}

// udp adds a datagram from a station's own stack.
func (l *list) udp(id, at string, d scenario.Datagram) {
	*l = append(*l, scenario.Step{ID: id, At: at, UDP: &d})
}

// to adds a plain datagram.
func (l *list) to(at, dst string) {
	l.udp(at+" > "+dst+l.mark(at+" > "+dst), at, scenario.Datagram{Dst: dst})
}

// mark tells a step from an earlier one of the same id.
func (l *list) mark(id string) string {
	if !l.has(id) {
		return ""
	}
	for n := 2; ; n++ {
		if m := fmt.Sprintf(" (%d)", n); !l.has(id + m) {
			return m
		}
	}
}

// probe adds a datagram from the wire for an address.
func (l *list) probe(dst string) {
	id := "probe " + dst
	l.wire(id+l.mark(id), udp4(macM, macW, wire4, dst))
}

// probe6 is probe for an IPv6 address.
func (l *list) probe6(dst string) {
	id := "probe " + dst
	l.wire(id+l.mark(id), udp6(macM, macW, wire6, dst))
}

func udp4(dst, src, from, to string) []byte { return udp4Data(dst, src, from, to, "x") }

func udp4Data(dst, src, from, to, data string) []byte {
	return frame.Ether(dst, src, frame.TypeIPv4,
		frame.IPv4{Src: from, Dst: to, Proto: 17}.Packet(frame.UDP(from, to, 5555, scenario.UDPPort, []byte(data))))
}

func udp6(dst, src, from, to string) []byte {
	return frame.Ether(dst, src, frame.TypeIPv6, frame.IPv6(from, to, 17, 64, frame.UDP(from, to, 5555, scenario.UDPPort, []byte("x"))))
}

// echo4 is an echo request.
func echo4(dst, src, from, to string) []byte {
	return frame.Ether(dst, src, frame.TypeIPv4,
		frame.IPv4{Src: from, Dst: to, Proto: 1}.Packet(frame.ICMP(8, 0, append([]byte{0, 1, 0, 1}, "abcdefgh"...))))
}

func arp(dst, src string, op uint16, sha, spa, tha, tpa string) []byte {
	return frame.Ether(dst, src, frame.TypeARP, frame.ARP(op, sha, spa, tha, tpa))
}

// whoHas is a broadcast ARP request of the wire.
func whoHas(target string) []byte { return arp(macAll, macW, 1, macW, wire4, noMAC, target) }
