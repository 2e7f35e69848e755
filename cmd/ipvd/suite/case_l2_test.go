package suite

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"ipvd/cmd/internal/host/hosttest"
	frames "ipvd/cmd/ipvconform/frame"
)

const l2Flags = "l2, l2 private, l2 vepa"

// TestCasesOfSendingInL2: what slaves and the host send in l2 that the
// conformance matrix does not hold.
func TestCasesOfSendingInL2(t *testing.T) {
	b := newBench(t)
	b.siblingCases()
	b.siblingStateCases()
	b.masterDownCases()
	b.hostCases()
	b.groupSendCases()
	b.extraSlaveCases()
	b.finish()
}

func (b *bench) siblingCases() {
	b.run(90, "datagram of a socket to a sibling", "l2", func() {
		for _, dst := range []string{s2v4, s2v6} {
			b.forget()
			m := b.mark()
			asks, answers := isARP(1, s1v4, s2v4), isARP(2, s2v4, s1v4)
			if isV6(dst) {
				asks, answers = isND(neighbourSolicit, s2v6), isND(neighbourAdvertise, s2v6)
			}
			b.check(func() { b.datagram(b.boxes[0], dst, m) },
				want{"datagram to " + dst, both(has(m), isUDP), "s2"},
				want{"question for " + dst, both(asks, multicastMAC), "w s2 s3"},
				want{"answer", both(answers, to(macM)), "s1"})
		}
	})
	b.run(99, "foreign source and destination MAC", "l2", func() {
		// source-mac in flows/ipvlan/differences.go.
		b.gets("frame", "s1", udp4(macX, macX, s1v4, s2v4, b.mark()), "w")
		b.gets("IPv6 frame", "s1", udp6(macX, macX, s1v6, s2v6, b.mark()), "w")
	})
	b.run(117, "longer than the sibling's MTU", "l2", func() {
		b.boxes[1].IP("link set ipvl1 mtu 1280")
		b.awaitMTU(1, 1280)
		for _, dst := range []string{s2v4, s2v6} {
			b.settle()
			tx, rx := b.link("ipvl0").Stats64.TX, b.link("ipvl1").Stats64.RX
			b.gets("frame to "+dst, "s1", udp(macM, macM, own(dst, 11), dst, append(b.mark(), make([]byte, 1388)...)), "")
			if got := b.link("ipvl1").Stats64.RX.Errors - rx.Errors; got != 1 {
				b.t.Errorf("errors of the receiver: %d, want 1", got)
			}
			now := b.link("ipvl0").Stats64.TX
			if now.Packets == tx.Packets || now.Dropped != tx.Dropped {
				b.t.Errorf("the sender has %+v, before %+v; want a packet more", now, tx)
			}
		}
		b.boxes[1].IP("link set ipvl1 mtu 1500")
		b.awaitMTU(1, 1500)
	})
	b.run(118, "longer than the wire's MTU", "l2", func() {
		b.boxes[0].IP("link set ipvl0 mtu 3000")
		b.awaitMTU(0, 3000)
		b.settle()
		before := b.link("eth0").Stats64.TX.Dropped
		for _, dst := range []string{w4, w6} {
			b.gets("frame to "+dst, "s1", udp(macW, macM, own(dst, 11), dst, append(b.mark(), make([]byte, 2800)...)), "")
		}
		if got := b.link("eth0").Stats64.TX.Dropped - before; got != 2 {
			b.t.Errorf("dropped by the master: %d, want 2", got)
		}
		b.boxes[0].IP("link set ipvl0 mtu 1500")
		b.awaitMTU(0, 1500)
	})
	b.run(119, "TCP between slaves", "l2", func() {
		b.bulk(b.boxes[0], b.boxes[1], s2v4)
		b.bulk(b.boxes[0], b.boxes[1], s2v6)
	})
}

// multicastMAC matches frames to groups and to all.
func multicastMAC(f []byte) bool { return len(f) > 0 && f[0]&1 != 0 }

// forget removes what the containers know of their neighbours.
func (b *bench) forget() {
	b.t.Helper()
	for _, box := range b.boxes {
		box.IP("neigh flush all")
	}
}

// datagram sends one through the stack of a namespace.
func (b *bench) datagram(ns hosttest.NS, dst string, data []byte) {
	b.t.Helper()
	c, err := socketIn(ns, ":0")
	if err == nil {
		defer c.Close()
		_, err = c.WriteToUDP(data, &net.UDPAddr{IP: net.ParseIP(dst), Port: casePort})
	}
	if err != nil {
		b.t.Errorf("datagram to %s: %v", dst, err)
	}
}

// bulk moves some megabytes over a connection.
func (b *bench) bulk(src, dst hosttest.NS, addr string) {
	b.t.Helper()
	c := b.talk(src, dst, addr)
	data := make([]byte, 8<<20)
	rand.Read(data)
	go func() { c.a.Write(data); c.a.Close() }()
	c.b.SetReadDeadline(time.Now().Add(time.Minute))
	if got, err := io.ReadAll(c.b); err != nil || !bytes.Equal(got, data) {
		b.t.Errorf("to %s: %d bytes of %d, %v, equal: %v", addr, len(got), len(data), err, bytes.Equal(got, data))
	}
	c.b.Close()
}

func (b *bench) siblingStateCases() {
	b.run(116, "the sibling is down", "l2", func() {
		b.boxes[1].IP("link set ipvl1 down")
		b.wantState("ipvl1", s2v4, "inactive")
		b.gets("frame", "s1", udp4(macM, macM, s1v4, s2v4, b.mark()), "h")
		b.gets("IPv6 frame", "s1", udp6(macM, macM, s1v6, s2v6, b.mark()), "h")
		b.boxes[1].IP("link set ipvl1 up")
		b.boxes[1].IP("addr add " + s2v6 + "/64 dev ipvl1 nodad")
		b.wantState("ipvl1", s2v4, "active")
		b.wantState("ipvl1", s2v6, "active")
	})
}

// masterDownCases: the host takes its port down.
func (b *bench) masterDownCases() {
	without := func(f func()) {
		b.t.Helper()
		b.host.IP("link set eth0 down")
		b.await("the daemon knows", defaultWait, func() bool { return !slices.Contains(b.link("eth0").Flags, "UP") })
		f()
		b.host.IP("link set eth0 up")
		b.host.IP("addr replace " + h6 + "/64 dev eth0 nodad")
		b.await("the wire is open again", defaultWait, func() bool { return b.reaches(b.router, hostAddr) })
	}
	b.run(120, "to a sibling while the master is down", allModes, func() {
		without(func() {
			b.gets("frame", "s1", udp4(macM, macM, s1v4, s3v4, b.mark()), "s3")
			b.gets("IPv6 frame", "s1", udp6(macM, macM, s1v6, s3v6, b.mark()), "s3")
			for i := range b.boxes {
				if flags := b.link(fmt.Sprintf("ipvl%d", i)).Flags; !slices.Contains(flags, "LOWER_UP") {
					b.t.Errorf("slave %d has %v, want a carrier", i, flags)
				}
			}
		})
	})
	lost := func() {
		without(func() {
			for _, f := range [][]byte{udp4(macW, macM, s1v4, w4, b.mark()), udp6(macW, macM, s1v6, w6, b.mark())} {
				b.gets("frame to the wire", "s1", f, "")
			}
			b.gets("frame from the wire", "w", udp4(macM, macW, w4, s1v4, b.mark()), "")
			b.gets("IPv6 frame from the wire", "w", udp6(macM, macW, w6, s1v6, b.mark()), "")
			if b.is("l2") {
				b.gets("broadcast", "s1", udp4(macAll, macM, s1v4, "255.255.255.255", b.mark()), "s2 s3")
			}
		})
	}
	b.run(121, "to the wire while the master is down", "l2", func() {
		sent := b.link("ipvl0").Stats64.TX
		lost()
		if now := b.link("ipvl0").Stats64.TX; now.Dropped != sent.Dropped || now.Packets == sent.Packets {
			b.t.Errorf("the sender has %+v, before %+v: want all sent", now, sent)
		}
	})
	b.run(155, "to the wire while the master is down", l3Modes, lost)
}

// hostCases: between slaves and the host.
func (b *bench) hostCases() {
	b.run(94, "to the host by its MAC", "l2, l2 private", func() {
		b.host.IP("neigh flush dev eth0")
		m := b.mark()
		b.check(func() { b.send("s1", echo(macM, macM, s1v4, h4, m)) },
			want{"request", both(has(m), to(macM)), "h"}, want{"question of the host for s1", isARP(1, h4, s1v4), "w"})
		m = b.mark()
		b.check(func() { b.send("s1", echo(macM, macM, s1v6, h6, m)) },
			want{"IPv6 request", both(has(m), to(macM)), "h"}, want{"solicitation of the host for s1", isND(neighbourSolicit, s1v6), "w"})
	})
	b.run(95, "to the host by its MAC with vepa", "l2 vepa", func() {
		b.gets("request", "s1", echo(macM, macM, s1v4, h4, b.mark()), "w")
		b.gets("IPv6 request", "s1", echo(macM, macM, s1v6, h6, b.mark()), "w")
	})
	b.run(96, "ping of the host", l2Flags, func() {
		b.forget()
		for _, dst := range []string{h4, h6} {
			asks, answers := isARP(1, s1v4, h4), isARP(2, h4, "")
			if isV6(dst) {
				asks, answers = isND(neighbourSolicit, h6), isND(neighbourAdvertise, h6)
			}
			b.check(func() { b.datagram(b.boxes[0], dst, b.mark()) },
				want{"question for " + dst, asks, "w s2 s3"}, want{"answer for " + dst, answers, ""})
		}
	})
	b.run(108, "unicast question for the host", "l2", func() {
		b.check(func() { b.send("s1", arpFrame(macM, macM, 1, macM, s1v4, noMAC, h4, nil)) },
			want{"question", isARP(1, s1v4, h4), "h"}, want{"answer", both(isARP(2, h4, s1v4), to(macM)), "w"})
	})
}

func (b *bench) groupSendCases() {
	b.run(103, "multicast to all systems", l2Flags, func() {
		b.gets("datagram", "s1", udp4(frames.GroupMAC("224.0.0.1"), macM, s1v4, "224.0.0.1", b.mark()), "w s2 s3")
		b.gets("IPv6 datagram", "s1", udp6(frames.GroupMAC("ff02::1"), macM, s1v6, "ff02::1", b.mark()), "w s2 s3")
	})
	b.run(110, "DAD solicitation for a sibling", l2Flags, func() {
		b.check(func() { b.send("s1", solicit("", macM, "::", s2v6, nil)) },
			want{"solicitation", isND(neighbourSolicit, s2v6), "w s2 s3"},
			want{"advertisement to all", both(isND(neighbourAdvertise, s2v6), to(frames.GroupMAC("ff02::1"))), "w s1 s3"})
	})
	b.run(114, "PAUSE", l2Flags, func() {
		b.settle()
		tx, reasons := b.link("ipvl0").Stats64.TX, b.verify().Reasons
		b.gets("frame", "s1", frames.Ether("01:80:c2:00:00:01", macM, 0x8808, b.mark(), make([]byte, 40)), "")
		now := b.link("ipvl0").Stats64.TX
		if now.Packets == tx.Packets || now.Dropped != tx.Dropped || b.verify().Reasons["pause"]-reasons["pause"] != 1 {
			b.t.Errorf("the sender has %+v, before %+v; drops %v: want one more sent, and a drop for PAUSE", now, tx, b.verify().Reasons)
		}
	})
	b.run(122, "DHCP discovery of a slave", l2Flags, func() {
		f := frames.Ether(macAll, macM, frames.TypeIPv4, frames.IPv4{Src: "0.0.0.0", Dst: "255.255.255.255", Proto: 17}.Packet(
			frames.UDP("0.0.0.0", "255.255.255.255", 68, 67, append(b.mark(), make([]byte, 240)...))))
		b.gets("discovery", "s1", f, "w s2 s3")
		client, servers := "fe80::200:0:100:1", "ff02::1:2" // RFC 8415
		b.gets("DHCPv6 solicitation", "s1", frames.Ether(frames.GroupMAC(servers), macM, frames.TypeIPv6, frames.IPv6(client, servers, 17, 1,
			frames.UDP(client, servers, 546, 547, b.mark()))), "w s2 s3")
	})
}

// extraSlaveCases: a slave in the host's own namespace is how host and slaves
// reach each other.
func (b *bench) extraSlaveCases() {
	const x4, x6 = "10.0.0.50", "fd00::50"
	b.run(127, "a slave for the host", allModes, func() {
		b.must("link", "add", "link", "eth0", "hx", "type", "ipvlan")
		b.host.IP("link set hx up")
		b.host.IP("addr add " + x4 + "/32 dev hx")
		b.host.IP("addr add " + x6 + "/128 dev hx nodad")
		if !b.is("l3s") { // there the host has routes to all slaves: l3s-host-reach
			b.host.IP("route add " + s1v4 + "/32 dev hx src " + x4)
			b.host.IP("-6 route add " + s1v6 + "/128 dev hx src " + x6)
		}
		b.wantState("hx", x6, "active")
		b.ping(b.host, s1v4)
		b.ping(b.host, s1v6)
		b.ping(b.boxes[0], x4)
		b.ping(b.boxes[0], x6)
		b.must("link", "del", "hx")
	})
}
