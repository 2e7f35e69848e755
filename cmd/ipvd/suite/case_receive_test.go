package suite

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	frames "ipvd/cmd/ipvconform/frame"
)

const allModes = "l2, l3, l3s"

// TestCasesOfReception: frames from the wire that the conformance matrix does
// not hold.
func TestCasesOfReception(t *testing.T) {
	b := newBench(t)
	b.unicastCases()
	b.slaveStateCases()
	b.arpCases()
	b.groupCases()
	b.tagCases()
	b.finish()
}

// fromWire is a frame from the router to the master's MAC.
func fromWire(typ uint16, packet ...[]byte) []byte { return frames.Ether(macM, macW, typ, packet...) }

func (b *bench) unicastCases() {
	b.run(10, "IPv6 fragments", "l2, l3", func() {
		m := b.mark()
		fragment := func(offset uint16, payload []byte) []byte {
			h := append(binary.BigEndian.AppendUint16([]byte{17, 0}, offset), 0, 0, 0, 7)
			return fromWire(frames.TypeIPv6, frames.IPv6(w6, s1v6, 44, 64, append(h, payload...)))
		}
		whole := frames.UDP(w6, s1v6, casePort, casePort, bytes.Join([][]byte{m, m}, make([]byte, 4)))
		b.check(func() { b.send("w", fragment(1, whole[:24]), fragment(24, whole[24:])) }, want{"fragments", both(has(m), to(macM)), "s1 s1"})
	})
	b.run(17, "IPv6 payload longer than the frame", "l2, l3", func() {
		f := udp6(macM, macW, w6, s1v6, b.mark())
		binary.BigEndian.PutUint16(f[18:], 1400)
		b.gets("frame", "w", f, "s1")
	})
	b.run(18, "router solicitation from :: to a slave", "l2, l3", func() {
		m := append(make([]byte, 4), b.mark()...)
		b.gets("solicitation", "w", fromWire(frames.TypeIPv6, frames.IPv6("::", s1v6, 58, 255, frames.ICMPv6("::", s1v6, 133, m))), "h")
	})
	b.run(19, "unicast frame to 224.0.0.1", allModes, func() {
		b.gets("datagram", "w", udp4(macM, macW, w4, "224.0.0.1", b.mark()), "h")
		b.gets("IPv6 datagram", "w", udp6(macM, macW, w6, "ff02::1", b.mark()), "h")
	})
	b.run(21, "unicast frame to 127.0.0.1", allModes, func() {
		b.gets("datagram", "w", udp4(macM, macW, w4, "127.0.0.1", b.mark()), "h")
		b.gets("IPv6 datagram", "w", udp6(macM, macW, w6, "::1", b.mark()), "h")
	})
	b.run(36, "protocols that nobody looks into", "l2, l3, l3s", func() {
		for _, proto := range []uint8{47, 132, 253} {
			p := frames.IPv4{Src: w4, Dst: s1v4, Proto: proto}.Packet(b.mark())
			b.gets(fmt.Sprint("protocol ", proto), "w", fromWire(frames.TypeIPv4, p), b.slave("s1"))
			b.gets(fmt.Sprint("next header ", proto), "w", fromWire(frames.TypeIPv6, frames.IPv6(w6, s1v6, proto, 64, b.mark())), b.slave("s1"))
		}
	})
}

// slaveStateCases: what the slave's interface is like.
func (b *bench) slaveStateCases() {
	box := b.boxes[0]
	b.run(24, "the slave is down", allModes, func() {
		box.IP("link set ipvl0 down")
		b.wantState("ipvl0", s1v4, "inactive")
		b.wantState("ipvl0", s1v6, "") // the kernel takes IPv6 addresses away
		for _, dst := range []string{s1v4, s1v6} {
			b.gets("to "+dst, "w", udp(macM, macW, wire(dst), dst, b.mark()), "h")
		}
		box.IP("link set ipvl0 up")
		box.IP("addr add " + s1v6 + "/64 dev ipvl0 nodad")
		b.wantState("ipvl0", s1v4, "active")
		b.wantState("ipvl0", s1v6, "active")
	})
	b.run(25, "the slave is up again", allModes, func() {
		for _, dst := range []string{s1v4, s1v6} {
			m := b.mark()
			b.check(func() { b.send("w", udp(macM, macW, wire(dst), dst, m)) }, want{"to " + dst, both(has(m), to(macM)), b.slave("s1")})
		}
	})
	b.run(26, "an address on another interface of the container", allModes, func() {
		box.IP("addr add 10.0.0.90/32 dev lo")
		box.IP("addr add fd00::90/128 dev lo")
		for _, dst := range []string{"10.0.0.90", "fd00::90"} {
			b.gets("to "+dst, "w", udp(macM, macW, wire(dst), dst, b.mark()), "h")
		}
		box.IP("addr del 10.0.0.90/32 dev lo")
		box.IP("addr del fd00::90/128 dev lo")
	})
	b.run(28, "longer than the slave's MTU", "l2, l3", func() {
		box.IP("link set ipvl0 mtu 1280")
		b.awaitMTU(0, 1280)
		for _, dst := range []string{s1v4, s1v6} {
			b.gets("1400 bytes to "+dst, "w", udp(macM, macW, wire(dst), dst, append(b.mark(), make([]byte, 1388)...)), "s1")
		}
		box.IP("link set ipvl0 mtu 1500")
		b.awaitMTU(0, 1500)
	})
	b.foreignSubnetCases()
}

// foreignSubnetCases: a slave need not be in the master's subnet.
func (b *bench) foreignSubnetCases() {
	const addr4, addr6 = "172.16.1.2", "fd09::2"
	box := b.boxes[0]
	answers := func() {
		b.t.Helper()
		for _, dst := range []string{addr4, addr6} {
			m := b.mark()
			b.check(func() { b.send("w", echo(macM, macW, wire(dst), dst, m)) }, want{"reply of " + dst, both(isEchoReply(m), from(macM), to(macW)), "w"})
		}
	}
	with := func(f func()) {
		box.IP("addr add " + addr4 + "/32 dev ipvl0")
		box.IP("addr add " + addr6 + "/128 dev ipvl0 nodad")
		b.wantState("ipvl0", addr4, "active")
		b.wantState("ipvl0", addr6, "active")
		f()
		box.IP("addr del " + addr4 + "/32 dev ipvl0")
		box.IP("addr del " + addr6 + "/128 dev ipvl0")
	}
	b.run(34, "slave on a foreign subnet", "l3, l3s", func() { with(answers) })
	b.run(35, "slave on a foreign subnet and strict rp_filter", "l3, l3s", func() {
		b.sysctl(b.host, "ipv4/conf/all/rp_filter", "1")
		b.sysctl(b.host, "ipv4/conf/eth0/rp_filter", "1")
		with(answers)
		b.sysctl(b.host, "ipv4/conf/all/rp_filter", "0")
		b.sysctl(b.host, "ipv4/conf/eth0/rp_filter", "0")
	})
}

func (b *bench) arpCases() {
	b.run(53, "unicast DAD solicitation for a slave", "l2, l3", func() {
		b.gets("solicitation", "w", solicit(macM, macW, "::", s1v6, b.mark()), "s1")
	})
	b.run(54, "unicast DAD solicitation for nobody", "l2, l3", func() {
		b.gets("solicitation", "w", solicit(macM, macW, "::", nobody6, b.mark()), "h")
	})
	b.run(61, "truncated ARP", "l2, l3", func() {
		b.gets("20 bytes of ARP", "w", arpFrame(macM, macW, 1, macW, w4, noMAC, s1v4, nil)[:34], "h")
	})
	b.run(62, "ARP of another hardware type", "l2, l3", func() {
		f := arpFrame(macM, macW, 1, macW, w4, noMAC, s1v4, b.mark())
		f[15] = 6
		b.gets("ARP", "w", f, "s1")
	})
	b.proxyCases()
}

// proxyCases: the host may answer for slaves in l3s, where it has routes to them.
func (b *bench) proxyCases() {
	const neigh4, neigh6 = "ipv4/neigh/eth0/proxy_delay", "ipv6/neigh/eth0/proxy_delay"
	b.sysctl(b.host, neigh4, "0")
	b.sysctl(b.host, neigh6, "0")
	ask4 := func(reply string) {
		b.t.Helper()
		b.check(func() { b.send("w", arpFrame(macAll, macW, 1, macW, w4, noMAC, s1v4, nil)) },
			want{"ARP reply for " + s1v4, both(isARP(2, s1v4, w4), from(macM)), reply})
	}
	proxyARP := func(on string) {
		b.sysctl(b.host, "ipv4/conf/eth0/proxy_arp", on)
		b.sysctl(b.host, "ipv4/conf/eth0/proxy_arp_pvlan", on)
	}
	with := func(reply string) {
		proxyARP("1")
		ask4(reply)
		proxyARP("0")
		b.host.IP("neigh add proxy " + s1v4 + " dev eth0")
		ask4(reply)
		b.host.IP("neigh del proxy " + s1v4 + " dev eth0")
	}
	b.run(45, "proxy_arp", "l3s", func() { proxyARP("1"); ask4("w"); proxyARP("0"); ask4("") })
	b.run(46, "neighbour proxies", "l3s", func() {
		with("w")
		b.sysctl(b.host, "ipv6/conf/eth0/proxy_ndp", "1")
		b.sysctl(b.host, "ipv6/conf/eth0/forwarding", "1") // ndisc_recv_ns asks for it
		b.host.IP("-6 neigh add proxy " + s1v6 + " dev eth0")
		b.check(func() { b.send("w", solicit("", macW, w6, s1v6, nil)) },
			want{"advertisement of " + s1v6, both(isND(neighbourAdvertise, s1v6), from(macM)), "w"})
		b.host.IP("-6 neigh del proxy " + s1v6 + " dev eth0")
		b.sysctl(b.host, "ipv6/conf/eth0/proxy_ndp", "0")
		b.sysctl(b.host, "ipv6/conf/eth0/forwarding", "0")
	})
	b.run(47, "proxies in l3", "l3", func() {
		b.sysctl(b.host, "ipv4/conf/eth0/forwarding", "1")
		with("")
		b.sysctl(b.host, "ipv4/conf/eth0/forwarding", "0")
	})
}

func (b *bench) groupCases() {
	b.run(71, "broadcast ARP of a slave comes back", "l2", func() {
		b.gets("ARP", "w", arpFrame(macAll, macM, 1, macM, s1v4, noMAC, w4, b.mark()), "h")
		b.gets("DAD solicitation", "w", solicit("", macM, "::", s1v6, b.mark()), "h")
	})
	b.run(72, "broadcast of another protocol with the master's MAC", "l2", func() {
		b.gets("frame", "w", frames.Ether(macAll, macM, 0x88b5, b.mark(), make([]byte, 40)), "h s1 s2 s3")
	})
	b.run(73, "broadcast ARP of a slave for its sibling", "l3", func() {
		b.gets("ARP", "w", arpFrame(macAll, macM, 1, macM, s1v4, noMAC, s2v4, b.mark()), "s2")
	})
	b.run(75, "LACP", "l2", func() {
		b.gets("frame", "w", frames.Ether("01:80:c2:00:00:02", macW, 0x8809, b.mark(), make([]byte, 40)), "h")
	})
	b.run(77, "PAUSE", "l2", func() {
		b.gets("frame", "w", frames.Ether("01:80:c2:00:00:01", macW, 0x8808, b.mark(), make([]byte, 40)), "h")
	})
	b.run(79, "broadcast while a slave is down", "l2", func() {
		b.boxes[0].IP("link set ipvl0 down")
		b.wantState("ipvl0", s1v4, "inactive")
		b.gets("broadcast", "w", udp4(macAll, macW, w4, "255.255.255.255", b.mark()), "h s2 s3")
		b.boxes[0].IP("link set ipvl0 up")
		b.boxes[0].IP("addr add " + s1v6 + "/64 dev ipvl0 nodad")
		b.wantState("ipvl0", s1v6, "active")
	})
}

func (b *bench) tagCases() {
	b.run(86, "priority tag", allModes, func() {
		for _, dst := range []string{s1v4, s1v6} {
			m := b.mark()
			f := frames.Tagged(echo(macM, macW, wire(dst), dst, m), frames.TypeVLAN, 5<<13)
			b.check(func() { b.send("w", f) }, want{"untagged reply of " + dst, both(isEchoReply(m), to(macW)), "w"})
		}
	})
}
