// Package matrix makes the scenarios of the conformance matrix: every stimulus
// in every mode and with every flag.
//
// A stimulus is called after the port it happens at, what it is, whom it is for
// and what is odd about it: w.udp4.s0.wrongmac comes from the wire, and
// s0.raw.… and s0.stack.… leave slave s0 through a packet socket and through
// its own stack.
package matrix

import (
	"strings"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/scenario"
)

// The stations' addresses. s0 and s1 share the master's subnet, s2 is in a
// foreign one and has no IPv6 address.
const (
	macM   = "02:00:00:00:00:01" // the master's and every slave's
	macW   = "02:00:00:00:00:fe" // the station on the wire
	macX   = "02:00:00:00:00:77" // nobody's
	macAll = "ff:ff:ff:ff:ff:ff"
	none   = "00:00:00:00:00:00"

	host4, s0v4, s1v4, s2v4 = "10.0.0.1", "10.0.0.10", "10.0.0.11", "10.0.1.12"
	wire4, unknown4         = "10.0.0.254", "10.0.0.99"
	offLink4, noRoute4      = "192.0.2.5", "203.0.113.5" // behind the wire; nowhere
	limited4, subnet4       = "255.255.255.255", "10.0.0.255"
	joined4, joined4s1      = "239.1.1.1", "239.2.2.2" // s0's group, s1's group
	unjoined4, all4         = "239.9.9.9", "224.0.0.1"

	host6, s0v6, s1v6 = "fd00::1", "fd00::10", "fd00::11"
	wire6, unknown6   = "fd00::254", "fd00::99"
	offLink6          = "fd00:1::5"
	joined6           = "ff02::1234" // s0's group
	unjoined6, all6   = "ff02::9999", "ff02::1"
	routers6          = "ff02::2"
	router6           = "fe80::fe" // the wire's
)

// Ports of UDP.
const (
	client  = 5555
	service = scenario.UDPPort
)

// Scenarios are one a mode and flag.
func Scenarios() []scenario.Scenario {
	var all []scenario.Scenario
	for _, mode := range []string{"l2", "l3", "l3s"} {
		for _, flag := range []string{"bridge", "private", "vepa"} {
			s := Lab(mode, flag)
			s.Steps = Steps()
			all = append(all, s)
		}
	}
	return all
}

// Lab is a scenario without steps.
func Lab(mode, flag string) scenario.Scenario {
	router := map[string]string{wire4: macW, wire6: macW}
	s := scenario.Scenario{Name: mode + "-" + flag, Mode: mode, Flag: flag,
		Master: scenario.Station{MAC: macM, Addrs: []string{host4 + "/24", host6 + "/64"}, Neigh: router,
			Routes: []string{"192.0.2.0/24 via " + wire4, "fd00:1::/64 via " + wire6, "10.0.1.0/24 dev eth0"}},
		Wire: scenario.Station{MAC: macW},
		Slaves: []scenario.Slave{
			{Name: "s0", Station: scenario.Station{Addrs: []string{s0v4 + "/24", s0v6 + "/64"}}, Join: []string{joined4, joined6}},
			{Name: "s1", Station: scenario.Station{Addrs: []string{s1v4 + "/24", s1v6 + "/64"}}, Join: []string{joined4s1}},
			{Name: "s2", Station: scenario.Station{Addrs: []string{s2v4 + "/24"}}},
		}}
	for i := range s.Slaves {
		if mode == "l2" {
			bridged(&s.Slaves[i])
		} else {
			routed(&s.Slaves[i])
		}
	}
	return s
}

// bridged gives a slave in l2 routes by way of the wire, and permanent
// neighbours, so that a step sends what it is about and no ARP or ND.
func bridged(s *scenario.Slave) {
	via := "192.0.2.0/24 via " + wire4
	s.Neigh = map[string]string{wire4: macW, wire6: macW, host4: macM, s0v4: macM, s1v4: macM}
	if len(s.Addrs) > 1 {
		s.Routes = []string{via, "fd00:1::/64 via " + wire6}
		s.Neigh[host6], s.Neigh[s0v6], s.Neigh[s1v6] = macM, macM, macM
	} else {
		s.Routes = []string{via + " dev " + s.Name + " onlink"}
	}
	for _, a := range s.Addrs {
		own, _, _ := strings.Cut(a, "/")
		delete(s.Neigh, own)
	}
}

// routed gives a slave in l3 and l3s a default route: its gateway plays no
// part.
func routed(s *scenario.Slave) {
	s.Routes = []string{"default dev " + s.Name}
	if len(s.Addrs) > 1 {
		s.Routes = append(s.Routes, "::/0 dev "+s.Name)
	}
}

// list is where the functions of this package put their steps.
type list []scenario.Step

// wire adds frames that come from the wire.
func (l *list) wire(id string, frames ...[]byte) { l.raw("w."+id, scenario.Wire, frames...) }

// raw adds frames that a packet socket sends.
func (l *list) raw(id, at string, frames ...[]byte) {
	s := scenario.Step{ID: id, At: at}
	for _, f := range frames {
		s.Hex = append(s.Hex, f)
	}
	*l = append(*l, s)
}

// stack adds a datagram that a station's own stack sends.
func (l *list) stack(id, at string, d scenario.Datagram) {
	*l = append(*l, scenario.Step{ID: at + ".stack." + id, At: at, UDP: &d})
}

// Steps are the stimuli, the same for all modes and flags.
func Steps() []scenario.Step {
	var l list
	l.arpFromWire()
	l.ipv4FromWire()
	l.oddIPv4FromWire()
	l.tagsFromWire()
	l.ipv6FromWire()
	l.dhcpFromWire()
	l.spoofedFromWire()
	l.otherFromWire()
	l.ipv4FromSlave()
	l.groupsFromSlave()
	l.othersFromSlave()
	l.datagrams4()
	l.datagrams6()
	l.fromHost()
	return l
}

func udp4(dst, src, from, to string) []byte {
	return odd4(dst, src, frame.IPv4{Src: from, Dst: to})
}

// odd4 is a UDP datagram in a packet with the header h.
func odd4(dst, src string, h frame.IPv4) []byte {
	h.Proto = 17
	return frame.Ether(dst, src, frame.TypeIPv4, h.Packet(frame.UDP(h.Src, h.Dst, client, service, []byte("x"))))
}

func udp6(dst, src, from, to string) []byte {
	return frame.Ether(dst, src, frame.TypeIPv6, frame.IPv6(from, to, 17, 64, frame.UDP(from, to, client, service, []byte("x"))))
}

func arp(dst, src string, op uint16, sha, spa, tha, tpa string) []byte {
	return frame.Ether(dst, src, frame.TypeARP, frame.ARP(op, sha, spa, tha, tpa))
}
