package rawip

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

const (
	// maxMsgs is how many packets one sendmmsg takes.
	maxMsgs = 64
	// maxSegs is the most segments of a packet.
	maxSegs = 64
	// maxIovs is the segments of one sendmmsg, at least maxSegs.
	maxIovs = 256
)

// mmsghdr is the kernel's struct mmsghdr.
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
	_   uint32
}

// address4 and address6 are a message's name and control data.
type address4 struct {
	name unix.RawSockaddrInet4
	info unix.Cmsghdr
	pkt  unix.Inet4Pktinfo
	_    uint32
	opt  unix.Cmsghdr
	tos  int32
	_    uint32
}

type address6 struct {
	name   unix.RawSockaddrInet6
	_      uint32
	info   unix.Cmsghdr
	pkt    unix.Inet6Pktinfo
	_      uint32
	opt    unix.Cmsghdr
	tclass int32
	_      uint32
}

const (
	control4 = unsafe.Sizeof(address4{}) - unsafe.Offsetof(address4{}.info)
	control6 = unsafe.Sizeof(address6{}) - unsafe.Offsetof(address6{}.info)
)

// batch is the packets of one family that the next sendmmsg takes. What does
// not change from packet to packet is set once. Worker only.
type batch struct {
	n, iovs int
	frames  [maxMsgs]int // length of the frame of each packet, for the counters
	msgs    [maxMsgs]mmsghdr
	iov     [maxIovs]unix.Iovec
	addr4   []address4 // one of the two
	addr6   []address6
}

func newBatch4() *batch {
	b := &batch{addr4: make([]address4, maxMsgs)}
	for i := range b.addr4 {
		a, h := &b.addr4[i], &b.msgs[i].hdr
		a.name.Family = unix.AF_INET
		setCmsg(&a.info, unix.SOL_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
		setCmsg(&a.opt, unix.SOL_IP, unix.IP_TOS, 4)
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&a.name)), unix.SizeofSockaddrInet4
		h.Control = (*byte)(unsafe.Pointer(&a.info))
		h.SetControllen(int(control4))
	}
	return b
}

func newBatch6() *batch {
	b := &batch{addr6: make([]address6, maxMsgs)}
	for i := range b.addr6 {
		a, h := &b.addr6[i], &b.msgs[i].hdr
		a.name.Family = unix.AF_INET6
		setCmsg(&a.info, unix.SOL_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)
		setCmsg(&a.opt, unix.SOL_IPV6, unix.IPV6_TCLASS, 4)
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&a.name)), unix.SizeofSockaddrInet6
		h.Control = (*byte)(unsafe.Pointer(&a.info))
		h.SetControllen(int(control6))
	}
	return b
}

func setCmsg(c *unix.Cmsghdr, level, typ int32, n int) {
	c.Level, c.Type = level, typ
	c.SetLen(unix.CmsgLen(n))
}

// add appends the packet of frame m; false, and nothing is added, when the
// batch is full. m must stay until the batch was sent.
func (b *batch) add(m *pmd.Mbuf, h *ipHeader) bool {
	if b.n == maxMsgs || b.iovs+m.Segs() > maxIovs {
		return false
	}
	if h.v6 {
		a := &b.addr6[b.n]
		copy(a.name.Addr[:], h.dst)
		copy(a.pkt.Addr[:], h.src)
		a.pkt.Ifindex = h.device
		a.tclass = int32(h.tos)
	} else {
		a := &b.addr4[b.n]
		copy(a.name.Addr[:], h.dst)
		copy(a.pkt.Spec_dst[:], h.src)
		a.tos = int32(h.tos)
	}
	first := b.iovs
	data, left := m.Data()[etherLen:], h.len
	for seg := m; ; data = seg.Data() {
		data = data[:min(len(data), left)]
		left -= len(data)
		setIovec(&b.iov[b.iovs], data)
		b.iovs++
		if seg = seg.Next(); seg == nil || left == 0 {
			break
		}
	}
	b.msgs[b.n].hdr.Iov = &b.iov[first]
	b.msgs[b.n].hdr.SetIovlen(b.iovs - first)
	b.frames[b.n] = m.Len()
	b.n++
	return true
}

// linear copies packet i to buf and gives its length.
func (b *batch) linear(i int, buf []byte) int {
	h, n := &b.msgs[i].hdr, 0
	for _, iov := range unsafe.Slice(h.Iov, int(h.Iovlen)) {
		n += copy(buf[n:], unsafe.Slice(iov.Base, int(iov.Len)))
	}
	return n
}

func (b *batch) reset() { b.n, b.iovs = 0, 0 }

func setIovec(iov *unix.Iovec, data []byte) {
	iov.Base = unsafe.SliceData(data)
	iov.SetLen(len(data))
}

// sendmmsg sends messages up to the first that fails and gives their number; an
// error is the first one's.
func sendmmsg(fd int, msgs []mmsghdr) (int, syscall.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd),
			uintptr(unsafe.Pointer(&msgs[0])), uintptr(len(msgs)), unix.MSG_DONTWAIT, 0, 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}
