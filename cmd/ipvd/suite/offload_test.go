package suite

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/hosttest"
	"ipvd/cmd/internal/host/netns"
)

// in runs f on a thread in ns, with an error in place of a failed test.
func in(ns hosttest.NS, f func() error) error {
	fd, err := netns.Open(ns.Name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return netns.Run(fd, f)
}

// transfer sends data by TCP to addr, an address of to, and compares what comes.
func transfer(from, to hosttest.NS, addr string, data []byte) error {
	var ln net.Listener
	var c net.Conn
	err := in(to, func() (err error) { ln, err = net.Listen("tcp", net.JoinHostPort(addr, "0")); return err })
	if err != nil {
		return err
	}
	defer ln.Close()
	err = in(from, func() (err error) { c, err = net.DialTimeout("tcp", ln.Addr().String(), defaultWait); return err })
	if err != nil {
		return err
	}
	defer c.Close()
	peer, err := ln.Accept()
	if err != nil {
		return err
	}
	defer peer.Close()
	for _, k := range []net.Conn{c, peer} {
		k.SetDeadline(time.Now().Add(time.Minute))
	}
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(data)
		sent <- err
		c.Close()
	}()
	got, err := io.ReadAll(peer)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, data) {
		return fmt.Errorf("%d bytes came, which are not the %d sent", len(got), len(data))
	}
	return <-sent
}

// datagrams sends n datagrams of size bytes in one call to addr, an address of
// to, and compares what comes.
func datagrams(from, to hosttest.NS, addr string, n, size int) error {
	server, err := socketIn(to, net.JoinHostPort(addr, "0"))
	if err != nil {
		return err
	}
	defer server.Close()
	client, err := socketIn(from, ":0")
	if err != nil {
		return err
	}
	defer client.Close()
	raw, err := client.SyscallConn()
	if err != nil {
		return err
	}
	raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT, size) })
	if err != nil {
		return err
	}
	data := noise(n*size - 1) // the last is shorter
	if _, err := client.WriteTo(data, server.LocalAddr()); err != nil {
		return err
	}
	server.SetReadDeadline(time.Now().Add(defaultWait))
	var got []byte
	for len(got) < len(data) {
		buf := make([]byte, 2*size)
		k, _, err := server.ReadFromUDP(buf)
		if err != nil {
			return fmt.Errorf("after %d of %d bytes: %w", len(got), len(data), err)
		}
		if k > size {
			return fmt.Errorf("a datagram has %d bytes, not %d", k, size)
		}
		got = append(got, buf[:k]...)
	}
	if !bytes.Equal(got, data) {
		return fmt.Errorf("%d bytes came, which are not the %d sent", len(got), len(data))
	}
	return nil
}

func noise(n int) []byte {
	r, b := rand.New(rand.NewPCG(uint64(n), 1)), make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// box6 is the IPv6 address of box i.
func box6(i int) string { return fmt.Sprintf("fd00::%x", 0x11+i) }

// TestLongFramesArriveInEveryMode: what the slaves' kernels leave to the device
// is done by whoever must, and by nobody between slaves.
func TestLongFramesArriveInEveryMode(t *testing.T) {
	l := newLab(t, 2)
	l.host.IP("addr add fd00::1/64 dev eth0 nodad")
	l.start("--ephemeral")
	for i := range l.boxes {
		l.add(i)
		l.boxes[i].IP(fmt.Sprintf("addr add %s/64 dev ipvl%d nodad", box6(i), i))
	}
	data := noise(8 << 20)
	for _, mode := range []string{"l2", "l3", "l3s"} {
		l.must("link", "set", "ipvl0", "type", "ipvlan", "mode", mode)
		if mode == "l3" {
			for i := range l.boxes {
				l.router.IP("route add " + boxAddr(i) + "/32 via " + hostAddr)
				l.router.IP("route add " + box6(i) + "/128 via fd00::1")
			}
		}
		for _, dst := range []string{boxAddr(1), box6(1)} {
			l.ping(l.boxes[0], dst)
			if err := transfer(l.boxes[0], l.boxes[1], dst, data); err != nil {
				t.Errorf("%s: TCP to sibling %s: %v", mode, dst, err)
			}
			if err := datagrams(l.boxes[0], l.boxes[1], dst, 40, 1400); err != nil {
				t.Errorf("%s: UDP to sibling %s: %v", mode, dst, err)
			}
		}
		for _, dst := range []string{routerAddr, "fd00::fe"} {
			l.ping(l.boxes[0], dst)
			if err := transfer(l.boxes[0], l.router, dst, data); err != nil {
				t.Errorf("%s: TCP to router %s: %v", mode, dst, err)
			}
			if err := datagrams(l.boxes[0], l.router, dst, 40, 1400); err != nil {
				t.Errorf("%s: UDP to router %s: %v", mode, dst, err)
			}
		}
		for _, dst := range []string{boxAddr(0), box6(0)} {
			l.ping(l.router, dst)
			if err := transfer(l.router, l.boxes[0], dst, data); err != nil {
				t.Errorf("%s: TCP from router to %s: %v", mode, dst, err)
			}
		}
		l.verify()
	}
	if err := transfer(l.host, l.router, routerAddr, data); err != nil {
		t.Errorf("TCP from the host: %v", err)
	}
	// 32 MB went to the sibling in each mode: 10,000 frames if they were short.
	if s := l.link("ipvl1").Stats64; s.RX.Bytes/s.RX.Packets < 4000 {
		t.Errorf("the sibling got %d bytes in %d frames, want long ones", s.RX.Bytes, s.RX.Packets)
	}
	if v := l.verify(); v.Copied < 10_000 {
		t.Errorf("%d copies, want the segments of what went to the wire", v.Copied)
	}
	l.stop()
}

// hostile sends frames with virtio-net headers from an interface of a namespace,
// as far as the kernel lets them, and gives how many it did.
func hostile(ns hosttest.NS, ifname string, frames [][]byte) (sent int) {
	ns.Do(func() error {
		proto := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_IP))
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
			return err
		}
		iface, err := net.InterfaceByName(ifname)
		if err != nil {
			return err
		}
		for i, f := range frames {
			if unix.Sendto(fd, f, 0, &unix.SockaddrLinklayer{Protocol: proto, Ifindex: iface.Index}) == nil {
				sent++
			}
			if i%64 == 63 {
				time.Sleep(time.Millisecond)
			}
		}
		return nil
	})
	return sent
}

// badHeaders are virtio-net headers that do not fit the TCP packets behind them,
// from 10.0.0.11 to dst.
func badHeaders(r *rand.Rand, dst string, n int) (all [][]byte) {
	for range n {
		size := []int{40, 60, 1400, 8000, 60000}[r.IntN(5)]
		p := make([]byte, size)
		copy(p, unhex("45000000 00014000 40060000 0a00000b 00000000 1234 1e61 00000001 00000002 5010 ffff 0000 0000"))
		binary.BigEndian.PutUint16(p[2:], uint16(size))
		copy(p[16:], net.ParseIP(dst).To4())
		h := []byte{1, 1, 54, 0, 0xa8, 5, 34, 0, 16, 0}
		for range 1 + r.IntN(3) {
			if i := r.IntN(14); i < len(h) {
				h[i] = []byte{0, 1, 2, 3, 4, 5, 8, 16, 0x40, 0x80, 0xff, byte(r.Uint32())}[r.IntN(12)]
			} else {
				p[r.IntN(40)] = byte(r.Uint32())
			}
		}
		all = append(all, append(h, frame(masterMAC, masterMAC, unix.ETH_P_IP, p)...))
	}
	return all
}

func TestHeadersThatNobodyShouldSend(t *testing.T) {
	l := newLab(t, 2)
	l.start("--ephemeral")
	for i := range l.boxes {
		l.add(i)
		l.router.IP("route add " + boxAddr(i) + "/32 via " + hostAddr)
	}
	l.ping(l.boxes[0], boxAddr(1))
	before := l.verify().MbufsInUse
	r := rand.New(rand.NewPCG(3, 4))
	for _, mode := range []string{"l2", "l3", "l3s"} {
		l.must("link", "set", "ipvl0", "type", "ipvlan", "mode", mode)
		start, sent := l.verify(), 0
		for _, dst := range []string{boxAddr(1), routerAddr} {
			sent += hostile(l.boxes[0], "ipvl0", badHeaders(r, dst, 1000))
		}
		end := l.verify()
		t.Logf("%s: %d frames, %d received, %d copies, dropped: %v", mode, sent, end.Received-start.Received, end.Copied-start.Copied, end.Reasons)
		if end.Received-start.Received < uint64(sent)/4 {
			t.Errorf("%s: %d frames of %d received: too few to mean something", mode, end.Received-start.Received, sent)
		}
		for _, ns := range append(l.boxes, l.router, l.host) {
			ns.IP("neigh flush all")
		}
		l.ping(l.boxes[0], boxAddr(1))
		l.ping(l.boxes[1], routerAddr)
	}
	if n := l.verify().Reasons["rx_error"]; n < 100 {
		t.Errorf("%d headers were found to be bad, want at least 100", n)
	}
	l.await("no mbuf is lost", defaultWait, func() bool { return l.verify().MbufsInUse <= before+64 })
	l.stop()
}
