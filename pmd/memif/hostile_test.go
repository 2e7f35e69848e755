package memif

import (
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd/peer"
	"ipvd/pmd/peer/peertest"
)

// hostile is a client that says what it likes.
type hostile struct {
	t    *testing.T
	conn *net.UnixConn
	fd   int // of mem
	mem  []byte
	bell int
}

// victim is a server that is watched.
type victim struct {
	*peertest.Rig
	port *peer.Port
	path string

	mu   sync.Mutex
	said []string
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	v := &victim{path: filepath.Join(t.TempDir(), "s")}
	p, err := Open(Config{Path: v.path, Server: true, MTU: 1500, Secret: "s", Log: func(event string, err error) {
		v.mu.Lock()
		defer v.mu.Unlock()
		if err != nil {
			v.said = append(v.said, err.Error())
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	v.port = p
	v.Rig = peertest.New(t, p)
	return v
}

// complains waits until the victim has ended a connection, for a reason with this text.
func (v *victim) complains(t *testing.T, want string) {
	t.Helper()
	v.Await("the connection is ended", func() bool { v.mu.Lock(); defer v.mu.Unlock(); return len(v.said) > 0 })
	v.mu.Lock()
	defer v.mu.Unlock()
	if !strings.Contains(v.said[0], want) {
		t.Errorf("the connection was ended because %q, want %q", v.said[0], want)
	}
	v.said = nil
}

const hostileMem = 1 << 20

func (v *victim) meet(t *testing.T) *hostile {
	t.Helper()
	h := &hostile{t: t}
	var err error
	if h.conn, err = net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: v.path, Net: "unixpacket"}); err != nil {
		t.Fatal(err)
	}
	h.fd, _ = unix.MemfdCreate("hostile", unix.MFD_CLOEXEC)
	h.bell, _ = unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err := unix.Ftruncate(h.fd, hostileMem); err != nil {
		t.Fatal(err)
	}
	if h.mem, err = unix.Mmap(h.fd, 0, hostileMem, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.leave)
	return h
}

func (h *hostile) leave() {
	if h.mem != nil {
		h.conn.Close()
		unix.Munmap(h.mem)
		unix.Close(h.fd)
		unix.Close(h.bell)
		h.mem = nil
	}
}

func (h *hostile) say(m *message, fds ...int) {
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	h.conn.WriteMsgUnix(m[:], oob, nil) // the victim may have ended it already
}

func (h *hostile) begin() { h.say(initFor(Config{Secret: "s"})) }

func (h *hostile) region(size uint64, fd int) {
	m := newMessage(msgAddRegion)
	m.put64(2, size)
	h.say(m, fd)
}

// ringBytes is what a ring of the hostile client takes, of 2^hostileLog slots.
const hostileLog, ringBytes = 4, 0x1000

// connect says all that is right, up to the end.
func (h *hostile) connect() {
	h.begin()
	h.region(hostileMem, h.fd)
	for i, flags := range []uint16{toServer, 0} {
		r, err := newRing(h.mem, uint64(i*ringBytes), hostileLog)
		if err != nil {
			h.t.Fatal(err)
		}
		r.size, r.ownAt = 2048, uint32(2*ringBytes+i*2048<<hostileLog)
		r.lay()
		if flags == 0 {
			r.offer()
		}
		h.say(ringSpec{flags: flags, offset: uint32(i * ringBytes), log: hostileLog}.message(), h.bell)
	}
	h.say(newMessage(msgConnect))
}

func TestServerRefusesWhatIsWrong(t *testing.T) {
	pipe := func(t *testing.T) int {
		var p [2]int
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(p[0]); unix.Close(p[1]) })
		return p[1]
	}
	v := newVictim(t)
	before := openFiles(t)
	for name, c := range map[string]struct {
		say  func(h *hostile)
		want string
	}{
		"another secret":    {func(h *hostile) { h.say(initFor(Config{Secret: "x"})) }, "secret"},
		"another id":        {func(h *hostile) { h.say(initFor(Config{Secret: "s", ID: 9})) }, "wants interface 9"},
		"no init":           {func(h *hostile) { h.region(4096, h.fd) }, "message of type 4, not 3"},
		"unknown message":   {func(h *hostile) { h.begin(); h.say(newMessage(77), h.fd, h.bell) }, "message of type 77"},
		"short message":     {func(h *hostile) { h.conn.Write([]byte{3, 0, 1}) }, "message of 3 bytes"},
		"disconnect":        {func(h *hostile) { h.begin(); h.say(disconnect("tired")) }, `disconnected: "tired"`},
		"no descriptor":     {func(h *hostile) { h.begin(); h.say(newMessage(msgAddRegion)) }, "0 descriptors"},
		"many descriptors":  {func(h *hostile) { h.begin(); h.say(newMessage(msgAddRegion), h.fd, h.fd, h.fd) }, "3 descriptors"},
		"too many of them":  {func(h *hostile) { h.begin(); h.say(newMessage(msgAddRegion), make([]int, 100)...) }, "more than 16 descriptors"},
		"region of a pipe":  {func(h *hostile) { h.begin(); h.region(4096, pipe(h.t)) }, "neither memfd nor tmpfs"},
		"region too large":  {func(h *hostile) { h.begin(); h.region(hostileMem+1, h.fd) }, "of a file of 1048576"},
		"region of nothing": {func(h *hostile) { h.begin(); h.region(0, h.fd) }, "0 bytes"},
		"region of 2^64":    {func(h *hostile) { h.begin(); h.region(1<<64-1, h.fd) }, "of a file of 1048576"},
		"ring nowhere":      {func(h *hostile) { h.begin(); h.say(ringSpec{log: 4}.message(), h.bell) }, "region 0 of 0"},
		"ring beyond the end": {func(h *hostile) {
			h.begin()
			h.region(hostileMem, h.fd)
			h.say(ringSpec{offset: hostileMem - 200, log: 4}.message(), h.bell)
		}, "not in its region"},
		"ring not aligned": {func(h *hostile) {
			h.begin()
			h.region(hostileMem, h.fd)
			h.say(ringSpec{offset: 2, log: 4}.message(), h.bell)
		}, "not aligned"},
		"ring too large": {func(h *hostile) {
			h.begin()
			h.region(hostileMem, h.fd)
			h.say(ringSpec{log: 40}.message(), h.bell)
		}, "2^40"},
		"ring of many": {func(h *hostile) {
			h.begin()
			h.region(hostileMem, h.fd)
			h.say(ringSpec{log: 4, index: 1}.message(), h.bell)
		}, "ring 1 of 1"},
		"ring without cookie": {func(h *hostile) {
			h.begin()
			h.region(hostileMem, h.fd)
			h.say(ringSpec{log: 4, offset: 0x8000}.message(), h.bell)
		}, "cookie"},
		"memory taken away": {func(h *hostile) {
			h.begin()
			unix.Ftruncate(h.fd, hostileMem)
			h.region(hostileMem, h.fd)
			h.conn.Read(make([]byte, messageLen)) // hello, and the answers to both: it is mapped
			h.conn.Read(make([]byte, messageLen))
			h.conn.Read(make([]byte, messageLen))
			unix.Ftruncate(h.fd, 0)
			h.say(ringSpec{log: 4}.message(), h.bell)
		}, "memory cannot be used"},
		"interrupt by a pipe": {func(h *hostile) {
			h.begin()
			h.region(hostileMem, h.fd)
			h.say(ringSpec{log: 4}.message(), pipe(h.t))
		}, "no eventfd"},
		"a ring twice": {func(h *hostile) {
			h.begin()
			h.region(hostileMem, h.fd)
			r, _ := newRing(h.mem, 0, 4)
			r.lay()
			h.say(ringSpec{log: 4}.message(), h.bell)
			h.say(ringSpec{log: 4}.message(), h.bell)
		}, "ring 0 a second time"},
		"connect without rings": {func(h *hostile) { h.begin(); h.say(newMessage(msgConnect)) }, "0 rings to us"},
		"a word too many":       {func(h *hostile) { h.connect(); h.say(newMessage(msgAck)) }, "while connected"},
	} {
		t.Run(name, func(t *testing.T) {
			h := v.meet(t)
			c.say(h)
			v.complains(t, c.want)
		})
	}
	v.Await("its files are closed", func() bool { return openFiles(t) <= before })
	good := open(t, Config{Path: v.path, Secret: "s"})
	g := peertest.New(t, good)
	v.Await("a good client is connected", func() bool { return good.Carrier() && v.port.Carrier() })
	g.Queue(0, peertest.Frame(60, 1))
	g.Step()
	v.Wants(0, peertest.Frame(60, 1))
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// connected is a hostile client whose rings are up.
func (v *victim) connected(t *testing.T) (h *hostile, in, out *ring) {
	t.Helper()
	h = v.meet(t)
	h.connect()
	v.Await("the rings are up", v.port.Carrier)
	in, _ = newRing(h.mem, 0, hostileLog)
	out, _ = newRing(h.mem, ringBytes, hostileLog)
	return h, in, out
}

func TestServerSurvivesWhatStandsInTheRings(t *testing.T) {
	for name, c := range map[string]struct {
		do       func(h *hostile, in, out *ring)
		want     string // the reason why the connection ends; empty: it does not
		errors   uint64
		received int
	}{
		"head far ahead":        {func(_ *hostile, in, _ *ring) { in.head.StoreHigh(17) }, "17 ahead", 0, 0},
		"buffers far ahead":     {func(_ *hostile, _, out *ring) { out.head.StoreHigh(0x8000) }, "ahead of ours", 0, 0},
		"buffer elsewhere":      {func(_ *hostile, _, out *ring) { out.cells.Store(0, 2048<<32, hostileMem-1) }, "not in the peer's memory", 0, 0},
		"buffer in region 7":    {func(_ *hostile, _, out *ring) { out.cells.Store(0, 7<<16|2048<<32, 0) }, "not in the peer's memory", 0, 0},
		"buffer of nothing":     {func(_ *hostile, _, out *ring) { out.cells.Store(0, 0, 0) }, "not in the peer's memory", 0, 0},
		"packet beyond the end": {func(_ *hostile, in, _ *ring) { in.cells.Store(0, 100<<32, hostileMem-99); in.head.StoreHigh(1) }, "", 1, 0},
		"packet of 4 GB":        {func(_ *hostile, in, _ *ring) { in.cells.Store(0, 0xffffffff<<32, 0xffffffff); in.head.StoreHigh(1) }, "", 1, 0},
		"packet of region 9":    {func(_ *hostile, in, _ *ring) { in.cells.Store(0, 9<<16|60<<32, 0); in.head.StoreHigh(1) }, "", 1, 0},
		"packet without end": {func(_ *hostile, in, _ *ring) {
			for i := range uint32(16) {
				in.cells.Store(i, moreFollows|60<<32, 0)
			}
			in.head.StoreHigh(16)
		}, "", 1, 0},
		"empty packet": {func(_ *hostile, in, _ *ring) { in.cells.Store(0, 0, 0); in.head.StoreHigh(1) }, "", 0, 1},
		"memory taken away": {func(h *hostile, in, _ *ring) {
			in.cells.Store(0, 60<<32, hostileMem/2)
			in.head.StoreHigh(1)
			unix.Ftruncate(h.fd, 2*ringBytes)
		}, "memory cannot be used", 0, 0},
		"all memory taken away": {func(h *hostile, _, _ *ring) { unix.Ftruncate(h.fd, 0) }, "memory cannot be used", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVictim(t)
			h, in, out := v.connected(t)
			c.do(h, in, out)
			v.Queue(0, peertest.Frame(60, 1))
			v.Step()
			v.Step()
			if c.want != "" {
				v.complains(t, c.want)
			}
			if st := v.port.Rx()[0].Stats(); st.Errors != c.errors || len(v.Received(0)) != c.received {
				t.Errorf("received %+v, want %d errors and %d packets", st, c.errors, c.received)
			}
			if st := v.port.Tx()[0].Stats(); c.want != "" && !strings.Contains(c.want, "17 ahead") && st.Refused+st.Packets != 1 {
				t.Errorf("sent %+v, want one packet, mostly refused", st)
			}
		})
	}
}

// TestServerSurvivesAnything: the whole memory changes at random all the time.
func TestServerSurvivesAnything(t *testing.T) {
	v := newVictim(t)
	draw := rand.New(rand.NewPCG(1, 2))
	for end, round := time.Now().Add(2*time.Second), 0; time.Now().Before(end); round++ {
		h, in, _ := v.connected(t)
		for k := 0; k < 300 && v.port.Carrier(); k++ {
			for range 1 + draw.IntN(20) {
				at := draw.IntN(2 * ringBytes)
				if draw.IntN(2) == 0 {
					at %= 0x200
				}
				h.mem[at] = byte(draw.Uint32())
			}
			if draw.IntN(3) > 0 {
				in.head.StoreHigh(in.tailNow() + uint16(draw.IntN(17)))
			}
			for i := range draw.IntN(4) {
				v.Queue(0, peertest.Frame(1+draw.IntN(5000), i))
			}
			v.Step()
			v.Received(0)
		}
		h.leave()
		v.Await("the end is noticed", func() bool { return !v.port.Carrier() })
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, why := range v.said {
		if strings.Contains(why, "cannot be used") {
			t.Error(why)
		}
	}
}

// A peer whose eventfd is full, so that a write to it waits, holds up nobody, and
// nothing is left of it.
func TestFullEventfdHoldsUpNobody(t *testing.T) {
	v := newVictim(t)
	h, _, _ := v.connected(t)
	before := openFiles(t)
	full := []byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	if _, err := unix.Write(h.bell, full); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	for i := range 8 {
		v.Queue(0, peertest.Frame(60, i))
		v.Step()
	}
	if st := v.port.Tx()[0].Stats(); st.Packets != 8 || time.Since(begin) > peertest.Limit {
		t.Errorf("sent %+v in %v, want 8 packets at once", st, time.Since(begin))
	}
	h.leave()
	v.Await("the end is noticed", func() bool { return !v.port.Carrier() })
	v.Await("its files are closed", func() bool { return openFiles(t) < before })
}
