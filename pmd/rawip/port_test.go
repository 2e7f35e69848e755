package rawip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

// macs gives a captured frame's destination and source.
func macs(f []byte) (dst, src string) {
	return net.HardwareAddr(f[:6]).String(), net.HardwareAddr(f[6:12]).String()
}

func TestAPacketOfAnySourceLeavesAsTheHostsOwn(t *testing.T) {
	r := newRig(t, 1500)
	for _, c := range []struct {
		src, dst  netip.Addr
		etherType uint16
	}{{slaveIP4, peerIP4, etherIPv4}, {slaveIP6, peerIP6, etherIPv6}} {
		sock := r.capture(c.etherType)
		sent := udpFrame(c.src, c.dst, 1000)
		r.send(sent)
		got := r.recv(sock, from(c.src))
		if dst, src := macs(got); dst != peerMAC || src != hostMAC {
			t.Errorf("%v: frame goes from %s to %s, want from %s to %s", c.src, src, dst, hostMAC, peerMAC)
		}
		want := bytes.Clone(sent[etherLen:])
		if c.src.Is4() {
			copy(want[10:12], got[etherLen+10:]) // the kernel completes the checksum
		}
		if !bytes.Equal(got[etherLen:], want) {
			t.Errorf("%v: the packet was changed:\n%x\n%x", c.src, got[etherLen:][:60], want[:60])
		}
	}
	r.stats(pmd.QueueStats{Packets: 2}, Reasons{})
}

func TestRulesForTheSourceAndDSCPApply(t *testing.T) {
	r := newRig(t, 1500)
	r.ip(r.host, "-6 neighbour add %s lladdr %s dev host0", otherIP6, otherMAC)
	r.ip(r.host, "route add default via %s dev host0", peerIP4)
	r.ip(r.host, "-6 route add default via %s dev host0", peerIP6)
	r.ip(r.host, "route add default via %s dev host0 table 100", otherIP4)
	r.ip(r.host, "-6 route add default via %s dev host0 table 100", otherIP6)
	r.ip(r.host, "rule add from %s table 100", slaveIP4)
	r.ip(r.host, "-6 rule add from %s table 100", slaveIP6)
	r.ip(r.host, "rule add from %s tos 0x10 table 100", "10.99.0.7")
	r.ip(r.host, "-6 rule add from %s tos 0x10 table 100", "fd99::7")
	r.ip(r.host, "rule add from %s tos 0x08 table 100", "10.99.0.8")
	sock4, sock6 := r.capture(etherIPv4), r.capture(etherIPv6)
	for src, want := range map[netip.Addr]string{
		slaveIP4: otherMAC, ip("10.99.0.6"): peerMAC, ip("10.99.0.7"): otherMAC, ip("10.99.0.8"): peerMAC,
		slaveIP6: otherMAC, ip("fd99::6"): peerMAC, ip("fd99::7"): otherMAC,
	} {
		sock, dst := sock4, ip("192.0.2.1")
		if src.Is6() {
			sock, dst = sock6, ip("2001:db8::1")
		}
		r.send(udpFrame(src, dst, 100))
		if got, _ := macs(r.recv(sock, from(src))); got != want {
			t.Errorf("packet from %v goes to %s, want %s", src, got, want)
		}
	}
}

func TestALongPacketIsReassembledByTheReceiver(t *testing.T) {
	for name, id := range map[string]uint16{"with an ID": 0x1234, "without an ID": 0} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 1000)
			r.ip(r.peer, "route add %s/32 dev peer0", slaveIP4)
			sock, udp := r.capture(etherIPv4), r.udp(r.peerFD, 4000)
			f := udpFrame(slaveIP4, peerIP4, 1372)
			binary.BigEndian.PutUint16(f[etherLen+4:], id)
			r.send(f)
			var ids [2]uint16
			for i, want := range []int{996, 20 + 1380 - 976} {
				got := r.recv(sock, from(slaveIP4))
				if len(got) != etherLen+want {
					t.Errorf("fragment %d is a frame of %d bytes, want %d", i, len(got), etherLen+want)
				}
				ids[i] = binary.BigEndian.Uint16(got[etherLen+4:])
			}
			if ids[0] != ids[1] || id != 0 && ids[0] != id {
				t.Errorf("the fragments' IDs are %#x, the packet's is %#x", ids, id)
			}
			if got := r.recv(udp, anything); !bytes.Equal(got, f[etherLen+28:]) {
				t.Errorf("received %d bytes that differ from the %d sent", len(got), len(f)-etherLen-28)
			}
			r.stats(pmd.QueueStats{Packets: 1}, Reasons{})
		})
	}
}

func TestPacketsThatMayNotBeFragmentedAreTooBig(t *testing.T) {
	r := newRig(t, 1400)
	df := udpFrame(slaveIP4, peerIP4, 1400)
	df[etherLen+6] |= flagDF >> 8
	good := udpFrame(slaveIP4, peerIP4, 100)
	sock := r.capture(etherIPv4)
	r.send(good, df, udpFrame(slaveIP6, peerIP6, 1400), good)
	r.recv(sock, from(slaveIP4))
	r.recv(sock, from(slaveIP4))
	if err := r.port.SetMTU(9000); err != nil { // the device's is still 1400
		t.Fatal(err)
	}
	r.send(udpFrame(slaveIP4, peerIP4, 1400))
	r.stats(pmd.QueueStats{Packets: 2, TooBig: 3}, Reasons{})
}

func TestRefusalsAreCountedByReason(t *testing.T) {
	r := newRig(t, 1500)
	r.run("ip", "netns", "exec", r.host, "iptables", "-A", "OUTPUT", "-s", slaveIP4.String(), "-j", "DROP")
	r.run("ip", "netns", "exec", r.host, "ip6tables", "-A", "OUTPUT", "-s", slaveIP6.String(), "-j", "DROP")
	r.ip(r.host, "-6 rule add from fd99::7 prohibit")
	src := ip("10.99.0.6")
	r.send(
		udpFrame(slaveIP4, peerIP4, 100), udpFrame(slaveIP6, peerIP6, 100),
		udpFrame(ip("fd99::6"), ip("2001:db8::1"), 100), udpFrame(ip("fd99::7"), peerIP6, 100),
		udpFrame(src, peerIP4, 100),
	)
	r.stats(pmd.QueueStats{Packets: 1, Refused: 4}, Reasons{Filtered: 2, NoRoute: 2})
	r.ip(r.host, "link set dev host0 down")
	r.send(udpFrame(src, peerIP4, 100))
	r.stats(pmd.QueueStats{Packets: 1, Refused: 5}, Reasons{Filtered: 2, NoRoute: 3})
}

func TestMalformedPacketsAreRefused(t *testing.T) {
	r := newRig(t, 1500)
	change := func(f []byte, at int, b ...byte) []byte {
		copy(f[at:], b)
		return f
	}
	v4 := func() []byte { return udpFrame(slaveIP4, peerIP4, 20) }
	v6 := func() []byte { return udpFrame(slaveIP6, peerIP6, 20) }
	bad := [][]byte{
		v4()[:10], v4()[:33], v4()[:etherLen+40], v6()[:etherLen+39], v6()[:etherLen+60],
		change(v4(), 12, 8, 6), change(v4(), 12, 0x86, 0xdd), change(v6(), 12, 8, 0),
		change(v4(), etherLen, 0x44), change(v4(), etherLen+2, 0, 19), change(v4(), etherLen, 0x4f, 0, 0, 48),
		change(v4(), etherLen+12, 0, 0, 0, 0),
	}
	r.send(bad...)
	n := uint64(len(bad))
	r.stats(pmd.QueueStats{Refused: n}, Reasons{Malformed: n})
}

func TestPaddingIsNotSent(t *testing.T) {
	r := newRig(t, 1500)
	for _, c := range []struct {
		src, dst  netip.Addr
		etherType uint16
	}{{slaveIP4, peerIP4, etherIPv4}, {slaveIP6, peerIP6, etherIPv6}} {
		sock := r.capture(c.etherType)
		f := udpFrame(c.src, c.dst, 4)
		r.send(append(bytes.Clone(f), make([]byte, 700)...))
		if got := r.recv(sock, from(c.src)); len(got) != len(f) {
			t.Errorf("%v: the frame has %d bytes, want %d", c.src, len(got), len(f))
		}
	}
}

func TestTheHostsOwnAddressIsReached(t *testing.T) {
	r := newRig(t, 1500)
	udp := r.udp(r.hostFD, 4000)
	f := udpFrame(slaveIP4, hostIP4, 100)
	r.send(f)
	if got := r.recv(udp, anything); !bytes.Equal(got, f[etherLen+28:]) {
		t.Errorf("received %d bytes that differ from the %d sent", len(got), len(f)-etherLen-28)
	}
}

func TestTheHostGetsNoCopyOfAGroupPacket(t *testing.T) {
	r := newRig(t, 1500)
	sock := r.capture(etherIPv6)
	host := r.socket(r.hostFD, unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_UDP)
	group, own := udpFrame(slaveIP6, ip("ff02::1"), 10), udpFrame(slaveIP6, hostIP6, 20)
	r.send(group, own)
	if got := r.recv(sock, from(slaveIP6)); !bytes.Equal(got[etherLen:], group[etherLen:]) {
		t.Errorf("the wire got %x, want the group packet", got)
	}
	if got := r.recv(host, anything); len(got) != 8+20 {
		t.Errorf("the host got %d bytes, want the 28 that are for its own address", len(got))
	}
}

func TestABurstLongerThanABatchIsSentInOrder(t *testing.T) {
	r := newRig(t, 1500)
	r.ip(r.host, "neighbour replace %s lladdr %s dev host0", peerIP4, peerMAC) // more than wait for one
	sock := r.capture(etherIPv4)
	frames := make([][]byte, 2*maxMsgs+3)
	for i := range frames {
		frames[i] = udpFrame(slaveIP4, peerIP4, 20+10*i) // some over several mbufs
	}
	r.send(frames...)
	for i := range frames {
		if got := r.recv(sock, from(slaveIP4)); len(got) != len(frames[i]) {
			t.Fatalf("frame %d has %d bytes, want %d", i, len(got), len(frames[i]))
		}
	}
	r.stats(pmd.QueueStats{Packets: uint64(len(frames))}, Reasons{})
}

func TestTooManySegmentsAreTooBig(t *testing.T) {
	r := newRig(t, 1500)
	r.v.Reset()
	b, _ := r.v.Append(r.mbuf(udpFrame(slaveIP4, peerIP4, 1400), 35)) // 42 bytes of headers in 2
	r.set.TxList().Add(r.tx, b)
	many, _ := r.v.Append(r.mbuf(append(udpFrame(slaveIP4, peerIP4, 100), make([]byte, 3000)...), 40))
	r.set.TxList().Add(r.tx, many)
	r.set.Send()
	r.first.Receive()
	r.stats(pmd.QueueStats{Packets: 1, TooBig: 1}, Reasons{})
}

func TestOpenFailsWithTheBadValue(t *testing.T) {
	r := newRig(t, 1500)
	for _, cfg := range []Config{{"host0", 67}, {"host0", 65536}, {"nosuch0", 1500}, {"", 1500}} {
		if p, err := Open(r.hostFD, cfg); err == nil {
			t.Errorf("Open(%+v) succeeded", cfg)
			p.Close()
		}
	}
}

func TestForeignQueuesAreRefused(t *testing.T) {
	r := newRig(t, 1500)
	p := r.rt.NewPort("foreign", pmdtest.PortOptions{})
	defer p.Close()
	if _, err := r.set.AddTx(p.Tx()[0], false); !errors.Is(err, pmd.ErrUnsupported) {
		t.Errorf("AddTx of a foreign queue: %v", err)
	}
	if _, err := r.set.AddRx(p.Rx()[0], 8); !errors.Is(err, pmd.ErrUnsupported) {
		t.Errorf("AddRx: %v", err)
	}
}

func TestAStepAllocatesNothing(t *testing.T) {
	r := newRig(t, 1400)
	r.ip(r.host, "neighbour replace %s lladdr %s dev host0", peerIP4, peerMAC)
	mbufs := []*pmd.Mbuf{
		r.mbuf(udpFrame(slaveIP4, peerIP4, 1000), 600),
		r.mbuf(udpFrame(slaveIP4, peerIP4, 2000), 600), // in fragments
		r.mbuf(udpFrame(slaveIP6, peerIP6, 2000), 600), // too big
	}
	allocs := testing.AllocsPerRun(100, func() {
		r.v.Reset()
		b, _ := r.v.Grow(len(mbufs))
		for i, m := range mbufs {
			m.AddRefs(1)
			r.v.Packets(b)[i] = m
		}
		r.set.TxList().Add(r.tx, b)
		r.set.Send()
		r.set.Receive()
		r.first.Receive()
	})
	if allocs != 0 {
		t.Errorf("%v allocations a step, want 0", allocs)
	}
	for _, m := range mbufs {
		r.rt.Free(m)
	}
	r.stats(pmd.QueueStats{Packets: 202, TooBig: 101}, Reasons{})
}

func TestWaitFDIsNeverReadable(t *testing.T) {
	r := newRig(t, 1500)
	fd, _ := r.set.(pmd.Waiter).WaitFD()
	r.send(udpFrame(slaveIP4, peerIP4, 100))
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0); n != 0 || err != nil {
		t.Errorf("poll gives %d, %v; want 0", n, err)
	}
}

// TestIPv6RoutesThroughOtherDevicesCount: as ipvlan's lookup, which names the
// device but has no socket that is bound to it.
func TestIPv6RoutesThroughOtherDevicesCount(t *testing.T) {
	r := newRig(t, 1500)
	r.ip(r.host, "-6 route add default via %s dev host0", peerIP6)
	r.ip(r.host, "-6 route add unreachable 2001:db8:1::/64")
	r.ip(r.host, "link add other0 type veth peer name other1")
	r.ip(r.host, "link set other0 up")
	r.ip(r.host, "link set other1 up")
	r.ip(r.host, "-6 address add fd05::1/64 dev other0 nodad")
	r.ip(r.host, "-6 route add 2001:db8:2::/64 dev other0")
	udp, sock := r.socket(r.hostFD, unix.AF_INET6, unix.SOCK_DGRAM, 0), r.capture(etherIPv6)
	if err := errors.Join(unix.Bind(udp, &unix.SockaddrInet6{Port: 4000}), unix.SetsockoptInt(udp, unix.SOL_UDP, unix.UDP_NO_CHECK6_RX, 1)); err != nil {
		t.Fatal(err)
	}
	r.send(udpFrame(slaveIP6, ip("2001:db8:1::1"), 100)) // unreachable
	r.send(udpFrame(slaveIP6, ip("2001:db8:2::1"), 100)) // through the other device
	r.send(udpFrame(slaveIP6, ip("fd05::1"), 100))       // the host's own
	r.recv(udp, anything)
	r.send(udpFrame(slaveIP6, ip("2001:db8:3::1"), 200))
	if got := r.recv(sock, from(slaveIP6)); len(got) != etherLen+ipv6Len+8+200 {
		t.Errorf("a frame of %d bytes leaves through the device, want none but that to 2001:db8:3::1", len(got))
	}
	r.stats(pmd.QueueStats{Packets: 3, Refused: 1}, Reasons{NoRoute: 1})
}
