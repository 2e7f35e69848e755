package dpdk

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// childInterface is set for a copy of the test binary that attaches to the
// interface it names, in the namespace childNetns, and waits to be killed.
const (
	childInterface = "IPVDT_CHILD_INTERFACE"
	childNetns     = "IPVDT_CHILD_NETNS"
)

// lab is a pair of namespaces with a veth between: wire in one, peer in the
// other.
type lab struct {
	t    *testing.T
	ns   *os.File // of wire
	name string
	peer int // AF_PACKET socket on peer
}

func newLab(t *testing.T) *lab {
	t.Helper()
	needRoot(t)
	l := &lab{t: t, name: fmt.Sprintf("ipvdt-dpdk-%d", os.Getpid())}
	far := l.name + "p"
	for _, ns := range []string{l.name, far} {
		run(t, "ip", "netns", "add", ns)
		t.Cleanup(func() { run(t, "ip", "netns", "del", ns) })
		run(t, "ip", "netns", "exec", ns, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
	}
	run(t, "ip", "-n", l.name, "link", "add", "wire", "type", "veth", "peer", "name", "peer", "netns", far)
	run(t, "ip", "-n", l.name, "link", "set", "wire", "mtu", "1450", "up")
	run(t, "ip", "-n", far, "link", "set", "peer", "mtu", "1450", "up")
	l.ns = openFile(t, "/var/run/netns/"+l.name)
	farNS := openFile(t, "/var/run/netns/"+far)
	if err := inNetns(farNS, func() (err error) {
		l.peer, err = packetSocket("peer")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(l.peer) })
	return l
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
	return string(out)
}

func openFile(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func packetSocket(iface string) (int, error) {
	dev, err := net.InterfaceByName(iface)
	if err != nil {
		return -1, err
	}
	proto := binary.NativeEndian.Uint16([]byte{0x88, 0xb5}) // local experimental EtherType
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(proto))
	if err != nil {
		return -1, err
	}
	timeout := unix.Timeval{Sec: 30}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return -1, err
	}
	return fd, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: proto, Ifindex: dev.Index})
}

func (l *lab) attach(pool *Pool) *Port {
	l.t.Helper()
	return attachTest(l.t, "net_af_xdp0,iface=wire,busy_budget=0", PortOptions{Pool: pool, Netns: int(l.ns.Fd())})
}

// hasXDP reports whether a program is on the wire.
func (l *lab) hasXDP() bool {
	return strings.Contains(run(l.t, "ip", "-n", l.name, "link", "show", "wire"), "xdp")
}

func testFrame(n int) []byte {
	f := bytes.Repeat([]byte{0xa5}, n)
	copy(f, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5})
	return f
}

// exchangeFrames sends a frame each way and compares.
func (l *lab) exchangeFrames(w *worker, tx uint32) {
	t := l.t
	t.Helper()
	want := testFrame(1000)
	_, b := w.packet(want)
	w.set.TxList().Add(tx, b)
	w.step()
	buf := make([]byte, 2048)
	if n, err := unix.Read(l.peer, buf); err != nil || !bytes.Equal(buf[:n], want) {
		t.Errorf("peer received %d bytes: %v", n, err)
	}
	if err := unix.Sendto(l.peer, want, 0, nil); err != nil && err != unix.EINVAL {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		w.step()
		if got := w.received(); len(got) > 0 {
			if !bytes.Equal(got[0], want) {
				t.Errorf("received %x", got[0])
			}
			return
		}
	}
	t.Error("nothing received")
}

func TestAFXDPCarriesFramesAndLeavesNothing(t *testing.T) {
	l := newLab(t)
	pool := newTestPool(t, 2047)
	port := l.attach(pool)
	info := port.Info()
	if info.Driver != "net_af_xdp" || info.Caps.MaxSegs != 1 || info.Caps.MaxFrame != 2048 || info.MTU != 1450 {
		t.Errorf("info %+v", info)
	}
	if !l.hasXDP() {
		t.Error("no XDP program while attached")
	}
	w := asWorker(t, pool, 64, 32)
	w.addRx(port, 32)
	tx := w.addTx(port)
	w.step()
	l.exchangeFrames(w, tx)
	held := pool.InUse()
	if err := port.SetMTU(1400); err != nil || port.Info().MTU != 1400 {
		t.Errorf("set MTU: %v, now %d", err, port.Info().MTU)
	}
	if out := run(t, "ip", "-n", l.name, "link", "show", "wire"); !strings.Contains(out, "mtu 1400") {
		t.Errorf("the interface has another MTU: %s", out)
	}
	if s := port.Stats(); s != (port.stats) || s.OErrors != 0 {
		t.Errorf("port counts %+v", s)
	}
	w.closeSet()
	if err := port.Close(); err != nil {
		t.Error(err)
	}
	if l.hasXDP() {
		t.Error("an XDP program is left")
	}
	if n := pool.InUse(); n > held || len(rt.lingering) != 0 {
		t.Errorf("%d mbufs in use, %d before; %d pools linger", n, held, len(rt.lingering))
	}
}

// TestAFXDPTakesNoMTUThatItCannotReceive: the kernel drops what does not fit an mbuf
// behind its headroom.
func TestAFXDPTakesNoMTUThatItCannotReceive(t *testing.T) {
	const most = 2048 - 256 - frameOverhead
	l := newLab(t)
	pool := newTestPool(t, 2047)
	setMTU := func(mtu int) {
		for ns, dev := range map[string]string{l.name: "wire", l.name + "p": "peer"} {
			run(t, "ip", "-n", ns, "link", "set", dev, "mtu", fmt.Sprint(mtu))
		}
	}
	setMTU(most + 1)
	_, err := rt.Attach("net_af_xdp0,iface=wire,busy_budget=0", PortOptions{Pool: pool, Netns: int(l.ns.Fd())})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("MTU %d", most+1)) || !strings.Contains(err.Error(), fmt.Sprintf("up to %d", most)) {
		t.Errorf("attach to an interface with MTU %d: got error %v", most+1, err)
	}
	setMTU(most)
	port := l.attach(pool)
	if info := port.Info(); info.MTU != most || info.MaxMTU != most {
		t.Errorf("MTU %d of at most %d, want %d of %d", info.MTU, info.MaxMTU, most, most)
	}
	w := asWorker(t, pool, 64, 32)
	w.addRx(port, 32)
	w.step()
	want := testFrame(most + 14)
	if err := unix.Sendto(l.peer, want, 0, nil); err != nil && err != unix.EINVAL {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; w.step() {
		if got := w.received(); len(got) > 0 {
			if !bytes.Equal(got[0], want) {
				t.Errorf("received %d bytes, want %d", len(got[0]), len(want))
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing received")
		}
	}
}

// A packet may outlive the port that received it, and so must its pool.
func TestAFXDPPoolLivesUntilItsLastPacket(t *testing.T) {
	l := newLab(t)
	pool := newTestPool(t, 2047)
	port := l.attach(pool)
	w := asWorker(t, pool, 64, 32)
	w.addRx(port, 32)
	if err := unix.Sendto(l.peer, testFrame(60), 0, nil); err != nil && err != unix.EINVAL {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); w.v.N == 0 && time.Now().Before(deadline); {
		w.step()
	}
	if w.v.N != 1 {
		t.Fatalf("received %d packets", w.v.N)
	}
	w.set.Close()
	if err := port.Close(); err != nil {
		t.Fatal(err)
	}
	if len(rt.lingering) != 1 {
		t.Fatalf("%d pools linger", len(rt.lingering))
	}
	if got := w.v.Pkts[0].Data(); !bytes.Equal(got, testFrame(60)) {
		t.Errorf("the packet is now %x", got)
	}
	w.v.Drop(w.v.Pkts[0])
	freeAll(w.v)
	attachTest(t, "net_null0", PortOptions{Pool: pool})
	if len(rt.lingering) != 0 {
		t.Error("the pool is still there")
	}
}

func TestAFXDPReplacesTheProgramOfAKilledProcess(t *testing.T) {
	l := newLab(t)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childInterface+"=wire", childNetns+"="+l.ns.Name())
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	child.Process.Kill()
	child.Wait()
	os.Remove(fmt.Sprintf("/var/run/dpdk/ipvdt%d", child.Process.Pid))
	if err != nil || line != "attached\n" {
		t.Fatalf("child says %q: %v", line, err)
	}
	if !l.hasXDP() {
		t.Log("the kernel removed the program with its process")
	}
	pool := newTestPool(t, 2047)
	port := l.attach(pool)
	w := asWorker(t, pool, 64, 32)
	w.addRx(port, 32)
	tx := w.addTx(port)
	w.step()
	l.exchangeFrames(w, tx)
	w.closeSet()
	if err := port.Close(); err != nil {
		t.Error(err)
	}
	if l.hasXDP() {
		t.Error("an XDP program is left")
	}
}

// attachAndWait is the child's main.
func attachAndWait() {
	ns, err := os.Open(os.Getenv(childNetns))
	if err == nil {
		var pool *Pool
		if pool, err = rt.NewPool(PoolConfig{Name: "child", Size: 1023}); err == nil {
			_, err = rt.Attach("net_af_xdp0,busy_budget=0,iface="+os.Getenv(childInterface), PortOptions{Pool: pool, Netns: int(ns.Fd())})
		}
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("attached")
	select {}
}

func TestAFXDPAttachCloseCyclesLeakNothing(t *testing.T) {
	l := newLab(t)
	pool := newTestPool(t, 2047)
	cycle := func() {
		port, err := rt.Attach("net_af_xdp0,iface=wire,busy_budget=0", PortOptions{Pool: pool, Netns: int(l.ns.Fd())})
		if err != nil {
			t.Fatal(err)
		}
		if err := port.Close(); err != nil {
			t.Fatal(err)
		}
	}
	cycle()
	files, heap := openFiles(t), heapInUse()
	for range 10 {
		cycle()
	}
	if n := openFiles(t); n > files {
		t.Errorf("%d descriptors, %d before", n, files)
	}
	if n := heapInUse(); n > heap+4096 {
		t.Errorf("DPDK's heap has %d bytes in use, %d before", n, heap)
	}
}

func TestAFPacketCarriesFramesInItsNamespace(t *testing.T) {
	l := newLab(t)
	pool := newTestPool(t, 2047)
	port := attachTest(t, "net_af_packet0,iface=wire", PortOptions{Pool: pool, Netns: int(l.ns.Fd()), Promiscuous: true})
	if info := port.Info(); info.MTU != 1450 || info.Caps.MaxSegs != 0 || info.Caps.MaxFrame != 2016 {
		t.Errorf("info %+v", info)
	}
	w := asWorker(t, pool, 64, 32)
	w.addRx(port, 32)
	tx := w.addTx(port)
	w.step()
	l.exchangeFrames(w, tx)
}
