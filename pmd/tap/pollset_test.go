package tap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
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
	p := mustOpen(t, Config{MTU: mtu})
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
	err = inNetns(nsfd, func() (err error) {
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, proto); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: uint16(proto), Ifindex: link.Attrs().Index})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	tv := unix.NsecToTimeval(int64(5 * time.Second))
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

func TestFramesOfEverySizeTravelBothWaysIntact(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPort(t, ns, fd, "eth0", maxMTU)
	sock := packetSocket(t, p)
	r := newRig(t, 256, 64, 128)
	_, tx := r.slots(p, 32)
	room := r.rt.Pool().DataRoom()
	for i, n := range []int{etherLen + 1, 60, 1514, room - 1, room, room + 1, 2 * room, 9014, 9018, maxMTU + etherLen} {
		f := frame(n, i)
		send(t, sock, f)
		r.step()
		sameFrames(t, r.received(), f)
		r.queue(tx, f)
		r.step()
		sameFrames(t, [][]byte{recv(t, sock)}, f)
	}
	rx, txs := p.Rx()[0].Stats(), p.Tx()[0].Stats()
	if rx.Packets != 10 || rx != txs {
		t.Errorf("received %+v, sent %+v; want 10 packets and the same bytes", rx, txs)
	}
}

func TestLongerFramesThanTheMTUAreErrors(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPort(t, ns, fd, "eth0", 9000)
	sock := packetSocket(t, p)
	r := newRig(t, 64, 16, 8)
	r.slots(p, 8)
	p.SetInfo(1500, p.Info().MAC)
	last := frame(60, 3)
	send(t, sock, frame(r.rt.Pool().DataRoom(), 1), frame(9014, 2), last)
	r.step()
	sameFrames(t, r.received(), last)
	if st := p.Rx()[0].Stats(); st.Errors != 2 || st.Packets != 1 {
		t.Errorf("stats are %+v, want 2 errors and 1 packet", st)
	}
}

func TestABurstAndTheVectorBoundWhatIsRead(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPort(t, ns, fd, "eth0", 1500)
	sock := packetSocket(t, p)
	r := newRig(t, 64, 6, 16)
	r.slots(p, 4)
	for i := range 10 {
		send(t, sock, frame(60+i, i))
	}
	var got []int
	for range 4 {
		r.step()
		got = append(got, len(r.received()))
	}
	if want := []int{4, 4, 2, 0}; !equal(got, want) {
		t.Errorf("steps read %v frames, want %v", got, want)
	}
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestAFloodingPortDoesNotStarveTheOthers(t *testing.T) {
	ns, fd := testNetns(t)
	r := newRig(t, 512, 4, 16)
	ports, socks := make([]*Port, 4), make([]int, 4)
	for i := range ports {
		ports[i] = upPort(t, ns, fd, string(rune('a'+i)), 1500)
		socks[i] = packetSocket(t, ports[i])
		r.slots(ports[i], 4)
	}
	for i := range 40 { // each fills the vector
		send(t, socks[0], frame(60, i))
		send(t, socks[1], frame(60, i))
	}
	send(t, socks[2], frame(60, 1))
	send(t, socks[3], frame(60, 1))
	for range 4 {
		r.step()
		r.received()
	}
	for i, p := range ports {
		if p.Rx()[0].Stats().Packets == 0 {
			t.Errorf("port %d was not read in 4 steps", i)
		}
	}
}

func TestWithoutMbufsFramesWaitInTheKernel(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPort(t, ns, fd, "eth0", 1500)
	sock := packetSocket(t, p)
	r := newRig(t, 2, 16, 2)
	r.slots(p, 8)
	frames := [][]byte{frame(60, 1), frame(61, 2), frame(62, 3), frame(63, 4), frame(64, 5)}
	send(t, sock, frames...)
	var got [][]byte
	for range 4 {
		r.step()
		got = append(got, r.received()...)
	}
	sameFrames(t, got, frames...)
}

func TestWaitFDIsReadableWhileFramesWait(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPort(t, ns, fd, "eth0", 1500)
	sock := packetSocket(t, p)
	r := newRig(t, 64, 16, 8)
	r.slots(p, 8)
	if readable(r.taps) {
		t.Error("readable without a frame")
	}
	send(t, sock, frame(60, 1))
	if !readable(r.taps) {
		t.Error("not readable with a frame")
	}
	r.step()
	r.received()
	if readable(r.taps) {
		t.Error("readable when all was read")
	}
}

func readable(w pmd.Waiter) bool {
	n, _ := unix.Poll([]unix.PollFd{{Fd: int32(w.WaitFD()), Events: unix.POLLIN}}, 0)
	return n == 1
}

func TestWhatAPortCannotTakeIsCountedByReason(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPort(t, ns, fd, "eth0", 1500)
	sock := packetSocket(t, p)
	r := newRig(t, 256, 64, 8)
	_, tx := r.slots(p, 8)
	segs := make([]*pmd.Mbuf, maxSegs)
	for i := range segs {
		segs[i] = r.rt.Pool().Get()
	}
	many := r.rt.Pool().Get()
	many.Chain(segs, make([]int, maxSegs+1))
	good := frame(60, 9)
	r.queueMbuf(tx, many)
	r.queue(tx, frame(maxFrame+1, 1))
	for n := range etherLen {
		r.queue(tx, frame(etherLen, n)[:n])
	}
	r.queue(tx, good)
	r.step()
	sameFrames(t, [][]byte{recv(t, sock)}, good)
	run(t, "ip", "-n", ns, "link", "set", "eth0", "down")
	r.queue(tx, good)
	r.step()
	want := pmd.QueueStats{Packets: 1, Bytes: 60, TooBig: 2, Refused: etherLen + 1}
	if got := p.Tx()[0].Stats(); got != want {
		t.Errorf("stats are %+v, want %+v", got, want)
	}
}

func TestDeletedNamespaceMakesThePortGone(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPort(t, ns, fd, "eth0", 1500)
	other, otherFD := testNetns(t)
	alive := upPort(t, other, otherFD, "eth0", 1500)
	sock := packetSocket(t, alive)
	r := newRig(t, 64, 16, 8)
	_, tx := r.slots(p, 8)
	r.slots(alive, 8)
	unix.Close(fd)
	run(t, "ip", "netns", "del", ns)
	awaitGone(t, p)
	r.step()
	if !p.Gone() || readable(r.taps) {
		t.Errorf("gone %t, poll set readable %t; want true, false", p.Gone(), readable(r.taps))
	}
	r.queue(tx, frame(60, 1))
	f := frame(60, 2)
	send(t, sock, f)
	r.step()
	sameFrames(t, r.received(), f)
	if st := p.Tx()[0].Stats(); st.Refused != 1 {
		t.Errorf("stats are %+v, want 1 refused", st)
	}
}

func TestSendNoticesADeletedInterface(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPort(t, ns, fd, "eth0", 1500)
	r := newRig(t, 64, 16, 8)
	tx, err := r.taps.AddTx(p.Tx()[0], true)
	if err != nil {
		t.Fatal(err)
	}
	run(t, "ip", "-n", ns, "link", "del", "eth0")
	r.queue(tx, frame(60, 1))
	r.queue(tx, frame(60, 1))
	r.step()
	if st := p.Tx()[0].Stats(); st.Refused != 2 || !p.Gone() {
		t.Errorf("stats are %+v, gone %t; want 2 refused, true", st, p.Gone())
	}
}

func TestPartialChecksumsAreCompletedByTheKernel(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPort(t, ns, fd, "eth0", 1500)
	sock := packetSocket(t, p)
	if err := unix.SetsockoptInt(sock, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
		t.Skip("AF_PACKET without virtio-net headers: ", err)
	}
	r := newRig(t, 64, 16, 8)
	r.slots(p, 8)
	f := frame(60, 1)
	hdr := []byte{needsCsum, 0, 0, 0, 0, 0, 34, 0, 6, 0} // csum_start 34, csum_offset 6
	send(t, sock, append(hdr, f...))
	r.step()
	got := r.received()
	if len(got) != 1 || bytes.Equal(got[0], f) || p.Rx()[0].Stats().Errors != 0 {
		t.Errorf("got %d frames, stats %+v; want one with a checksum filled in", len(got), p.Rx()[0].Stats())
	}
}

func TestOnlyWholeFramesWithoutOffloadsHold(t *testing.T) {
	var s standing
	s.init()
	s.room = 100
	for _, c := range []struct {
		n, segs    int
		flags, gso byte
		want       bool
	}{
		{vnetHdrLen + 60, 1, 0, 0, true},
		{vnetHdrLen + etherLen, 1, 0, 0, true},
		{vnetHdrLen + etherLen - 1, 1, 0, 0, false},
		{vnetHdrLen - 1, 1, 0, 0, false},
		{0, 1, 0, 0, false},
		{vnetHdrLen + 99, 1, 0, 0, true},
		{vnetHdrLen + 100, 1, 0, 0, false},
		{vnetHdrLen + 199, 2, 0, 0, true},
		{vnetHdrLen + 60, 1, needsCsum, 0, false},
		{vnetHdrLen + 60, 1, 2, 0, true}, // DATA_VALID
		{vnetHdrLen + 60, 1, 0, 1, false},
	} {
		s.hdr[0], s.hdr[1] = c.flags, c.gso
		if got := s.holds(c.n, c.segs); got != c.want {
			t.Errorf("holds(%d bytes, %d segments) with header %v is %t", c.n, c.segs, s.hdr[:2], got)
		}
	}
}

func TestForeignQueuesAndEmptyBurstsAreRefused(t *testing.T) {
	testNetns(t)
	p := mustOpen(t, Config{})
	r := newRig(t, 64, 16, 8)
	foreign := r.rt.NewPort("foreign", pmdtest.PortOptions{})
	defer foreign.Close()
	if _, err := r.taps.AddRx(foreign.Rx()[0], 8); !errors.Is(err, pmd.ErrUnsupported) {
		t.Errorf("AddRx of a foreign queue: %v", err)
	}
	if _, err := r.taps.AddTx(foreign.Tx()[0], false); !errors.Is(err, pmd.ErrUnsupported) {
		t.Errorf("AddTx of a foreign queue: %v", err)
	}
	if _, err := r.taps.AddRx(p.Rx()[0], 0); err == nil {
		t.Error("AddRx with a burst of 0 succeeded")
	}
}

func TestWorkersSharingAPortCountEveryPacket(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPort(t, ns, fd, "eth0", 1500)
	r := newRig(t, 64, 16, 8)
	workers := []*rig{r, {t: t, rt: r.rt}}
	workers[1].addWorker(16, 8)
	const steps = 500
	var wg sync.WaitGroup
	for _, w := range workers {
		_, tx := w.slots(p, 8)
		wg.Go(func() {
			for i := range steps {
				w.queue(tx, frame(60, i))
				w.step()
				w.received()
			}
			w.step()
		})
	}
	wg.Wait()
	if st := p.Tx()[0].Stats(); st.Packets != 2*steps || st.Bytes != 2*steps*60 {
		t.Errorf("stats are %+v, want %d packets of 60 bytes", st, 2*steps)
	}
}

func TestAStepAllocatesNothing(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPort(t, ns, fd, "eth0", 9000)
	sock := packetSocket(t, p)
	r := newRig(t, 128, 16, 32)
	rx, tx := r.slots(p, 8)
	f := frame(9014, 1)
	allocs := testing.AllocsPerRun(100, func() {
		send(t, sock, f, f)
		r.taps.Send()
		r.v.Reset()
		r.first.Receive()
		r.taps.Receive()
		if l := r.taps.RxList(); l.N == 1 && l.Segs[0].Slot == rx {
			r.taps.TxList().Add(tx, pmd.Burst{Off: l.Segs[0].Off, N: l.Segs[0].N})
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a step, want 0", allocs)
	}
	if st := p.Tx()[0].Stats(); st.Packets < 200 {
		t.Errorf("stats are %+v, want at least 200 packets", st)
	}
}
