package dpdk

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"ipvd/pmd"
)

func TestRingGivesBackWhatWasSent(t *testing.T) {
	pool := newTestPool(t, 1023)
	ring := attachTest(t, "net_ring0", PortOptions{Pool: pool})
	w := asWorker(t, pool, 64, 32)
	rx, tx := w.addRx(ring, 32), w.addTx(ring)
	w.step()
	want := [][]byte{[]byte("first"), []byte("second frame"), []byte("third")}
	for _, data := range want {
		_, b := w.packet(data)
		w.set.TxList().Add(tx, b)
	}
	w.step()
	if seg := w.set.RxList().Segs[0]; seg != (pmd.Seg{Slot: rx, Off: 0, N: 3}) {
		t.Errorf("received segment %+v", seg)
	}
	got := w.received()
	if len(got) != len(want) {
		t.Fatalf("received %d packets, sent %d", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("packet %d: %q, sent %q", i, got[i], want[i])
		}
	}
	if s := ring.Tx()[0].Stats(); s != (pmd.QueueStats{Packets: 3, Bytes: 22}) {
		t.Errorf("sent %+v", s)
	}
	if s := ring.Rx()[0].Stats(); s != (pmd.QueueStats{Packets: 3, Bytes: 22}) {
		t.Errorf("received %+v", s)
	}
	w.step()
	if w.set.RxList().N != 0 || w.v.N != 0 || w.set.TxList().N != 0 {
		t.Errorf("something is left: %d segments, %d packets, %d to send", w.set.RxList().N, w.v.N, w.set.TxList().N)
	}
}

// TestMeteredQueueCountsTheWorkersBytes: and no longer looks at the packets for them, in
// this set. Another one does.
func TestMeteredQueueCountsTheWorkersBytes(t *testing.T) {
	pool := newTestPool(t, 1023)
	ring := attachTest(t, "net_ring0", PortOptions{Pool: pool})
	w := asWorker(t, pool, 64, 32)
	meter := w.set.Meter(w.addRx(ring, 32))
	w.addRx(attachTest(t, "net_ring1", PortOptions{Pool: pool}), 32) // which moves the slots
	tx := w.addTx(ring)
	send := func() {
		w.step()
		_, b := w.packet([]byte("seven b"))
		w.set.TxList().Add(tx, b)
		w.step()
		w.received()
	}
	send()
	if s := ring.Rx()[0].Stats(); s != (pmd.QueueStats{Packets: 1}) {
		t.Errorf("received %+v, want a packet and no bytes", s)
	}
	*meter += 1000
	send()
	if s := ring.Rx()[0].Stats(); s != (pmd.QueueStats{Packets: 2, Bytes: 1000}) {
		t.Errorf("received %+v, want 2 packets and 1000 bytes", s)
	}
	w.step()
	w.closeSet()
	set, err := rt.NewPollSet(w.v)
	if err != nil {
		t.Fatal(err)
	}
	w.set = set.(*PollSet)
	w.addRx(ring, 32)
	tx = w.addTx(ring)
	send()
	if s := ring.Rx()[0].Stats(); s != (pmd.QueueStats{Packets: 3, Bytes: 1007}) {
		t.Errorf("received %+v, want 3 packets and 1007 bytes", s)
	}
}

// TestMeasuredSegmentsAreCountedAsTold: those between them are measured.
func TestMeasuredSegmentsAreCountedAsTold(t *testing.T) {
	pool := newTestPool(t, 1023)
	ring := attachTest(t, "net_ring0", PortOptions{Pool: pool})
	w := asWorker(t, pool, 64, 32)
	w.addRx(ring, 32)
	list, slot := w.set.TxList(), w.addTx(ring)
	w.step()
	want := ""
	for i, told := range []uint32{1000, 0, 0, 2000, 0, 3000} {
		data := []byte{'a' + byte(i), '.'}
		_, b := w.packet(data)
		list.Add(slot, b)
		list.Segs[list.N-1].Bytes = told
		want += string(data)
	}
	w.step()
	got := ""
	for _, data := range w.received() {
		got += string(data)
	}
	if got != want {
		t.Errorf("received %q, want %q", got, want)
	}
	if s := ring.Tx()[0].Stats(); s != (pmd.QueueStats{Packets: 6, Bytes: 6000 + 3*2}) {
		t.Errorf("sent %+v, want 6 packets with what was told and 2 bytes of each other", s)
	}
}

func TestClosingARingFreesWhatLiesInIt(t *testing.T) {
	pool := newTestPool(t, 1023) // fails the test if mbufs are out at its end
	ring := attachTest(t, "net_ring0", PortOptions{Pool: pool})
	w := asWorker(t, pool, 64, 32)
	tx := w.addTx(ring)
	w.step()
	held := pool.InUse()
	_, b := w.packet([]byte("nobody receives this"))
	w.set.TxList().Add(tx, b)
	w.step()
	if got := pool.InUse(); got != held+1 {
		t.Errorf("%d mbufs in use while a packet lies in the ring, want %d", got, held+1)
	}
	w.closeSet()
	if err := ring.Close(); err != nil {
		t.Fatal(err)
	}
	if got := pool.InUse(); got != held {
		t.Errorf("%d mbufs in use after closing, want %d", got, held)
	}
}

func TestSharedPacketGoesToManyQueues(t *testing.T) {
	pool := newTestPool(t, 1023)
	w := asWorker(t, pool, 64, 32)
	var slots []uint32
	for _, name := range []string{"net_ring0", "net_ring1", "net_ring2"} {
		ring := attachTest(t, name, PortOptions{Pool: pool})
		w.addRx(ring, 8)
		slots = append(slots, w.addTx(ring))
	}
	t.Cleanup(w.closeSet)
	w.step()
	before := pool.InUse()
	m, b := w.packet([]byte("to all"))
	m.AddRefs(len(slots) - 1)
	for _, slot := range slots {
		w.set.TxList().Add(slot, b)
	}
	w.step()
	got := w.received()
	if len(got) != 3 || string(got[0]) != "to all" || string(got[2]) != "to all" {
		t.Fatalf("received %q", got)
	}
	w.step()
	if now := pool.InUse(); now != before {
		t.Errorf("%d mbufs in use, %d before", now, before)
	}
}

func TestFullRingDropsTheRest(t *testing.T) {
	const room = 1023 // rte_ring of 1024
	pool := newTestPool(t, 4095)
	ring := attachTest(t, "net_ring0", PortOptions{Pool: pool})
	w := asWorker(t, pool, 1500, 1500)
	tx := w.addTx(ring)
	for range 2 {
		w.step()
	}
	first, _ := w.v.Grow(0)
	for range 1100 {
		_, b := w.packet(make([]byte, 60))
		first.N += b.N
	}
	w.set.TxList().Add(tx, first)
	w.set.Flush()
	want := pmd.QueueStats{Packets: room, Bytes: room * 60, Full: 1100 - room}
	if s := ring.Tx()[0].Stats(); s != want {
		t.Errorf("counted %+v, want %+v", s, want)
	}
	if s := ring.Stats(); s != (pmd.PortStats{}) {
		t.Errorf("port counts %+v", s)
	}
	w.addRx(ring, 1024)
	w.step()
	if got := len(w.received()); got != room {
		t.Errorf("%d packets were in the ring", got)
	}
}

// Two workers send to one queue, whose ring is for a single producer.
func TestSharedQueueKeepsItsCount(t *testing.T) {
	const steps, burst = 2000, 8
	pool := newTestPool(t, 4095)
	port := attachTest(t, "net_ring0", PortOptions{Pool: pool})
	done := make(chan struct{})
	for range 2 {
		go func() {
			defer func() { done <- struct{}{} }()
			w, end := newWorker(t, pool, 64, 32)
			defer end()
			tx, err := w.set.AddTx(port.Tx()[0], true)
			if err != nil {
				t.Error(err)
				return
			}
			for range steps {
				w.step()
				b, _ := w.v.Grow(0)
				for range burst {
					_, p := w.packet(make([]byte, 60))
					b.N += p.N
				}
				w.set.TxList().Add(tx, b)
			}
		}()
	}
	<-done
	<-done
	s := port.Tx()[0].Stats()
	if s.Packets+s.Full != 2*steps*burst || s.Bytes != 60*s.Packets || s.Packets == 0 {
		t.Errorf("%d packets sent, counted %+v", 2*steps*burst, s)
	}
	w := asWorker(t, pool, 1024, 0)
	w.addRx(port, 1024)
	w.step()
	if n := len(w.received()); n != int(s.Packets) || n != pool.InUse() {
		t.Errorf("%d packets came out of the ring, %d went in, %d mbufs are in use", n, s.Packets, pool.InUse())
	}
}

// A queue without room in the vector is served first in the next step.
func TestQueuesTakeTurnsWhenTheVectorIsFull(t *testing.T) {
	pool := newTestPool(t, 1023)
	w := asWorker(t, pool, 32, 0)
	served := make([]int, 3)
	for _, name := range []string{"net_null0", "net_null1", "net_null2"} {
		w.addRx(attachTest(t, name, PortOptions{Pool: pool}), 32)
	}
	t.Cleanup(w.closeSet)
	for range 9 {
		w.step()
		for _, s := range w.set.RxList().Segs[:w.set.RxList().N] {
			served[s.Slot] += int(s.N)
		}
		w.received()
	}
	for slot, n := range served {
		if n != 96 {
			t.Errorf("slot %d got %d packets of 288", slot, n)
		}
	}
}

// pcapFile reads the frames of a classic pcap file.
func pcapFile(t *testing.T, path string) (frames [][]byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for b = b[24:]; len(b) >= 16; {
		n := binary.LittleEndian.Uint32(b[8:])
		frames = append(frames, b[16:16+n])
		b = b[16+n:]
	}
	return frames
}

func TestChainIsMadeLinearForOneSegmentPorts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out.pcap")
	pool := newTestPool(t, 1023)
	port, err := rt.Attach("net_pcap0,tx_pcap="+file, PortOptions{Pool: pool})
	if err != nil {
		t.Fatal(err)
	}
	if c := port.Info().Caps; c.MaxSegs != 1 {
		t.Fatalf("caps %+v: the test needs a driver for one segment", c)
	}
	w := asWorker(t, pool, 64, 32)
	tx := w.addTx(port)
	w.step()
	before := pool.InUse()
	burst, _ := w.v.Grow(0)
	add := func(lens ...int) {
		head, b := w.packet(nil)
		var segs []*pmd.Mbuf
		for range lens[1:] {
			segs = append(segs, w.v.Alloc())
		}
		head.Chain(segs, lens)
		fill := byte(1)
		for s := head; s != nil; s = s.Next() {
			copy(s.Data(), bytes.Repeat([]byte{fill}, s.DataLen()))
			fill++
		}
		burst.N += b.N
	}
	add(60)
	add(40, 50, 60)
	add(2000, 100) // does not fit one mbuf of 2048
	w.set.TxList().Add(tx, burst)
	w.step()
	if s := port.Tx()[0].Stats(); s != (pmd.QueueStats{Packets: 2, Bytes: 210, TooBig: 1}) {
		t.Errorf("counted %+v", s)
	}
	if now := pool.InUse(); now != before {
		t.Errorf("%d mbufs in use, %d before", now, before)
	}
	w.closeSet()
	if err := port.Close(); err != nil {
		t.Fatal(err)
	}
	frames := pcapFile(t, file)
	want := append(append(bytes.Repeat([]byte{1}, 40), bytes.Repeat([]byte{2}, 50)...), bytes.Repeat([]byte{3}, 60)...)
	if len(frames) != 2 || !bytes.Equal(frames[1], want) {
		t.Errorf("wrote %d frames: %x", len(frames), frames)
	}
}

func TestFrameBeyondTheMTUIsTooBigForTap(t *testing.T) {
	needRoot(t)
	pool := newTestPool(t, 4095)
	port := attachTest(t, "net_tap0,iface=ipvdt-tap0", PortOptions{Pool: pool, RxDesc: 64})
	w := asWorker(t, pool, 64, 32)
	tx := w.addTx(port)
	w.step()
	for _, n := range []int{1522, 1523} {
		_, b := w.packet(make([]byte, n))
		w.set.TxList().Add(tx, b)
	}
	w.step()
	if s := port.Tx()[0].Stats(); s.TooBig != 1 {
		t.Errorf("counted %+v", s)
	}
	if err := port.SetMTU(1400); err != nil {
		t.Fatal(err)
	}
	if got := port.Info(); got.MTU != 1400 || got.Caps.MaxFrame != 1422 {
		t.Errorf("after SetMTU(1400): %+v", got)
	}
}

func TestExchangeAllocatesNothingAndIsOneCall(t *testing.T) {
	pool := newTestPool(t, 1023)
	ring := attachTest(t, "net_ring0", PortOptions{Pool: pool})
	w := asWorker(t, pool, 64, 32)
	w.addRx(ring, 32)
	tx := w.addTx(ring)
	w.step()
	_, b := w.packet(make([]byte, 60))
	w.set.TxList().Add(tx, b)
	calls := w.set.Calls()
	allocs := testing.AllocsPerRun(100, func() {
		w.step()
		w.set.TxList().Add(tx, pmd.Burst{Off: 0, N: uint32(w.v.N)})
	})
	if allocs != 0 {
		t.Errorf("%v allocations per step", allocs)
	}
	if n := w.set.Calls() - calls; n != 101 { // AllocsPerRun runs once more
		t.Errorf("%d calls in 101 steps", n)
	}
	w.step()
	if got := w.received(); len(got) != 1 {
		t.Errorf("the packet that went round is %d packets", len(got))
	}
	if allocs := testing.AllocsPerRun(100, w.set.Flush); allocs != 0 {
		t.Errorf("%v allocations per flush", allocs)
	}
}

func TestOverflowFreesAtOnce(t *testing.T) {
	pool := newTestPool(t, 1023)
	w := asWorker(t, pool, 8, 64)
	w.step()
	for range 20 {
		w.v.Drop(w.v.Alloc())
	}
	if w.v.NFree > 8 || pool.InUse() != 64-16 {
		t.Errorf("%d wait to be freed, %d in use", w.v.NFree, pool.InUse())
	}
}

func TestForeignQueuesAndVectorsAreRefused(t *testing.T) {
	if _, err := rt.NewPollSet(pmd.NewVector(8, 8, 8, nil)); err == nil {
		t.Error("made a poll set for a vector in Go's memory")
	}
	pool := newTestPool(t, 255)
	port := attachTest(t, "net_null0", PortOptions{Pool: pool})
	w := asWorker(t, pool, 8, 8)
	for _, burst := range []int{0, -1, 9} {
		if _, err := w.set.AddRx(port.Rx()[0], burst); err == nil {
			t.Errorf("added a queue with burst %d to a vector of 8", burst)
		}
	}
}

func TestMemifCarriesFramesBetweenItsEnds(t *testing.T) {
	pool := newTestPool(t, 4095)
	socket := ",socket-abstract=no,socket=" + filepath.Join(t.TempDir(), "memif.sock")
	server := attachTest(t, "net_memif0,role=server"+socket, PortOptions{Pool: pool})
	client := attachTest(t, "net_memif1,role=client"+socket, PortOptions{Pool: pool})
	for deadline := time.Now().Add(30 * time.Second); !server.Carrier() || !client.Carrier(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("the ends did not meet")
		}
	}
	w := asWorker(t, pool, 64, 32)
	w.addRx(server, 32)
	tx := w.addTx(client)
	w.step()
	_, b := w.packet([]byte("through shared memory"))
	w.set.TxList().Add(tx, b)
	w.step()
	if got := w.received(); len(got) != 1 || string(got[0]) != "through shared memory" {
		t.Errorf("received %q", got)
	}
}
