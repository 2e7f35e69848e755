package packet

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/netns"
	"ipvd/pmd/offload"
	"ipvd/pmd/pmdtest"
)

// etherType is one for local experiments (IEEE 802), which no stack sends.
const etherType = 0x88b5

// rig is an interface w0 with a port, whose veth peer p0 lies in a namespace of
// its own, and a worker that polls the port.
type rig struct {
	t              testing.TB
	wire, peer     string // namespaces
	wireFD, peerFD int
	port           *Port
	rt             *pmdtest.Runtime
	v              *pmd.Vector
	first          pmd.PollSet
	set            *PollSet
	rxSlot, txSlot uint32
	sock           int // packet socket on p0
}

var rigs atomic.Int32

func newRig(t testing.TB, mtu int) *rig {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes network namespaces")
	}
	id := fmt.Sprintf("ipvdt-packet%d-%d", os.Getpid(), rigs.Add(1))
	r := &rig{t: t, wire: id + "w", peer: id + "p"}
	r.wireFD, r.peerFD = r.namespace(r.wire), r.namespace(r.peer)
	r.ip(r.wire, fmt.Sprintf("link add w0 mtu %d type veth peer name p0 mtu %d netns %s", mtu, mtu, r.peer))
	for ns, dev := range map[string]string{r.wire: "w0", r.peer: "p0"} {
		r.shell(ns, "echo 1 > /proc/sys/net/ipv6/conf/"+dev+"/disable_ipv6")
		r.ip(ns, "link set "+dev+" arp off up")
	}
	r.open(Config{Device: "w0", AllMulticast: true})
	r.sock = r.socket(r.peerFD, "p0", etherType)
	return r
}

func (r *rig) namespace(name string) int {
	r.t.Helper()
	r.run("ip", "netns", "add", name)
	r.t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
	fd, err := unix.Open("/run/netns/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func (r *rig) run(words ...string) {
	r.t.Helper()
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		r.t.Fatalf("%s: %v: %s", strings.Join(words, " "), err, out)
	}
}

func (r *rig) ip(ns, words string) {
	r.t.Helper()
	r.run(append([]string{"ip", "-n", ns}, strings.Fields(words)...)...)
}

func (r *rig) shell(ns, cmd string) {
	r.t.Helper()
	r.run("ip", "netns", "exec", ns, "sh", "-c", cmd)
}

// open opens the port and starts the worker.
func (r *rig) open(cfg Config) {
	r.t.Helper()
	var err error
	if r.port, err = Open(r.wireFD, cfg); err != nil {
		r.t.Fatal(err)
	}
	r.rt = pmdtest.NewRuntime(r.t, 4096)
	if r.v, err = r.rt.NewVector(r.rt.Pool(), 512, 256); err != nil {
		r.t.Fatal(err)
	}
	if r.first, err = r.rt.NewPollSet(r.v); err != nil {
		r.t.Fatal(err)
	}
	set, err := Driver{}.NewPollSet(r.v)
	if err != nil {
		r.t.Fatal(err)
	}
	r.set = set.(*PollSet)
	r.t.Cleanup(r.close)
	if r.rxSlot, err = set.AddRx(r.port.Rx()[0], 64); err != nil {
		r.t.Fatal(err)
	}
	if r.txSlot, err = set.AddTx(r.port.Tx()[0], false); err != nil {
		r.t.Fatal(err)
	}
	r.step() // the stock is filled by a step
}

func (r *rig) close() {
	r.first.Flush()
	r.set.Flush()
	r.set.Close()
	r.first.Flush()
	r.first.Close()
	r.rt.CloseVector(r.v)
	if err := r.port.Close(); err != nil {
		r.t.Error(err)
	}
}

// socket is a packet socket on an interface.
func (r *rig) socket(nsfd int, dev string, proto uint16) (fd int) {
	r.t.Helper()
	err := netns.Do(nsfd, func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { unix.Close(fd) })
	ifr, err := unix.NewIfreq(dev)
	if err == nil {
		err = unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, ifr)
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: network(proto), Ifindex: int(ifr.Uint32())})
	}
	tv := unix.NsecToTimeval(int64(30 * time.Second))
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer)
	}
	if err == nil {
		err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return fd
}

// peerIndex is p0's.
func (r *rig) peerIndex() int {
	r.t.Helper()
	a, err := unix.Getsockname(r.sock)
	ll, ok := a.(*unix.SockaddrLinklayer)
	if err != nil || !ok {
		r.t.Fatalf("address of the peer's socket: %v, %v", a, err)
	}
	return ll.Ifindex
}

// send sends frames from p0.
func (r *rig) send(frames ...[]byte) {
	r.t.Helper()
	for _, f := range frames {
		if _, err := unix.Write(r.sock, f); err != nil {
			r.t.Fatalf("send %d bytes: %v", len(f), err)
		}
	}
}

// recv is the next frame that comes to p0.
func (r *rig) recv() []byte {
	r.t.Helper()
	buf := make([]byte, 1<<17)
	n, err := unix.Read(r.sock, buf)
	if err != nil {
		r.t.Fatalf("receive: %v", err)
	}
	return buf[:n]
}

func (r *rig) step() {
	r.first.Send()
	r.set.Send()
	r.v.Reset()
	r.first.Receive()
	r.set.Receive()
}

// received are the frames of a step; they are dropped.
func (r *rig) received() [][]byte {
	r.t.Helper()
	r.step()
	var frames [][]byte
	for _, seg := range r.set.RxList().Segs[:r.set.RxList().N] {
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

// wants checks what comes next. The kernel may hand frames over a little later.
func (r *rig) wants(want ...[]byte) {
	r.t.Helper()
	got := r.received()
	for end := time.Now().Add(time.Minute); len(got) < len(want) && time.Now().Before(end); time.Sleep(time.Millisecond) {
		got = append(got, r.received()...)
	}
	if len(got) != len(want) {
		r.t.Fatalf("got %d frames, want %d: %x", len(got), len(want), got)
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			r.t.Errorf("frame %d: got %d bytes %x, want %d bytes %x", i, len(got[i]), got[i], len(want[i]), want[i])
		}
	}
}

// queue queues a frame to be sent with the next step.
func (r *rig) queue(f []byte) { r.queueUnfinished(f, pmd.VnetHdr{}) }

// queueUnfinished is queue for a frame that the kernel has to finish.
func (r *rig) queueUnfinished(f []byte, h pmd.VnetHdr) {
	r.t.Helper()
	head := r.rt.Pool().Get()
	segs, lens, last := []*pmd.Mbuf(nil), []int(nil), head
	for {
		lens = append(lens, copy(last.Room(), f))
		if f = f[lens[len(lens)-1]:]; len(f) == 0 {
			break
		}
		last = r.rt.Pool().Get()
		segs = append(segs, last)
	}
	head.Chain(segs, lens)
	if *head.Vnet() = h; h != (pmd.VnetHdr{}) && !offload.Accept(head) {
		r.t.Fatalf("header %+v is not accepted", h)
	}
	b, ok := r.v.Append(head)
	if !ok || !r.set.TxList().Add(r.txSlot, b) {
		r.t.Fatal("no room to send")
	}
}

// frame makes a broadcast frame of n bytes with content that depends on seed.
func frame(n, seed int) []byte {
	f := make([]byte, n)
	for i := range f {
		f[i] = byte(i*7 + i>>8 + seed)
	}
	copy(f, []byte{255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, byte(seed), etherType >> 8, etherType & 0xff})
	return f
}
