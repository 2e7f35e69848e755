package tap

import (
	"testing"
)

func TestFramesOfEverySizeTravelBothWaysIntact(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPort(t, ns, fd, "eth0", MaxMTU)
	sock := packetSocket(t, p)
	r := newRig(t, 256, 64, 128)
	_, tx := r.slots(p, 32)
	room := r.rt.Pool().DataRoom()
	sizes := []int{etherLen + 1, 60, 1514, room - 1, room, room + 1, 2 * room, 9014, 9018, MaxMTU + etherLen}
	for range longReads { // then the next is one that was not expected
		sizes = append(sizes, 60)
	}
	sizes = append(sizes, MaxMTU+etherLen, 60, 9014)
	for i, n := range sizes {
		f := frame(n, i)
		send(t, sock, f)
		r.step()
		sameFrames(t, r.received(), f)
		r.queue(tx, f)
		r.step()
		sameFrames(t, [][]byte{recv(t, sock)}, f)
	}
	rx, txs := p.Rx()[0].Stats(), p.Tx()[0].Stats()
	if rx.Packets != uint64(len(sizes)) || rx != txs {
		t.Errorf("received %+v, sent %+v; want %d packets and the same bytes", rx, txs, len(sizes))
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
