package rawip

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/netns"
	"ipvd/pmd/pmdtest"
)

// rig is a host namespace with device host0, whose peer peer0 lies in a namespace of
// its own, and a worker that sends through a port on host0.
type rig struct {
	t              testing.TB
	host, peer     string
	hostFD, peerFD int
	port           *Port
	rt             *pmdtest.Runtime
	v              *pmd.Vector
	first, set     pmd.PollSet
	tx             uint32
}

// Addresses of the rig. The slave's are on no interface.
var (
	hostIP4, peerIP4, otherIP4, slaveIP4 = ip("10.1.0.1"), ip("10.1.0.2"), ip("10.1.0.3"), ip("10.99.0.5")
	hostIP6, peerIP6, otherIP6, slaveIP6 = ip("fd01::1"), ip("fd01::2"), ip("fd01::3"), ip("fd99::5")
)

const (
	hostMAC  = "02:00:00:00:01:01"
	peerMAC  = "02:00:00:00:01:02"
	otherMAC = "02:00:00:00:01:03" // of a neighbour that is only configured
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

var rigs atomic.Int32

func newRig(t testing.TB, mtu int) *rig {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: makes network namespaces")
	}
	id := fmt.Sprintf("ipvdt-raw%d-%d", os.Getpid(), rigs.Add(1))
	r := &rig{t: t, host: id + "h", peer: id + "p"}
	r.hostFD, r.peerFD = r.namespace(r.host), r.namespace(r.peer)
	r.ip(r.host, "link add host0 address %s mtu %d type veth peer name peer0 address %s mtu %d netns %s", hostMAC, mtu, peerMAC, mtu, r.peer)
	for _, ns := range []string{r.host, r.peer} {
		dev, mine, mine6 := "host0", hostIP4, hostIP6
		if ns == r.peer {
			dev, mine, mine6 = "peer0", peerIP4, peerIP6
		}
		r.ip(ns, "link set dev lo up")
		r.ip(ns, "link set dev %s up", dev)
		r.ip(ns, "address add %s/24 dev %s", mine, dev)
		if mtu >= 1280 {
			r.ip(ns, "address add %s/64 dev %s nodad", mine6, dev)
		}
	}
	r.ip(r.host, "neighbour add %s lladdr %s dev host0", otherIP4, otherMAC)
	r.open(mtu)
	return r
}

func (r *rig) namespace(name string) (fd int) {
	r.t.Helper()
	r.run("ip", "netns", "add", name)
	// A neighbour is asked for from the link-local address, once that is no
	// longer tentative.
	r.run("ip", "netns", "exec", name, "sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad")
	fd, err := unix.Open("/run/netns/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		unix.Close(fd)
		_ = exec.Command("ip", "netns", "del", name).Run()
	})
	return fd
}

func (r *rig) run(args ...string) {
	r.t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		r.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (r *rig) ip(ns, format string, args ...any) {
	r.t.Helper()
	r.run(append([]string{"ip", "-n", ns}, strings.Fields(fmt.Sprintf(format, args...))...)...)
}

// open opens the port and makes the worker; all is closed with the test.
func (r *rig) open(mtu int) {
	r.t.Helper()
	port, err := Open(r.hostFD, Config{Device: "host0", MTU: mtu})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { port.Close() })
	r.port, r.rt = port, pmdtest.NewRuntime(r.t, 512)
	if r.v, err = r.rt.NewVector(r.rt.Pool(), 256, 8); err != nil {
		r.t.Fatal(err)
	}
	if r.first, err = r.rt.NewPollSet(r.v); err != nil {
		r.t.Fatal(err)
	}
	if r.set, err = (Driver{}).NewPollSet(r.v); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		r.first.Flush()
		r.set.Flush()
		r.set.Close()
		r.first.Close()
		r.rt.CloseVector(r.v)
	})
	if r.tx, err = r.set.AddTx(port.Tx()[0], true); err != nil {
		r.t.Fatal(err)
	}
}

// send sends frames as one burst, each over several mbufs if it is long.
func (r *rig) send(frames ...[]byte) {
	r.t.Helper()
	r.v.Reset()
	burst, _ := r.v.Grow(len(frames))
	for i, f := range frames {
		r.v.Packets(burst)[i] = r.mbuf(f, 600)
	}
	r.set.TxList().Add(r.tx, burst)
	r.set.Send()
	r.first.Receive()
}

// mbuf makes a packet with at most room bytes in a segment.
func (r *rig) mbuf(frame []byte, room int) *pmd.Mbuf {
	head := r.rt.Pool().Get()
	var segs []*pmd.Mbuf
	lens := []int{copy(head.Room()[:room], frame)}
	for frame = frame[lens[0]:]; len(frame) > 0; {
		m := r.rt.Pool().Get()
		n := copy(m.Room()[:room], frame)
		segs, lens, frame = append(segs, m), append(lens, n), frame[n:]
	}
	head.Chain(segs, lens)
	return head
}

// stats checks the queue's counters and the reasons.
func (r *rig) stats(want pmd.QueueStats, reasons Reasons) {
	r.t.Helper()
	got := r.port.Tx()[0].Stats()
	want.Bytes = got.Bytes
	if got != want || r.port.Reasons() != reasons {
		r.t.Errorf("stats are %+v, reasons %+v; want %+v, %+v", got, r.port.Reasons(), want, reasons)
	}
}

// capture opens a socket that sees the frames of one type on the peer's device.
func (r *rig) capture(etherType uint16) (fd int) {
	r.t.Helper()
	proto := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, etherType))
	return r.socket(r.peerFD, unix.AF_PACKET, unix.SOCK_RAW, int(proto))
}

// udp opens a UDP socket on a port of every address.
func (r *rig) udp(nsfd int, port int) (fd int) {
	r.t.Helper()
	fd = r.socket(nsfd, unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: port}); err != nil {
		r.t.Fatal(err)
	}
	return fd
}

func (r *rig) socket(nsfd, family, typ, proto int) (fd int) {
	r.t.Helper()
	err := netns.Do(nsfd, func() (err error) {
		fd, err = unix.Socket(family, typ|unix.SOCK_CLOEXEC, proto)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { unix.Close(fd) })
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20); err != nil {
		r.t.Fatal(err)
	}
	tv := unix.NsecToTimeval(int64(30 * time.Second))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		r.t.Fatal(err)
	}
	return fd
}

// recv receives what satisfies match, from a capture or a UDP socket.
func (r *rig) recv(fd int, match func([]byte) bool) []byte {
	r.t.Helper()
	buf := make([]byte, 1<<17)
	for {
		n, err := unix.Read(fd, buf)
		if err != nil {
			r.t.Fatalf("receive: %v", err)
		}
		if match(buf[:n]) {
			return buf[:n]
		}
	}
}

// from matches captured frames of a source.
func from(src netip.Addr) func([]byte) bool {
	at := etherLen + 12
	if src.Is6() {
		at = etherLen + 8
	}
	return func(f []byte) bool {
		return len(f) >= at+16 && string(f[at:at+src.BitLen()/8]) == string(src.AsSlice())
	}
}

func anything([]byte) bool { return true }

// udpFrame makes a frame with a UDP datagram of n payload bytes to port 4000,
// TTL 7, DSCP 4, without a UDP checksum for IPv4.
func udpFrame(src, dst netip.Addr, n int) []byte {
	udp := make([]byte, 8+n)
	binary.BigEndian.PutUint16(udp[0:], 5000)
	binary.BigEndian.PutUint16(udp[2:], 4000)
	binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
	for i := range udp[8:] {
		udp[8+i] = byte(i ^ i>>8)
	}
	var h []byte
	if src.Is4() {
		h = ipv4(nil, 0, 0)
		binary.BigEndian.PutUint16(h[2:], uint16(len(h)+len(udp)))
		h[1] = 0x10
		copy(h[12:], src.AsSlice())
		copy(h[16:], dst.AsSlice())
	} else {
		h = make([]byte, ipv6Len)
		h[0], h[1] = 6<<4|1, 0
		binary.BigEndian.PutUint16(h[4:], uint16(len(udp)))
		h[6], h[7] = unix.IPPROTO_UDP, 7
		copy(h[8:], src.AsSlice())
		copy(h[24:], dst.AsSlice())
	}
	f := make([]byte, etherLen, etherLen+len(h)+len(udp))
	binary.BigEndian.PutUint16(f[12:], etherIPv4)
	if src.Is6() {
		binary.BigEndian.PutUint16(f[12:], etherIPv6)
	}
	return append(append(f, h...), udp...)
}
