package packet

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

// maxIovs is the segments, with headers, of one sendmmsg.
const maxIovs = 4 * maxMsgs

// outBatch is the packets that the next sendmmsg takes. Worker only.
type outBatch struct {
	n, iovs int
	lens    [maxMsgs]int // of the frames, for the counters
	msgs    [maxMsgs]mmsghdr
	names   [maxMsgs]unix.RawSockaddrLinklayer
	iov     [maxIovs]unix.Iovec
	hdr     [vnetHdrLen]byte // always zero: of frames that are finished
}

func newOutBatch() *outBatch {
	b := new(outBatch)
	for i := range b.msgs {
		h := &b.msgs[i].hdr
		b.names[i].Family = unix.AF_PACKET
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&b.names[i])), unix.SizeofSockaddrLinklayer
	}
	return b
}

// add appends packet m for an interface; false, and nothing is added, when the
// batch is full. m must stay until the batch was sent. The protocol is told,
// since not every interface reads it from the frame (ipvlan and macvlan do not).
func (b *outBatch) add(m *pmd.Mbuf, index int) bool {
	if b.n == maxMsgs || b.iovs+m.Segs()+1 > maxIovs {
		return false
	}
	frame := m.Data()
	b.names[b.n].Ifindex = int32(index)
	b.names[b.n].Protocol = uint16(frame[macsLen]) | uint16(frame[macsLen+1])<<8
	first := b.iovs
	setIovec(&b.iov[first], b.header(m))
	b.iovs++
	for s := m; s != nil; s = s.Next() {
		setIovec(&b.iov[b.iovs], s.Data())
		b.iovs++
	}
	b.msgs[b.n].hdr.Iov = &b.iov[first]
	b.msgs[b.n].hdr.SetIovlen(b.iovs - first)
	b.lens[b.n] = m.Len()
	b.n++
	return true
}

// header is what tells the kernel to finish a frame: to complete its checksum, and
// to segment it where the interface cannot.
func (b *outBatch) header(m *pmd.Mbuf) []byte {
	if !m.Offload() {
		return b.hdr[:]
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(m.Vnet())), vnetHdrLen)
}

// send sends packets from i on, up to the first that fails, and gives their
// number; an error is the first one's.
func (b *outBatch) send(fd, i int) (int, unix.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd),
			uintptr(unsafe.Pointer(&b.msgs[i])), uintptr(b.n-i), unix.MSG_DONTWAIT, 0, 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

func (b *outBatch) reset() { b.n, b.iovs = 0, 0 }
