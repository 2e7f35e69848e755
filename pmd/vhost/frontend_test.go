package vhost

import (
	"encoding/binary"
	"net"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd/peer"
	"ipvd/pmd/peer/peertest"
)

// Where a frontend's memory lies for the device and for itself, and what is in it:
// a page or more of rings each, then buffers.
const (
	guestBase, userBase = 0x1000_0000, 0x7f00_0000_0000

	ringRoom   = 0x4000
	bufferRoom = 2048
	slots      = 64
)

// frontend is the driver's side, as far as the tests need it. Ring 0 is what it
// receives by, ring 1 what it sends by.
type frontend struct {
	t          testing.TB
	conn       *net.UnixConn
	mem        []byte
	fd         int
	kick, call [2]int
	avail      [2]uint16 // numbers of the available rings
	seen       [2]uint16 // of the used rings
	features   uint64
	headerLen  int
}

// dial connects a frontend with a memory of its own, and nothing said yet.
func dial(t testing.TB, path string, features uint64) *frontend {
	t.Helper()
	f := &frontend{t: t, features: features, headerLen: 10}
	if features&(fVersion1|fMergeable) != 0 {
		f.headerLen = 12
	}
	var err error
	for end := time.Now().Add(peertest.Limit); ; time.Sleep(time.Millisecond) {
		if f.conn, err = net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"}); err == nil || time.Now().After(end) {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if f.fd, err = unix.MemfdCreate("guest", unix.MFD_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	const size = 2*ringRoom + 2*slots*bufferRoom
	if err := unix.Ftruncate(f.fd, size); err != nil {
		t.Fatal(err)
	}
	if f.mem, err = unix.Mmap(f.fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		t.Fatal(err)
	}
	for i := range f.kick {
		f.kick[i], _ = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		f.call[i], _ = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	}
	t.Cleanup(f.close)
	return f
}

func (f *frontend) close() {
	if f.mem == nil {
		return
	}
	f.conn.Close()
	unix.Munmap(f.mem)
	f.mem = nil
	for _, fd := range []int{f.fd, f.kick[0], f.kick[1], f.call[0], f.call[1]} {
		unix.Close(fd)
	}
}

// say sends a request with words of 64 bits, and descriptors.
func (f *frontend) say(request uint32, words []uint64, fds ...int) {
	f.t.Helper()
	b := binary.LittleEndian.AppendUint32(nil, request)
	b = binary.LittleEndian.AppendUint32(b, versionOne)
	b = binary.LittleEndian.AppendUint32(b, uint32(8*len(words)))
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	if _, _, err := f.conn.WriteMsgUnix(b, oob, nil); err != nil {
		f.t.Logf("request %d: %v", request, err)
	}
}

// ask is say for what is answered.
func (f *frontend) ask(request uint32, words ...uint64) uint64 {
	f.t.Helper()
	f.say(request, words)
	var b [headerLen + 8]byte
	f.conn.SetReadDeadline(time.Now().Add(peertest.Limit))
	for n := 0; n < len(b); {
		k, err := f.conn.Read(b[n:])
		if err != nil {
			f.t.Fatalf("request %d: %v", request, err)
		}
		n += k
	}
	return binary.LittleEndian.Uint64(b[headerLen:])
}

// ringAt is where ring i lies: descriptors, available and used ring.
func ringAt(i int) (desc, avail, used uint64) {
	at := uint64(i) * ringRoom
	return at, at + 16*slots, at + 0x2000
}

func bufferAt(ring, i int) uint64 {
	return 2*ringRoom + uint64(ring*slots+i)*bufferRoom
}

// start says all that a frontend says until packets flow.
func (f *frontend) start() {
	f.t.Helper()
	f.say(setOwner, nil)
	if offered := f.ask(getFeatures); f.features&^offered != 0 {
		f.t.Fatalf("features %#x were offered, want %#x", offered, f.features)
	}
	f.say(setFeatures, []uint64{f.features})
	f.share()
	for i := range 2 {
		f.startRing(i)
	}
	for i := range slots {
		f.give(0, i)
	}
}

// share tells the memory.
func (f *frontend) share() {
	f.say(setMemTable, []uint64{1, guestBase, uint64(len(f.mem)), userBase, 0}, f.fd)
}

func (f *frontend) startRing(i int) {
	desc, avail, used := ringAt(i)
	at := uint64(i)
	f.say(setVringNum, []uint64{at | slots<<32})
	f.say(setVringBase, []uint64{at | uint64(f.avail[i])<<32})
	f.say(setVringAddr, []uint64{at, userBase + desc, userBase + used, userBase + avail, 0})
	f.say(setVringCall, []uint64{at}, f.call[i])
	f.say(setVringKick, []uint64{at}, f.kick[i])
	f.say(setVringEnable, []uint64{at | 1<<32})
}

// describe writes descriptor d of a ring.
func (f *frontend) describe(ring, d int, addr uint64, n uint32, flags, next uint16) {
	desc, _, _ := ringAt(ring)
	b := f.mem[desc+uint64(16*d):]
	binary.LittleEndian.PutUint64(b, addr)
	binary.LittleEndian.PutUint32(b[8:], n)
	binary.LittleEndian.PutUint16(b[12:], flags)
	binary.LittleEndian.PutUint16(b[14:], next)
}

// offer makes the chain that begins with descriptor d available.
func (f *frontend) offer(ring, d int) {
	_, avail, _ := ringAt(ring)
	binary.LittleEndian.PutUint16(f.mem[avail+4+2*uint64(f.avail[ring]%slots):], uint16(d))
	f.avail[ring]++
	binary.LittleEndian.PutUint16(f.mem[avail+2:], f.avail[ring])
}

// give makes buffer i one that the device may fill.
func (f *frontend) give(ring, i int) {
	f.describe(ring, i, guestBase+bufferAt(ring, i), bufferRoom, forDevice, 0)
	f.offer(ring, i)
}

// send makes a frame available, with its header and the frame in parts of n bytes.
func (f *frontend) send(frame []byte, header []byte, n int) {
	all := append(make([]byte, 0, len(frame)+12), header...)
	all = append(append(all, make([]byte, f.headerLen-len(header))...), frame...)
	first := int(f.avail[1]) % slots
	for i, d := 0, first; len(all) > 0; i, d = i+1, (d+1)%slots {
		b := all[:min(n, len(all))]
		all = all[len(b):]
		copy(f.mem[bufferAt(1, d):], b)
		flags := uint16(0)
		if len(all) > 0 {
			flags = moreFollows
		}
		f.describe(1, d, guestBase+bufferAt(1, d), uint32(len(b)), flags, uint16((d+1)%slots))
	}
	f.offer(1, first)
}

// received takes the frames that have come, each with its header, and gives the
// buffers back.
func (f *frontend) received() (frames, headers [][]byte) {
	_, _, used := ringAt(0)
	for now := binary.LittleEndian.Uint16(f.mem[used+2:]); f.seen[0] != now; {
		var frame []byte
		chains := 1
		for k := 0; k < chains; k++ {
			e := f.mem[used+4+8*uint64(f.seen[0]%slots):]
			id, n := int(binary.LittleEndian.Uint32(e)), binary.LittleEndian.Uint32(e[4:])
			b := f.mem[bufferAt(0, id):][:n]
			if k == 0 && f.headerLen == 12 {
				chains = int(binary.LittleEndian.Uint16(b[10:]))
			}
			frame = append(frame, b...)
			f.seen[0]++
			f.give(0, id)
		}
		frames, headers = append(frames, frame[f.headerLen:]), append(headers, frame[:f.headerLen])
	}
	return frames, headers
}

// rig is a backend with a frontend that is connected.
func rig(t *testing.T, features uint64, mtu int) (*peertest.Rig, *peer.Port, *frontend) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	p := open(t, Config{Path: path, Server: true, MTU: mtu})
	r := peertest.New(t, p)
	f := dial(t, path, features)
	f.start()
	r.Await("packets can flow", p.Carrier)
	return r, p, f
}

func open(t *testing.T, c Config) *peer.Port {
	t.Helper()
	c.Log = func(event string, err error) { t.Log(event, err) }
	p, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
