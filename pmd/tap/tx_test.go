package tap

import (
	"testing"

	"ipvd/pmd"
)

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
