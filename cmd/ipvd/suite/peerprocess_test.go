package suite

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd/memif"
	"ipvd/pmd/peer"
	"ipvd/pmd/peer/peertest"
	"ipvd/pmd/vhost"
	"ipvd/pmd/vhost/vhosttest"
)

// peerEnv makes the test's program a peer: the other end of a slave's port, which
// answers ARP and pings for one address and sends to another. Its value is kind, role,
// socket, the two addresses and the slave's number, which tells MACs apart.
const peerEnv = "IPVDT_PEER"

// background is what stands for a test in a process that is none.
type background struct{ testing.TB }

func (background) Helper()             {}
func (background) Cleanup(func())      {} // it is killed
func (background) TempDir() string     { return os.TempDir() }
func (background) Logf(string, ...any) {}
func (background) Fatal(args ...any) {
	fmt.Fprintln(os.Stderr, args...)
	os.Exit(1)
}
func (b background) Fatalf(format string, args ...any) { b.Fatal(fmt.Sprintf(format, args...)) }
func (b background) Errorf(format string, args ...any) { b.Fatal(fmt.Sprintf(format, args...)) }

// runPeer never returns.
func runPeer(words []string) {
	kind, role, socket := words[0], words[1], words[2]
	own, other := netip.MustParseAddr(words[3]), netip.MustParseAddr(words[4])
	p := answerer{own: own, frame: udpFrame(own, other)}
	if kind == "vhost-frontend" {
		p.drive(vhosttest.Dial(background{}, socket, vhosttest.Version1|vhosttest.Mergeable))
	}
	var port *peer.Port
	var err error
	if kind == "memif" {
		port, err = memif.Open(memif.Config{Path: socket, Server: role == "server", MTU: 1500})
	} else {
		port, err = vhost.Open(vhost.Config{Path: socket, Server: role == "server", MTU: 1500})
	}
	if err != nil {
		background{}.Fatal(err)
	}
	rig := peertest.New(background{}, port)
	for {
		rig.Step()
		for _, f := range rig.Received(0) {
			if a := p.answer(f); a != nil {
				rig.Queue(0, a)
			}
		}
		rig.Queue(0, p.frame)
		time.Sleep(peerPause)
	}
}

// peerPause is how often a peer sends.
const peerPause = 300 * time.Microsecond

type answerer struct {
	own   netip.Addr
	frame []byte
}

// drive is a peer that is the driver of a virtio device.
func (p *answerer) drive(f *vhosttest.Frontend) {
	f.Start()
	for {
		frames, _ := f.Received()
		for _, got := range frames {
			if a := p.answer(got); a != nil {
				f.Send(a, nil, vhosttest.BufferRoom)
			}
		}
		f.Send(p.frame, nil, vhosttest.BufferRoom)
		time.Sleep(peerPause)
	}
}

// answer is the answer to an ARP request or an echo request for the peer's address; nil
// to anything else.
func (p *answerer) answer(f []byte) []byte {
	ip := p.own.AsSlice()
	a := bytes.Clone(f)
	switch {
	case len(f) >= 42 && f[12] == 8 && f[13] == 6 && f[21] == 1 && bytes.Equal(f[38:42], ip):
		copy(a[0:6], f[6:12])
		copy(a[32:42], f[22:32])
		copy(a[6:12], masterBytes)
		copy(a[22:28], masterBytes)
		copy(a[28:32], ip)
		a[21] = 2
	case len(f) >= 42 && f[12] == 8 && f[13] == 0 && f[23] == 1 && f[34] == 8 && bytes.Equal(f[30:34], ip):
		copy(a[0:6], f[6:12])
		copy(a[6:12], f[0:6])
		copy(a[26:30], f[30:34])
		copy(a[30:34], f[26:30])
		a[34] = 0
		// From type 8 to 0 the sum grows by 0x0800 (RFC 1624).
		sum := uint32(binary.BigEndian.Uint16(a[36:])) + 0x0800
		binary.BigEndian.PutUint16(a[36:], uint16(sum+sum>>16))
	default:
		return nil
	}
	return a
}

var masterBytes = []byte{2, 0, 0, 0, 0, 1}

// udpFrame is a datagram for a port where nobody listens.
func udpFrame(from, to netip.Addr) []byte {
	f := make([]byte, 60)
	copy(f, masterBytes)
	copy(f[6:], masterBytes)
	copy(f[12:], []byte{8, 0, 0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17})
	copy(f[26:], from.AsSlice())
	copy(f[30:], to.AsSlice())
	sum := uint32(0)
	for i := 14; i < 34; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(f[i:]))
	}
	sum = sum&0xffff + sum>>16
	binary.BigEndian.PutUint16(f[24:], ^uint16(sum&0xffff+sum>>16))
	binary.BigEndian.PutUint16(f[36:], 9) // discard
	binary.BigEndian.PutUint16(f[38:], 26)
	return f
}

// peerSpec is a slave whose peer is a process of ours.
type peerSpec struct {
	name, addr string
	words      []string // of link add
	kind, role string   // of the peer
	socket     string
	first      bool // the peer must be there before the slave, each time
}

// peers are slaves of every kind with a peer, in both roles.
func (l *lab) peers() []peerSpec {
	at := func(name string) string { return l.dir + "/" + name }
	specs := []peerSpec{
		{name: "ms", kind: "memif", role: "client", words: []string{"kind", "memif", "role", "master"}},
		{name: "mc", kind: "memif", role: "server", words: []string{"kind", "memif", "role", "slave"}},
		{name: "vs", kind: "vhost-frontend", role: "client", words: []string{"kind", "vhost-user"}},
		{name: "us", kind: "vhost-backend", role: "server", words: []string{"kind", "virtio-user", "trusted"}, first: true},
	}
	for i := range specs {
		specs[i].addr = fmt.Sprintf("10.0.0.%d", 80+i)
		specs[i].socket = at(specs[i].name)
		specs[i].words = append(specs[i].words, "socket", specs[i].socket)
	}
	return specs
}

// join makes the slave and starts its peer.
func (l *lab) join(p peerSpec) (o peerProcess) {
	l.t.Helper()
	if p.first {
		o = l.startPeer(p)
		l.addPeer(p)
		return o
	}
	l.addPeer(p)
	return l.startPeer(p)
}

// addPeer makes the slave and gives it its address.
func (l *lab) addPeer(p peerSpec) {
	l.t.Helper()
	if p.first {
		l.await("there is a backend", time.Minute, func() bool { return vhost.Probe(p.socket, time.Second) == nil })
	}
	l.must(append([]string{"link", "add", "link", "eth0", p.name, "type", "ipvlan"}, p.words...)...)
	l.must("addr", "add", p.addr+"/24", "dev", p.name)
}

// peerProcess is the other end of a slave's port.
type peerProcess struct {
	cmd    *exec.Cmd
	exited chan error
}

// startPeer starts the other end. It is killed with the test.
func (l *lab) startPeer(p peerSpec) peerProcess {
	l.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), peerEnv+"="+strings.Join([]string{p.kind, p.role, p.socket, p.addr, boxAddr(2)}, " "))
	cmd.Stderr = os.Stderr
	o := peerProcess{cmd, spawn(l.t, cmd)}
	l.t.Cleanup(o.kill)
	return o
}

// kill ends it at once; a second call does nothing.
func (o peerProcess) kill() {
	o.cmd.Process.Kill()
	o.exited <- <-o.exited
}

// signal stops it, or lets it go on.
func (o peerProcess) signal(s unix.Signal) { o.cmd.Process.Signal(s) }
