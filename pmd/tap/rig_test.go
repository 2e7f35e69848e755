package tap

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/netns"
	"ipvd/pmd/pmdtest"
)

// etherType is one for local experiments (IEEE 802), which no stack sends.
const etherType = 0x88b5

// rig is a worker's vector with the runtime's poll set and one of TAPs.
type rig struct {
	t     testing.TB
	rt    *pmdtest.Runtime
	v     *pmd.Vector
	first pmd.PollSet
	taps  *PollSet
}

func newRig(t testing.TB, mbufs, pkts, stock int) *rig {
	t.Helper()
	rt := pmdtest.NewRuntime(t, mbufs)
	r := &rig{t: t, rt: rt}
	r.addWorker(pkts, stock)
	return r
}

// addWorker makes the rig's vector and sets; they are closed with the test.
func (r *rig) addWorker(pkts, stock int) {
	r.t.Helper()
	v, err := r.rt.NewVector(r.rt.Pool(), pkts, stock)
	if err != nil {
		r.t.Fatal(err)
	}
	first, err := r.rt.NewPollSet(v)
	if err != nil {
		r.t.Fatal(err)
	}
	taps, err := Driver{}.NewPollSet(v)
	if err != nil {
		r.t.Fatal(err)
	}
	r.v, r.first, r.taps = v, first, taps.(*PollSet)
	r.t.Cleanup(func() {
		first.Flush()
		taps.Flush()
		taps.Close()
		first.Close()
		r.rt.CloseVector(v)
	})
}

func (r *rig) step() {
	r.first.Send()
	r.taps.Send()
	r.v.Reset()
	r.first.Receive()
	r.taps.Receive()
}

// received is the frames of the last step; they are dropped.
func (r *rig) received() [][]byte {
	var frames [][]byte
	for _, seg := range r.taps.rxList.Segs[:r.taps.rxList.N] {
		b := pmd.Burst{Off: seg.Off, N: seg.N}
		for _, m := range r.v.Packets(b) {
			var f []byte
			for s := m; s != nil; s = s.Next() {
				f = append(f, s.Data()...)
			}
			if len(f) != m.Len() {
				r.t.Errorf("packet of %d bytes has %d in its segments", m.Len(), len(f))
			}
			frames = append(frames, f)
		}
		r.v.DropBurst(b)
	}
	return frames
}

// forward queues what the last step received on a TX slot.
func (r *rig) forward(slot uint32) {
	r.t.Helper()
	for _, seg := range r.taps.rxList.Segs[:r.taps.rxList.N] {
		if !r.taps.TxList().Add(slot, pmd.Burst{Off: seg.Off, N: seg.N}) {
			r.t.Fatal("no room to send")
		}
	}
}

// queue puts a frame on a TX slot.
func (r *rig) queue(slot uint32, frame []byte) {
	r.t.Helper()
	head := r.rt.Pool().Get()
	segs, lens, last := []*pmd.Mbuf(nil), []int(nil), head
	for {
		lens = append(lens, copy(last.Room(), frame))
		if frame = frame[lens[len(lens)-1]:]; len(frame) == 0 {
			break
		}
		last = r.rt.Pool().Get()
		segs = append(segs, last)
	}
	head.Chain(segs, lens)
	r.queueMbuf(slot, head)
}

func (r *rig) queueMbuf(slot uint32, m *pmd.Mbuf) {
	r.t.Helper()
	b, ok := r.v.Append(m)
	if !ok || !r.taps.TxList().Add(slot, b) {
		r.t.Fatal("no room to send")
	}
}

// slots adds a port to the rig's set for reading and sending.
func (r *rig) slots(p *Port, burst int) (rx, tx uint32) {
	r.t.Helper()
	rx, err := r.taps.AddRx(p.Rx()[0], burst)
	if err != nil {
		r.t.Fatal(err)
	}
	tx, err = r.taps.AddTx(p.Tx()[0], false)
	if err != nil {
		r.t.Fatal(err)
	}
	return rx, tx
}

// frame makes a broadcast frame of n bytes with content that depends on seed.
func frame(n, seed int) []byte {
	f := make([]byte, n)
	for i := range f {
		f[i] = byte(i*7 + i>>8 + seed)
	}
	copy(f, []byte{255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, byte(seed)})
	if n >= etherLen {
		binary.BigEndian.PutUint16(f[12:], etherType)
	}
	return f
}

// upPort makes a TAP called name in the namespace nsfd, up, without IPv6 noise.
func upPort(t testing.TB, ns string, nsfd int, name string, mtu int) *Port {
	t.Helper()
	return upPortOf(t, ns, nsfd, name, Config{MTU: mtu})
}

func upPortOf(t testing.TB, ns string, nsfd int, name string, cfg Config) *Port {
	t.Helper()
	p := mustOpen(t, cfg)
	if err := p.MoveTo(nsfd, name); err != nil {
		t.Fatal(err)
	}
	run(t, "ip", "netns", "exec", ns, "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/"+name+"/disable_ipv6")
	run(t, "ip", "-n", ns, "link", "set", "dev", name, "up")
	return p
}

// packetSocket opens an AF_PACKET socket on an interface of a namespace.
func packetSocket(t testing.TB, p *Port) int {
	t.Helper()
	nsfd, err := p.Netns()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(nsfd)
	proto := int(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, etherType)))
	fd := -1
	link := linkIn(t, nsfd, p.Name())
	err = netns.Do(nsfd, func() (err error) {
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, proto); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: uint16(proto), Ifindex: link.Attrs().Index})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	tv := unix.NsecToTimeval(int64(30 * time.Second))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		t.Fatal(err)
	}
	return fd
}

func send(t testing.TB, sock int, frames ...[]byte) {
	t.Helper()
	for _, f := range frames {
		if _, err := unix.Write(sock, f); err != nil {
			t.Fatalf("send %d bytes: %v", len(f), err)
		}
	}
}

func recv(t testing.TB, sock int) []byte {
	t.Helper()
	buf := make([]byte, 1<<17)
	n, err := unix.Read(sock, buf)
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	return buf[:n]
}

func sameFrames(t *testing.T, got [][]byte, want ...[]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d frames, want %d", len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("frame %d of %d bytes differs from the %d bytes sent", i, len(got[i]), len(want[i]))
		}
	}
}

func readable(w pmd.Waiter) bool {
	fd, _ := w.WaitFD()
	n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	return n == 1
}
