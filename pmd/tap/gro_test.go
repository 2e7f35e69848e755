package tap

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/netns"
)

// groBed is a TAP with addresses in a namespace, and a rig that sends to it.
type groBed struct {
	*rig
	t    *testing.T
	ns   string
	nsfd int
	port *Port
	tx   uint32
}

func newGROBed(t *testing.T, cfg Config) *groBed {
	t.Helper()
	ns, fd := testNetns(t)
	cfg.MTU = 1500
	p := upPortOf(t, ns, fd, "eth0", cfg)
	run(t, "ip", "netns", "exec", ns, "sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6; echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad")
	for _, a := range []string{"10.0.0.1/24", "fd00::1/64"} {
		run(t, "ip", "-n", ns, "addr", "add", a, "dev", "eth0", "nodad")
	}
	b := &groBed{rig: newRig(t, 2048, 512, 256), t: t, ns: ns, nsfd: fd, port: p}
	var err error
	if b.tx, err = b.taps.AddTx(p.Tx()[0], false); err != nil {
		t.Fatal(err)
	}
	return b
}

// datagram is one from port of 10.0.0.2 or fd00::2 to port 9 of the bed.
func (b *groBed) datagram(v6 bool, port, id uint16, payload []byte) []byte {
	f := append(bytes.Clone(b.port.Info().MAC), 2, 0, 0, 0, 0, 9, 8, 0)
	length := uint16(8 + len(payload))
	pseudo := 0
	if v6 {
		f[12], f[13] = 0x86, 0xdd
		f = append(f, 0x60, 0, 0, 0, byte(length>>8), byte(length), unix.IPPROTO_UDP, 64)
		pseudo = len(f)
		f = append(f, addr("fd00::2")...)
		f = append(f, addr("fd00::1")...)
	} else {
		f = append(f, 0x45, 0, byte((20+length)>>8), byte(20+length), byte(id>>8), byte(id), 0x40, 0, 64, unix.IPPROTO_UDP, 0, 0)
		pseudo = len(f)
		f = append(append(f, addr("10.0.0.2")...), addr("10.0.0.1")...)
		binary.BigEndian.PutUint16(f[24:], ^sum16(f[14:34], 0))
	}
	at := len(f)
	f = append(f, byte(port>>8), byte(port), 0, 9, byte(length>>8), byte(length), 0, 0)
	f = append(f, payload...)
	binary.BigEndian.PutUint16(f[at+6:], ^sum16(f[pseudo:], uint32(length)+unix.IPPROTO_UDP))
	return f
}

func addr(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

func sum16(b []byte, acc uint32) uint16 {
	for i, v := range b {
		acc += uint32(v) << (8 * (1 - i&1))
	}
	for acc > 0xffff {
		acc = acc>>16 + acc&0xffff
	}
	return uint16(acc)
}

// send sends frames as one burst.
func (b *groBed) send(frames ...[]byte) {
	b.t.Helper()
	off := b.v.N
	for _, f := range frames {
		m := b.v.Supply()
		m.SetLen(len(f))
		copy(m.Data(), f)
		b.v.Append(m)
	}
	b.taps.TxList().Add(b.tx, pmd.Burst{Off: uint32(off), N: uint32(len(frames))})
	b.step()
}

// socket is one in the bed's namespace, with much room.
func (b *groBed) socket(family int, to unix.Sockaddr) int {
	b.t.Helper()
	fd := -1
	err := netns.Do(b.nsfd, func() (err error) {
		fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err == nil {
		b.t.Cleanup(func() { unix.Close(fd) })
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
	}
	if err == nil {
		tv := unix.NsecToTimeval(int64(30 * time.Second))
		err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
	}
	if err == nil {
		err = unix.Bind(fd, to)
	}
	if err != nil {
		b.t.Fatal("socket: ", err)
	}
	return fd
}

// TestASocketGetsTheDatagramsThatWereSent: contents and boundaries are kept,
// whatever their sizes, and by flow the order.
func TestASocketGetsTheDatagramsThatWereSent(t *testing.T) {
	b, r := newGROBed(t, Config{}), rand.New(rand.NewPCG(3, 4))
	for _, v6 := range []bool{false, true} {
		sock := b.socket(unix.AF_INET6, &unix.SockaddrInet6{Port: 9})
		sent := map[uint16][][]byte{}
		left := 0
		for i := range 20 {
			var frames [][]byte
			size := 1 + r.IntN(1400)
			for k := range 64 {
				if r.IntN(8) == 0 {
					size = 1 + r.IntN(1400)
				}
				payload := bytes.Repeat([]byte{byte(i), byte(k), byte(size)}, 500)[:size]
				port := uint16(1000 + r.IntN(3)*r.IntN(2))
				sent[port] = append(sent[port], payload)
				frames = append(frames, b.datagram(v6, port, uint16(len(sent[port])), payload))
				left++
			}
			b.send(frames...)
		}
		buf := make([]byte, 1<<16)
		for ; left > 0; left-- {
			n, from, err := unix.Recvfrom(sock, buf, 0)
			if err != nil {
				t.Fatalf("IPv6 %t: %d datagrams are missing: %v", v6, left, err)
			}
			port := uint16(from.(*unix.SockaddrInet6).Port)
			if want := sent[port]; len(want) == 0 || !bytes.Equal(buf[:n], want[0]) {
				t.Fatalf("IPv6 %t: port %d sent other than the %d bytes received", v6, port, n)
			}
			sent[port] = sent[port][1:]
		}
		unix.Close(sock)
	}
	st := b.port.Tx()[0].Stats()
	if st.Packets != 2*20*64 || b.port.uso && st.Coalesced < st.Packets/3 {
		t.Errorf("counted %+v, want %d packets, a third of them coalesced", st, 2*20*64)
	}
}

// captured is the frames that the namespace's eth0 has received.
func (b *groBed) captured(sock int, n int) (lengths []int) {
	for range n {
		lengths = append(lengths, len(recv(b.t, sock))-10)
	}
	return lengths
}

// TestAFrameIsMergedOnlyForWhoTakesIt counts what the namespace's stack is given.
func TestAFrameIsMergedOnlyForWhoTakesIt(t *testing.T) {
	for _, c := range []struct {
		name  string
		cfg   Config
		older bool
		want  []int
	}{
		{"by default", Config{}, false, []int{342}},
		{"without GRO", Config{NoGRO: true}, false, []int{142, 142, 142}},
		{"without offloads", Config{NoOffloads: true}, false, []int{142, 142, 142}},
		{"a kernel before 6.2", Config{}, true, []int{142, 142, 142}},
	} {
		b := newGROBed(t, c.cfg)
		if c.older {
			b.taps.txs[b.tx].uso, c.want = false, []int{142, 142, 142}
		} else if !b.port.uso {
			c.want = []int{142, 142, 142}
		}
		sock := ipSocket(t, b.port)
		b.send(b.datagram(false, 7, 1, make([]byte, 100)), b.datagram(false, 7, 2, make([]byte, 100)), b.datagram(false, 7, 3, make([]byte, 100)))
		if got := b.captured(sock, len(c.want)); !equal(got, c.want) {
			t.Errorf("%s: frames of %v bytes, want %v", c.name, got, c.want)
		}
		st, merged := b.port.Tx()[0].Stats(), uint64(3-len(c.want))
		if want := (pmd.QueueStats{Packets: 3, Bytes: 3 * 142, Coalesced: merged}); st != want {
			t.Errorf("%s: counted %+v, want %+v", c.name, st, want)
		}
	}
}

// TestAWrongChecksumIsNotMadeRight: the namespace's stack sees it, and drops the
// datagram.
func TestAWrongChecksumIsNotMadeRight(t *testing.T) {
	b := newGROBed(t, Config{})
	sock := b.socket(unix.AF_INET, &unix.SockaddrInet4{Port: 9})
	var frames [][]byte
	for i := range 16 {
		f := b.datagram(false, 7, uint16(i), []byte(fmt.Sprintf("datagram %02d", i)))
		if i%5 == 2 {
			f[len(f)-1] ^= 1
		}
		frames = append(frames, f)
	}
	b.send(frames...)
	buf := make([]byte, 100)
	for i := range 16 {
		if i%5 == 2 {
			continue
		}
		n, _, err := unix.Recvfrom(sock, buf, 0)
		if want := fmt.Sprintf("datagram %02d", i); err != nil || string(buf[:n]) != want {
			t.Errorf("received %q, %v, want %q", buf[:max(n, 0)], err, want)
		}
	}
}

// TestAMergedFrameThatIsNotTakenCountsInFull: an interface that is down takes none,
// nor does one that is gone.
func TestAMergedFrameThatIsNotTakenCountsInFull(t *testing.T) {
	b := newGROBed(t, Config{})
	frames := [][]byte{b.datagram(false, 7, 1, make([]byte, 100)), b.datagram(false, 7, 2, make([]byte, 100)), b.datagram(false, 7, 3, make([]byte, 50))}
	run(t, "ip", "-n", b.ns, "link", "set", "eth0", "down")
	b.send(frames...)
	if got, want := b.port.Tx()[0].Stats(), (pmd.QueueStats{Refused: 3}); got != want {
		t.Errorf("down: counted %+v, want %+v", got, want)
	}
	run(t, "ip", "-n", b.ns, "link", "del", "eth0")
	b.send(frames...)
	b.send(frames...)
	if got, want := b.port.Tx()[0].Stats(), (pmd.QueueStats{Refused: 9}); got != want || !b.port.Gone() {
		t.Errorf("gone: counted %+v, want %+v", got, want)
	}
}
