package tap

import (
	"bytes"
	"encoding/binary"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/offload"
)

// vnetSocket is a packetSocket whose frames have a virtio-net header of 10
// bytes before them.
func vnetSocket(t testing.TB, p *Port) int {
	t.Helper()
	sock := packetSocket(t, p)
	if err := unix.SetsockoptInt(sock, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
		t.Fatal("frames with virtio-net headers: ", err)
	}
	return sock
}

// tcp is an IPv4 frame with payload bytes of TCP, for nobody. Its checksum is
// the pseudo header's sum.
func tcp(payload, seed int) []byte {
	f := frame(54+payload, seed)
	ip := f[etherLen:]
	copy(ip, []byte{0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, unix.IPPROTO_TCP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2})
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	binary.BigEndian.PutUint16(f[12:], unix.ETH_P_IP)
	ip[32], ip[33] = 5<<4, 0x10
	length := len(ip) - 20
	binary.BigEndian.PutUint16(ip[36:], uint16(0x0a00+0x0001+0x0a00+0x0002+unix.IPPROTO_TCP+length))
	return f
}

// unfinished puts a virtio-net header before a frame that tcp made.
func unfinished(f []byte, gsoType uint8, size int) []byte {
	h := []byte{pmd.VnetNeedsCsum, gsoType}
	for _, v := range []int{54, size, 34, 16} {
		h = binary.LittleEndian.AppendUint16(h, uint16(v))
	}
	return append(h, f...)
}

// ipSocket takes IPv4 frames in place of the test's own kind.
func ipSocket(t testing.TB, p *Port) int {
	t.Helper()
	sock := vnetSocket(t, p)
	link := linkOf(t, p)
	proto := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_IP))
	if err := unix.Bind(sock, &unix.SockaddrLinklayer{Protocol: proto, Ifindex: link}); err != nil {
		t.Fatal(err)
	}
	return sock
}

func linkOf(t testing.TB, p *Port) int {
	t.Helper()
	ns, err := p.Netns()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ns)
	return linkIn(t, ns, p.Name()).Attrs().Index
}

func TestUnfinishedFramesTravelAsTheyAre(t *testing.T) {
	nsA, fdA := testNetns(t)
	nsB, fdB := testNetns(t)
	a, b := upPort(t, nsA, fdA, "eth0", 1500), upPort(t, nsB, fdB, "eth0", 1500)
	from, to := ipSocket(t, a), ipSocket(t, b)
	r := newRig(t, 256, 16, 64)
	r.slots(a, 8)
	_, tx := r.slots(b, 8)
	for i, want := range [][]byte{
		unfinished(tcp(65000, 1), pmd.VnetTCPv4, 1448), unfinished(tcp(100, 2), 0, 0),
		unfinished(tcp(3000, 3), pmd.VnetTCPv4|pmd.VnetECN, 1000), append(make([]byte, 10), tcp(50, 4)...),
	} {
		send(t, from, want)
		r.step()
		r.forward(tx)
		r.step()
		// The kernel gives the header's length as it sees fit.
		got := recv(t, to)
		if len(got) != len(want) || !bytes.Equal(got[:2], want[:2]) || !bytes.Equal(got[4:], want[4:]) {
			t.Errorf("frame %d: got %d bytes with header %x, want %d with %x", i, len(got), got[:10], len(want), want[:10])
		}
	}
	if rx, tx := a.Rx()[0].Stats(), b.Tx()[0].Stats(); rx.Packets != 4 || tx != rx {
		t.Errorf("received %+v, sent %+v, want 4 packets each", rx, tx)
	}
}

func TestWithoutOffloadsTheKernelFinishesFrames(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPortOf(t, ns, fd, "eth0", Config{MTU: 1500, NoOffloads: true})
	sock := ipSocket(t, p)
	r := newRig(t, 64, 16, 8)
	r.slots(p, 8)
	send(t, sock, unfinished(tcp(1000, 1), 0, 0), unfinished(tcp(3000, 2), pmd.VnetTCPv4, 1448))
	r.step()
	if r.v.N != 4 || r.v.Offloads != 0 {
		t.Errorf("got %d frames, %d of them unfinished; want 4 finished ones", r.v.N, r.v.Offloads)
	}
	r.received()
}

func TestHostileHeadersAreErrors(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPort(t, ns, fd, "eth0", 1500)
	sock := ipSocket(t, p)
	r := newRig(t, 256, 64, 64)
	r.slots(p, 64)
	sent, kept := 0, 0
	try := func(f []byte) {
		if _, err := unix.Write(sock, f); err == nil { // else the kernel has refused it, as it drops some later
			sent++
		}
		r.step()
		for _, m := range r.v.Pkts[:r.v.N] {
			if m.Offload() && !offload.Accept(m) {
				t.Errorf("a frame with header %+v was received", *m.Vnet())
			}
			if m.Longest() > 1518 {
				t.Errorf("a frame was received that becomes one of %d bytes", m.Longest())
			}
			kept++
		}
		r.v.DropBurst(pmd.Burst{N: uint32(r.v.N)})
	}
	good := unfinished(tcp(20000, 1), pmd.VnetTCPv4, 1448)
	for at := range 10 {
		for _, v := range []byte{0, 1, 2, 3, 4, 5, 13, 0x7f, 0x80, 0xff} {
			f := bytes.Clone(good)
			f[at] = v
			try(f)
			f = bytes.Clone(good)
			f[at], f[(at+1)%10] = v, 0xff
			try(f)
			try(append(bytes.Clone(f[:10]), frame(60, 1)...))
		}
	}
	for _, n := range []int{0, 1, 7, 8, 20, 40, 1000} { // cut within the headers
		try(good[:10+etherLen+n])
	}
	st := p.Rx()[0].Stats()
	if int(st.Packets) != kept || int(st.Packets+st.Errors) > sent || st.Errors < 10 || kept < 10 {
		t.Errorf("of %d frames %d were received, stats %+v", sent, kept, st)
	}
}

func TestTheNamespaceSeesTheOffloads(t *testing.T) {
	for _, off := range []bool{false, true} {
		ns, fd := testNetns(t)
		p := mustOpen(t, Config{MTU: 1500, Alias: testAlias, Persist: true, NoOffloads: off})
		if err := p.MoveTo(fd, "eth0"); err != nil {
			t.Fatal(err)
		}
		check := func(when string) {
			t.Helper()
			out, err := exec.Command("ip", "netns", "exec", ns, "ethtool", "-k", "eth0").CombinedOutput()
			if err != nil {
				t.Fatalf("ethtool: %v: %s", err, out)
			}
			for _, want := range []string{"tx-checksumming", "tcp-segmentation-offload", "tx-tcp6-segmentation"} {
				on := strings.Contains(string(out), want+": on")
				if on == off {
					t.Errorf("%s, without offloads %t: %s is on: %t", when, off, want, on)
				}
			}
		}
		check("opened")
		p.Close()
		again, err := Attach(fd, Config{Name: "eth0", Alias: testAlias, NoOffloads: off})
		if err != nil {
			t.Fatal(err)
		}
		check("attached again")
		again.Close()
	}
}

// TestAVerifiedChecksumIsSaidToBeSo: Linux's tun passes the flag over, so only
// the header itself shows it.
func TestAVerifiedChecksumIsSaidToBeSo(t *testing.T) {
	r := newRig(t, 64, 16, 8)
	m := r.rt.Pool().Get()
	for _, c := range []struct {
		what func()
		want byte
	}{
		{func() {}, 0},
		{m.SetVerified, pmd.VnetDataValid},
		{func() { *m.Vnet() = pmd.VnetHdr{Flags: pmd.VnetNeedsCsum}; m.SetOffload(0, 0, 0) }, pmd.VnetNeedsCsum},
	} {
		c.what()
		if iov := r.taps.header(m); *iov.Base != c.want || iov.Len != vnetHdrLen {
			t.Errorf("header of %d bytes with flags %d, want %d and %d", iov.Len, *iov.Base, vnetHdrLen, c.want)
		}
	}
	r.rt.Free(m)
}
