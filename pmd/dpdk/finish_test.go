package dpdk

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ipvd/pmd"
	"ipvd/pmd/offload"
)

// tcpFrame is an IPv4 frame with a TCP payload whose checksum is the pseudo
// header's sum.
func tcpFrame(payload int) []byte {
	f := make([]byte, 54+payload)
	copy(f, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0})
	ip := f[14:]
	copy(ip, []byte{0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2})
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	ip[32], ip[33] = 5<<4, 0x10
	for i := range payload {
		ip[40+i] = byte(i * 7)
	}
	binary.BigEndian.PutUint16(ip[36:], uint16(0x0a00+0x0001+0x0a00+0x0002+6+len(ip)-20))
	return f
}

// wholeSum is the sum of pseudo header and TCP packet: 0xffff when the checksum
// is right.
func wholeSum(f []byte) uint16 {
	tcp := append(append([]byte{}, f[34:]...), 0)
	sum := uint32(6 + len(f) - 34)
	for i := 26; i < 34; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(f[i:]))
	}
	for i := 0; i+1 < len(tcp); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(tcp[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

// unfinished makes a packet with a virtio-net header; size 0: a checksum only.
func (w *worker) unfinished(f []byte, size int) (*pmd.Mbuf, pmd.Burst) {
	w.t.Helper()
	n := min(len(f), 2000)
	m, b := w.packet(f[:n])
	last := m
	for f = f[n:]; len(f) > 0; f = f[n:] {
		next := w.v.Supply()
		m.AddSeg(last, next)
		n = copy(next.Room(), f)
		m.AddData(next, n)
		last = next
	}
	*m.Vnet() = pmd.VnetHdr{Flags: pmd.VnetNeedsCsum, HdrLen: 54, CsumStart: 34, CsumOffset: 16}
	if size > 0 {
		m.Vnet().GSOType, m.Vnet().GSOSize = pmd.VnetTCPv4, uint16(size)
	}
	if !offload.Accept(m) {
		w.t.Fatal("a frame is not accepted")
	}
	w.v.Offloads++
	return m, b
}

func TestFramesAreFinishedForADeviceThatCannot(t *testing.T) {
	pool := newTestPool(t, 1023)
	rings := []*Port{attachTest(t, "net_ring0", PortOptions{Pool: pool}), attachTest(t, "net_ring1", PortOptions{Pool: pool})}
	w := asWorker(t, pool, 256, 64)
	var tx []uint32
	for _, r := range rings {
		w.addRx(r, 128)
		tx = append(tx, w.addTx(r))
	}
	w.step()
	plain := tcpFrame(10)
	_, first := w.packet(plain)
	shared, _ := w.unfinished(tcpFrame(500), 0)
	long, _ := w.unfinished(tcpFrame(60000), 1000)
	_, last := w.packet(plain)
	for _, m := range []*pmd.Mbuf{w.v.Pkts[first.Off], shared, long, w.v.Pkts[last.Off]} {
		m.AddRefs(1)
	}
	for _, slot := range tx {
		w.set.TxList().Add(slot, pmd.Burst{Off: first.Off, N: 4})
	}
	w.step()
	for _, seg := range w.set.RxList().Segs[:w.set.RxList().N] {
		pkts := w.v.Packets(pmd.Burst{Off: seg.Off, N: seg.N})
		if len(pkts) != 63 {
			t.Fatalf("got %d frames, want 63", len(pkts))
		}
		for i, m := range pkts {
			f, want := m.Data(), 1054
			switch i {
			case 0, 62:
				want = 64
			case 1:
				want = 554
			}
			if len(f) != want || m.Offload() || i > 0 && i < 62 && wholeSum(f) != 0xffff {
				t.Errorf("frame %d has %d bytes, want %d; unfinished %t, checksum adds up to %#x", i, len(f), want, m.Offload(), wholeSum(f))
			}
			w.v.Drop(m)
		}
	}
	for _, r := range rings {
		if s := r.Tx()[0].Stats(); s.Packets != 63 || s.Segmented != 59 {
			t.Errorf("counted %+v, want 63 packets, 59 of them by segmenting", s)
		}
	}
}

func TestAFrameThatFindsNoMbufsIsCountedAsFull(t *testing.T) {
	pool := newTestPool(t, 63)
	ring := attachTest(t, "net_ring0", PortOptions{Pool: pool})
	w := asWorker(t, pool, 256, 16)
	w.addRx(ring, 128)
	tx := w.addTx(ring)
	w.step()
	_, b := w.unfinished(tcpFrame(60000), 1000) // 31 mbufs, and 60 segments
	w.set.TxList().Add(tx, b)
	w.step()
	got := len(w.received())
	s := ring.Tx()[0].Stats()
	if s.Full != 1 || s.Packets != uint64(got) || s.Segmented != uint64(got) || got == 0 || got >= 60 {
		t.Errorf("%d segments came, counted %+v: want as many packets and copies, and what was left as 1 full", got, s)
	}

}

// TestADeviceWithTheOffloadsIsGivenFramesAsTheyAre: virtio-user has those of its
// back end. It runs in a process of its own, as the test of interrupts does.
func TestADeviceWithTheOffloadsIsGivenFramesAsTheyAre(t *testing.T) {
	if socket := os.Getenv(childSocket); socket != "" {
		toVirtio(t, socket)
		fmt.Println("finished")
		os.Exit(0)
	}
	child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	child.Env = append(os.Environ(), childSocket+"="+filepath.Join(t.TempDir(), "s"))
	out, err := child.CombinedOutput()
	os.Remove(fmt.Sprintf("/var/run/dpdk/ipvdt%d", child.Process.Pid))
	if !strings.Contains(string(out), "finished\n") {
		t.Errorf("%v: %s", err, out)
	}
}

func toVirtio(t *testing.T, socket string) {
	pool := newTestPool(t, 4095)
	back := attachTest(t, "net_vhost0,tso=1,iface="+socket, PortOptions{Pool: pool})
	front := attachTest(t, "virtio_user0,path="+socket, PortOptions{Pool: pool})
	if got, want := front.Info().Caps.Offloads, pmd.Checksum|pmd.TSO; got != want {
		t.Fatalf("offloads %b, want %b", got, want)
	}
	w := asWorker(t, pool, 256, 128)
	w.addRx(back, 64)
	tx := w.addTx(front)
	w.step()
	send := func(f []byte, size int) {
		_, b := w.unfinished(f, size)
		w.set.TxList().Add(tx, b)
		w.step()
	}
	for deadline := time.Now().Add(30 * time.Second); len(w.received()) == 0 && time.Now().Before(deadline); {
		send(tcpFrame(100), 0)
	}
	for w.step(); len(w.received()) > 0; w.step() {
	}
	short, long := tcpFrame(501), tcpFrame(20000)
	send(short, 0)
	if m := w.one(); m.Len() != len(short) || wholeSum(m.Data()) != 0xffff && !bytes.Equal(m.Data(), short) {
		t.Errorf("a frame of %d bytes came, its checksum adds up to %#x", m.Len(), wholeSum(m.Data()))
	}
	send(long, 1000)
	if m := w.one(); m.Len() != len(long) {
		t.Errorf("a frame of %d bytes came, want the %d sent", m.Len(), len(long))
	}
	if s := front.Tx()[0].Stats(); s.Segmented != 0 || s.Refused != 0 {
		t.Errorf("counted %+v: want nothing segmented or refused", s)
	}
	if t.Failed() {
		os.Exit(1)
	}
}

// one waits for a packet.
func (w *worker) one() *pmd.Mbuf {
	for end := time.Now().Add(30 * time.Second); w.v.N == 0; w.step() {
		if time.Now().After(end) {
			w.t.Fatalf("nothing came: %+v", w.set.txQueues[0].Stats())
		}
	}
	m := w.v.Pkts[0]
	for _, m := range w.v.Pkts[:w.v.N] {
		w.v.Drop(m)
	}
	return m
}
