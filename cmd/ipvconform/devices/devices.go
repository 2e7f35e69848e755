// Package devices makes the scenarios in which the master has to do with other
// types of interface: those that stand on it, that it belongs to, that the host
// routes by, and that are the wire themselves.
package devices

import (
	"fmt"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/matrix"
	"ipvd/cmd/ipvconform/scenario"
)

// Addresses, besides those of the matrix' stations.
const (
	macM, macW = "02:00:00:00:00:01", "02:00:00:00:00:fe" // the master's, the station's on the wire
	macBase    = "02:00:00:00:00:99"                      // of what a macvlan stands on
	macAll     = "ff:ff:ff:ff:ff:ff"

	host4, s0v4, s1v4, wire4 = "10.0.0.1", "10.0.0.10", "10.0.0.11", "10.0.0.254"
	offLink4, noRoute4       = "192.0.2.5", "203.0.113.5" // behind the wire; nowhere

	hostVLAN4, wireVLAN4 = "10.5.0.1", "10.5.0.254" // in VLAN 5
	dummy4, behindDummy4 = "10.7.0.1", "10.7.0.9"
	vrf4                 = "198.18.0.5" // behind the wire, by the VRF's table alone
)

// vlan is the VLAN that has an interface.
const vlan = 5

// Scenarios are all of them.
func Scenarios() []scenario.Scenario {
	var all []scenario.Scenario
	for _, mode := range []string{"l2", "l3", "l3s"} {
		all = append(all, vlanOnMaster(mode), dummy(mode), vrf(mode), vlanWire(mode), macvlanWire(mode))
	}
	return all
}

// lab is a scenario of the matrix' stations, without steps.
func lab(name, mode string) scenario.Scenario {
	s := matrix.Lab(mode, "bridge")
	s.Name = name + "-" + mode
	return s
}

// host gives commands at the host.
func host(lines ...string) []scenario.Command {
	var commands []scenario.Command
	for _, line := range lines {
		commands = append(commands, scenario.Command{At: scenario.Host, Cmd: line})
	}
	return commands
}

// raw is a step that sends a frame.
func raw(id, at string, f []byte) scenario.Step {
	return scenario.Step{ID: id, At: at, Hex: scenario.Frames{f}}
}

// stack is a step in which a station's stack sends a datagram.
func stack(id, at, dst string) scenario.Step {
	return scenario.Step{ID: at + ".stack." + id, At: at, UDP: &scenario.Datagram{Dst: dst}}
}

// udp is a datagram in a frame.
func udp(dst, src, from, to string) []byte {
	return frame.Ether(dst, src, frame.TypeIPv4, frame.IPv4{Src: from, Dst: to, Proto: 17}.Packet(frame.UDP(from, to, 5555, scenario.UDPPort, []byte("x"))))
}

// request asks for an address.
func request(from, target string) []byte {
	return frame.Ether(macAll, macW, frame.TypeARP, frame.ARP(1, macW, from, "00:00:00:00:00:00", target))
}

func tagged(id uint16, f []byte) []byte { return frame.Tagged(f, frame.TypeVLAN, id) }

// plain are the steps that show that everything else works as ever.
func plain() []scenario.Step {
	return []scenario.Step{
		raw("w.udp4.s0", scenario.Wire, udp(macM, macW, wire4, s0v4)),
		raw("w.udp4.host", scenario.Wire, udp(macM, macW, wire4, host4)),
		raw("w.arp-req.s0", scenario.Wire, request(wire4, s0v4)),
		raw("w.arp-req.host", scenario.Wire, request(wire4, host4)),
		stack("udp4.s1", "s0", s1v4),
		stack("udp4.out", "s0", wire4),
		stack("udp4.offlink", "s0", offLink4),
		stack("udp4.host", "s0", host4),
		stack("udp4.out", scenario.Host, wire4),
	}
}

// vlanOnMaster has a VLAN interface on the master, in the host. Tagged frames
// belong to it, whomever they are for.
func vlanOnMaster(mode string) scenario.Scenario {
	s := lab("vlan-on-master", mode)
	dev := fmt.Sprintf("eth0.%d", vlan)
	s.Setup = host(fmt.Sprintf("ip link add link eth0 name %s type vlan id %d", dev, vlan), "ip addr add "+hostVLAN4+"/24 dev "+dev,
		"ip link set "+dev+" up", "ip neigh add "+wireVLAN4+" lladdr "+macW+" dev "+dev+" nud permanent")
	tag := func(suffix string) []scenario.Step {
		return []scenario.Step{
			raw("w.vlan5.udp4.host"+suffix, scenario.Wire, tagged(vlan, udp(macM, macW, wireVLAN4, hostVLAN4))),
			raw("w.vlan5.arp-req.host"+suffix, scenario.Wire, tagged(vlan, request(wireVLAN4, hostVLAN4))),
			raw("w.vlan5.udp4.s0"+suffix, scenario.Wire, tagged(vlan, udp(macM, macW, wire4, s0v4))),
			raw("w.vlan5.arp-req.s0"+suffix, scenario.Wire, tagged(vlan, request(wire4, s0v4))),
		}
	}
	s.Steps = append(plain(), tag("")...)
	s.Steps = append(s.Steps,
		raw("w.vlan6.udp4.s0", scenario.Wire, tagged(vlan+1, udp(macM, macW, wire4, s0v4))),
		raw("w.vlan0.udp4.s0", scenario.Wire, tagged(0, udp(macM, macW, wire4, s0v4))),
		raw("w.qinq5.udp4.s0", scenario.Wire, frame.Tagged(udp(macM, macW, wire4, s0v4), frame.TypeQinQ, vlan)),
		raw("w.qinq6.vlan5.udp4.host", scenario.Wire, frame.Tagged(tagged(vlan, udp(macM, macW, wireVLAN4, hostVLAN4)), frame.TypeQinQ, vlan+1)),
		stack("vlan5.out", scenario.Host, wireVLAN4),
		raw("s0.raw.vlan5.out", "s0", tagged(vlan, udp(macW, macM, s0v4, wire4))),
		raw("s0.raw.vlan5.s1", "s0", tagged(vlan, udp(macM, macM, s0v4, s1v4))),
		scenario.Step{ID: "host.del", At: scenario.Host, Cmd: "ip link del " + dev})
	s.Steps = append(s.Steps, tag(".gone")...)
	return s
}

// dummy has a host with addresses and a network on an interface of its own.
// Slaves' packets are routed by the master's interface alone.
func dummy(mode string) scenario.Scenario {
	s := lab("dummy", mode)
	s.Setup = host("ip link add d0 type dummy", "ip addr add "+dummy4+"/24 dev d0", "ip link set d0 up")
	s.Steps = append(plain(),
		raw("w.udp4.dummy", scenario.Wire, udp(macM, macW, wire4, dummy4)),
		raw("w.arp-req.dummy", scenario.Wire, request(wire4, dummy4)),
		stack("udp4.dummy", "s0", dummy4),
		stack("udp4.behind-dummy", "s0", behindDummy4),
		stack("udp4.noroute", "s0", noRoute4))
	return s
}

// vrf has the master in a VRF, whose table routes what its interface sends. An
// interface that joins one loses its routes and neighbours.
func vrf(mode string) scenario.Scenario {
	s := lab("vrf", mode)
	s.Setup = host("ip link add vrf0 type vrf table 10", "ip link set vrf0 up", "ip link set eth0 master vrf0",
		"ip route replace table 10 192.0.2.0/24 via "+wire4+" dev eth0", "ip route add table 10 198.18.0.0/24 via "+wire4+" dev eth0",
		"ip neigh replace "+wire4+" lladdr "+macW+" dev eth0 nud permanent")
	s.Steps = append(plain(),
		stack("udp4.vrf", "s0", vrf4),
		stack("udp4.noroute", "s0", noRoute4))
	return s
}

// vlanWire has a VLAN interface as the master, and one at the other end.
func vlanWire(mode string) scenario.Scenario {
	s := lab("vlan-wire", mode)
	for _, end := range []struct{ at, dev string }{{scenario.Host, "eth0"}, {scenario.Wire, "w0"}} {
		for _, cmd := range []string{"down", "name base"} {
			s.Prepare = append(s.Prepare, scenario.Command{At: end.at, Cmd: "ip link set " + end.dev + " " + cmd})
		}
		s.Prepare = append(s.Prepare, scenario.Command{At: end.at,
			Cmd: fmt.Sprintf("ip link add link base name %s type vlan id %d && ip link set base up && ip link set %s up", end.dev, vlan, end.dev)})
	}
	s.Steps = append(plain(),
		raw("w.vlan6.udp4.s0", scenario.Wire, tagged(vlan+1, udp(macM, macW, wire4, s0v4))),
		raw("w.vlan0.udp4.s0", scenario.Wire, tagged(0, udp(macM, macW, wire4, s0v4))),
		raw("w.qinq6.udp4.s0", scenario.Wire, frame.Tagged(udp(macM, macW, wire4, s0v4), frame.TypeQinQ, vlan+1)))
	return s
}

// macvlanWire has a macvlan interface as the master: the wire's frames for
// another MAC do not reach it.
func macvlanWire(mode string) scenario.Scenario {
	s := lab("macvlan-wire", mode)
	s.Prepare = host("ip link set eth0 down", "ip link set eth0 name base", "ip link set base address "+macBase,
		"ip link add link base name eth0 address "+macM+" type macvlan mode private", "ip link set base up", "ip link set eth0 up")
	s.Steps = append(plain(),
		raw("w.udp4.s0.basemac", scenario.Wire, udp(macBase, macW, wire4, s0v4)),
		raw("w.vlan5.udp4.s0", scenario.Wire, tagged(vlan, udp(macM, macW, wire4, s0v4))))
	return s
}
