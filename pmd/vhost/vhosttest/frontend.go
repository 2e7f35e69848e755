// Package vhosttest is the driver's side of vhost-user, for tests: a Frontend that does
// what it is told, right or wrong.
package vhosttest

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd/peer/peertest"
)

// Requests, and features and flags of descriptors (package vhost).
const (
	GetFeatures    = 1
	SetFeatures    = 2
	SetOwner       = 3
	SetMemTable    = 5
	SetVringNum    = 8
	SetVringAddr   = 9
	SetVringBase   = 10
	GetVringBase   = 11
	SetVringKick   = 12
	SetVringCall   = 13
	SetVringEnable = 18

	Mergeable = 1 << 15
	Version1  = 1 << 32

	MoreFollows, ForDevice = 1, 2

	version, headerLen = 1, 12
)

// Where a frontend's memory lies for the device and for itself, and what is in it:
// a page or more of rings each, then buffers.
const (
	GuestBase, UserBase = 0x1000_0000, 0x7f00_0000_0000

	ringRoom   = 0x4000
	BufferRoom = 2048
	Slots      = 64
)

// Frontend is the driver's side, as far as the tests need it. Ring 0 is what it
// receives by, ring 1 what it sends by.
type Frontend struct {
	t          testing.TB
	conn       *net.UnixConn
	Mem        []byte
	FD         int // of Mem
	Kick, Call [2]int
	Avail      [2]uint16 // numbers of the available rings
	seen       [2]uint16 // of the used rings
	features   uint64
	headerLen  int
}

// Dial connects a frontend with a memory of its own, and nothing said yet.
func Dial(t testing.TB, path string, features uint64) *Frontend {
	t.Helper()
	f := &Frontend{t: t, features: features, headerLen: 10}
	if features&(Version1|Mergeable) != 0 {
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
	if f.FD, err = unix.MemfdCreate("guest", unix.MFD_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	const size = 2*ringRoom + 2*Slots*BufferRoom
	if err := unix.Ftruncate(f.FD, size); err != nil {
		t.Fatal(err)
	}
	if f.Mem, err = unix.Mmap(f.FD, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		t.Fatal(err)
	}
	for i := range f.Kick {
		f.Kick[i], _ = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		f.Call[i], _ = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	}
	t.Cleanup(f.Close)
	return f
}

func (f *Frontend) Close() {
	if f.Mem == nil {
		return
	}
	f.conn.Close()
	unix.Munmap(f.Mem)
	f.Mem = nil
	for _, fd := range []int{f.FD, f.Kick[0], f.Kick[1], f.Call[0], f.Call[1]} {
		unix.Close(fd)
	}
}

// Say sends a request with words of 64 bits, and descriptors.
func (f *Frontend) Say(request uint32, words []uint64, fds ...int) {
	f.t.Helper()
	b := binary.LittleEndian.AppendUint32(nil, request)
	b = binary.LittleEndian.AppendUint32(b, version)
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

// Ask is say for what is answered.
func (f *Frontend) Ask(request uint32, words ...uint64) uint64 {
	f.t.Helper()
	f.Say(request, words)
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

// RingAt is where ring i lies: descriptors, available and used ring.
func RingAt(i int) (desc, avail, used uint64) {
	at := uint64(i) * ringRoom
	return at, at + 16*Slots, at + 0x2000
}

func BufferAt(ring, i int) uint64 {
	return 2*ringRoom + uint64(ring*Slots+i)*BufferRoom
}

// Start says all that a frontend says until packets flow.
func (f *Frontend) Start() {
	f.t.Helper()
	f.Say(SetOwner, nil)
	if offered := f.Ask(GetFeatures); f.features&^offered != 0 {
		f.t.Fatalf("features %#x were offered, want %#x", offered, f.features)
	}
	f.Say(SetFeatures, []uint64{f.features})
	f.Share()
	for i := range 2 {
		f.StartRing(i)
	}
	for i := range Slots {
		f.Give(0, i)
	}
	f.Ask(GetFeatures) // all is done that was said before
}

// Share tells the memory.
func (f *Frontend) Share() {
	f.Say(SetMemTable, []uint64{1, GuestBase, uint64(len(f.Mem)), UserBase, 0}, f.FD)
}

func (f *Frontend) StartRing(i int) {
	desc, avail, used := RingAt(i)
	at := uint64(i)
	f.Say(SetVringNum, []uint64{at | Slots<<32})
	f.Say(SetVringBase, []uint64{at | uint64(f.Avail[i])<<32})
	f.Say(SetVringAddr, []uint64{at, UserBase + desc, UserBase + used, UserBase + avail, 0})
	f.Say(SetVringCall, []uint64{at}, f.Call[i])
	f.Say(SetVringKick, []uint64{at}, f.Kick[i])
	f.Say(SetVringEnable, []uint64{at | 1<<32})
}

// Describe writes descriptor d of a ring.
func (f *Frontend) Describe(ring, d int, addr uint64, n uint32, flags, next uint16) {
	desc, _, _ := RingAt(ring)
	b := f.Mem[desc+uint64(16*d):]
	binary.LittleEndian.PutUint64(b, addr)
	binary.LittleEndian.PutUint32(b[8:], n)
	binary.LittleEndian.PutUint16(b[12:], flags)
	binary.LittleEndian.PutUint16(b[14:], next)
}

// Offer makes the chain that begins with descriptor d available.
func (f *Frontend) Offer(ring, d int) {
	_, avail, _ := RingAt(ring)
	binary.LittleEndian.PutUint16(f.Mem[avail+4+2*uint64(f.Avail[ring]%Slots):], uint16(d))
	f.Avail[ring]++
	binary.LittleEndian.PutUint16(f.Mem[avail+2:], f.Avail[ring])
}

// Give makes buffer i one that the device may fill.
func (f *Frontend) Give(ring, i int) {
	f.Describe(ring, i, GuestBase+BufferAt(ring, i), BufferRoom, ForDevice, 0)
	f.Offer(ring, i)
}

// Send makes a frame available, with its header and the frame in parts of n bytes. It
// drops the frame when many wait already.
func (f *Frontend) Send(frame []byte, header []byte, n int) {
	all := append(make([]byte, 0, len(frame)+12), header...)
	all = append(append(all, make([]byte, f.headerLen-len(header))...), frame...)
	_, _, used := RingAt(1)
	if taken := binary.LittleEndian.Uint16(f.Mem[used+2:]); int(f.Avail[1]-taken) >= Slots/2 {
		return // the device does not look
	}
	first := int(f.Avail[1]) % Slots
	for i, d := 0, first; len(all) > 0; i, d = i+1, (d+1)%Slots {
		b := all[:min(n, len(all))]
		all = all[len(b):]
		copy(f.Mem[BufferAt(1, d):], b)
		flags := uint16(0)
		if len(all) > 0 {
			flags = MoreFollows
		}
		f.Describe(1, d, GuestBase+BufferAt(1, d), uint32(len(b)), flags, uint16((d+1)%Slots))
	}
	f.Offer(1, first)
}

// Received takes the frames that have come, each with its header, and gives the
// buffers back.
func (f *Frontend) Received() (frames, headers [][]byte) {
	_, _, used := RingAt(0)
	for now := binary.LittleEndian.Uint16(f.Mem[used+2:]); f.seen[0] != now; {
		var frame []byte
		chains := 1
		for k := 0; k < chains; k++ {
			e := f.Mem[used+4+8*uint64(f.seen[0]%Slots):]
			id, n := int(binary.LittleEndian.Uint32(e)), binary.LittleEndian.Uint32(e[4:])
			b := f.Mem[BufferAt(0, id):][:n]
			if k == 0 && f.headerLen == 12 {
				chains = int(binary.LittleEndian.Uint16(b[10:]))
			}
			frame = append(frame, b...)
			f.seen[0]++
			f.Give(0, id)
		}
		frames, headers = append(frames, frame[f.headerLen:]), append(headers, frame[:f.headerLen])
	}
	return frames, headers
}
