package packet

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

const (
	// maxMsgs is how many frames one system call receives or sends.
	maxMsgs = 64
	// maxSegs is the most segments of a frame.
	maxSegs = 64
	// vnetHdrLen is the size of struct virtio_net_hdr (linux/virtio_net.h).
	vnetHdrLen = 10
)

// mmsghdr is the kernel's struct mmsghdr.
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
	_   uint32
}

// auxdata is a control message with a struct tpacket_auxdata
// (linux/if_packet.h).
type auxdata struct {
	cmsg                 unix.Cmsghdr
	status, len, snaplen uint32
	mac, net             uint16
	tci, tpid            uint16
	_                    uint32
}

// slot is the room of one frame. What a frame fills is replaced, the rest stays
// for the next one.
type slot struct {
	hdr  [vnetHdrLen]byte
	aux  auxdata
	iov  [maxSegs + 1]unix.Iovec // iov[0] is hdr, iov[i+1] the room of segs[i]
	segs [maxSegs]*pmd.Mbuf      // nil where a frame took it
	n    int                     // segments that are there, from the first on
}

// inBatch is what one recvmmsg fills. Worker only.
type inBatch struct {
	msgs  [maxMsgs]mmsghdr
	slots [maxMsgs]slot
	lens  [maxSegs]int // scratch for take
	room  int          // of a segment in bytes; 0 before the first
}

func newInBatch() *inBatch {
	b := new(inBatch)
	for i := range b.slots {
		s, h := &b.slots[i], &b.msgs[i].hdr
		setIovec(&s.iov[0], s.hdr[:])
		h.Iov = &s.iov[0]
		h.Control = (*byte)(unsafe.Pointer(&s.aux))
	}
	return b
}

// fill makes room for up to n frames of longest bytes, and gives for how many
// the stock sufficed.
func (b *inBatch) fill(v *pmd.Vector, n, longest int) int {
	for i := range n {
		s := &b.slots[i]
		for b.room == 0 || s.n*b.room < longest && s.n < maxSegs {
			m := v.Alloc()
			if m == nil {
				return i
			}
			b.room = m.Tailroom()
			s.segs[s.n] = m
			s.n++
			setIovec(&s.iov[s.n], m.Room())
		}
		h := &b.msgs[i].hdr
		h.SetIovlen(s.n + 1)
		h.SetControllen(int(unsafe.Sizeof(auxdata{})))
	}
	return n
}

// receive reads up to n frames and gives how many there were.
func (b *inBatch) receive(fd, n int) (int, unix.Errno) {
	for {
		got, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.msgs[0])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
		if errno != unix.EINTR {
			return int(got), errno
		}
	}
}

// take gives frame i as it was on the wire; nil when it is no whole frame, and
// then its room serves the next one.
func (b *inBatch) take(i int) *pmd.Mbuf {
	s, msg := &b.slots[i], &b.msgs[i]
	n := int(msg.len) - vnetHdrLen
	if n < etherLen || msg.hdr.Flags&unix.MSG_TRUNC != 0 || n >= s.n*b.room || s.hdr[gsoType] != 0 {
		return nil
	}
	m := b.cut(s, n)
	if s.hdr[flags]&needsCsum != 0 {
		complete(m, int(binary.NativeEndian.Uint16(s.hdr[csumStart:])), int(binary.NativeEndian.Uint16(s.hdr[csumOffset:])))
	}
	if tci, tpid, ok := tagOf(s, &msg.hdr); ok {
		insertTag(m, tpid, tci)
	}
	return m
}

// cut gives the first segments, with n bytes, as a packet. The others move up.
func (b *inBatch) cut(s *slot, n int) *pmd.Mbuf {
	m, k := s.segs[0], 0
	for ; n > 0; k++ {
		b.lens[k] = min(n, b.room)
		n -= b.lens[k]
	}
	m.Chain(s.segs[1:k], b.lens[:k])
	copy(s.segs[:], s.segs[k:s.n])
	copy(s.iov[1:], s.iov[k+1:s.n+1])
	clear(s.segs[s.n-k : s.n])
	s.n -= k
	return m
}

// tagOf is the VLAN tag that the kernel took off.
func tagOf(s *slot, h *unix.Msghdr) (tci, tpid uint16, ok bool) {
	if h.Controllen == 0 || s.aux.cmsg.Level != unix.SOL_PACKET || s.aux.cmsg.Type != unix.PACKET_AUXDATA || s.aux.status&unix.TP_STATUS_VLAN_VALID == 0 {
		return 0, 0, false
	}
	tpid = unix.ETH_P_8021Q
	if s.aux.status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		tpid = s.aux.tpid
	}
	return s.aux.tci, tpid, true
}

// drop gives the mbufs back.
func (b *inBatch) drop(v *pmd.Vector) {
	for i := range b.slots {
		s := &b.slots[i]
		for k := range s.n {
			v.Drop(s.segs[k])
			s.segs[k] = nil
		}
		s.n = 0
	}
}

func setIovec(iov *unix.Iovec, data []byte) {
	iov.Base = unsafe.SliceData(data)
	iov.SetLen(len(data))
}
