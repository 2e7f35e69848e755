package pmd

import (
	"math"
	"runtime/cgo"
	"sync/atomic"
	"unsafe"
)

// Mbuf mirrors DPDK's struct rte_mbuf (128 bytes, DPDK 21.11 to 24.11 on a
// 64-bit machine). The cgo.Incomplete field tells Go that it never lies in the
// Go heap: pointers to it cost no write barriers, are not checked when they
// cross into C, and new(Mbuf) does not compile. pmd/dpdk compares every offset
// with C's when it starts.
type Mbuf struct {
	_          cgo.Incomplete
	bufAddr    unsafe.Pointer // 0: start of the buffer
	bufIova    uint64         // 8
	dataOff    uint16         // 16: offset of the data from bufAddr
	refcnt     uint16         // 18
	nbSegs     uint16         // 20: segments of the packet (first segment only)
	port       uint16         // 22: receiving port
	olFlags    uint64         // 24
	packetType uint32         // 32
	pktLen     uint32         // 36: length of all segments (first segment only)
	dataLen    uint16         // 40: length of this segment
	vlanTCI    uint16         // 42
	hash       [2]uint32
	vlanOuter  uint16 // 52
	bufLen     uint16 // 54: size of the buffer
	pool       uintptr
	next       *Mbuf // 64
	txOffload  uint64
	shinfo     uintptr
	privSize   uint16
	timesync   uint16
	dynfield1  [5]uint32
	vnet       VnetHdr // 112: registered with DPDK as a dynamic field
	dynRest    uint32
}

// Offload flags used by this program (DPDK rte_mbuf_core.h).
const (
	olL4Mask       uint64 = 1<<3 | 1<<8
	olL4Good       uint64 = 1 << 8
	olOffload      uint64 = 1 << offloadBit
	olTxIPv6       uint64 = 1 << 56
	olTxIPv4       uint64 = 1 << 55
	olTxIPSum      uint64 = 1 << 54
	olTxUDPSum     uint64 = 3 << 52
	olTxTCPSum     uint64 = 1 << 52
	olTxTCPSeg     uint64 = 1 << 50
	olTxUDPSeg     uint64 = 1 << 42
	olVLANStripped uint64 = 1 << 6

	olExternal uint64 = 1 << 61
	olIndirect uint64 = 1 << 62
)

// offloadBit of the flags is ours, registered with DPDK as a dynamic flag: one of those
// that a test of a few low bits covers, and not among the first, which drivers get.
const offloadBit = 30

// Headroom is the room that a fresh mbuf has before its data, in bytes
// (RTE_PKTMBUF_HEADROOM).
const Headroom = 128

// MbufSize is the size of struct rte_mbuf in bytes.
const MbufSize = 128

// MbufOffsets gives the byte offsets of the fields that this package reads, by
// their name in struct rte_mbuf, for an implementation to compare with C's.
func MbufOffsets() map[string]uintptr {
	var m *Mbuf
	return map[string]uintptr{
		"buf_addr": unsafe.Offsetof(m.bufAddr), "data_off": unsafe.Offsetof(m.dataOff),
		"refcnt": unsafe.Offsetof(m.refcnt), "nb_segs": unsafe.Offsetof(m.nbSegs),
		"port": unsafe.Offsetof(m.port), "ol_flags": unsafe.Offsetof(m.olFlags),
		"packet_type": unsafe.Offsetof(m.packetType), "pkt_len": unsafe.Offsetof(m.pktLen),
		"data_len": unsafe.Offsetof(m.dataLen), "vlan_tci": unsafe.Offsetof(m.vlanTCI),
		"hash": unsafe.Offsetof(m.hash), "buf_len": unsafe.Offsetof(m.bufLen),
		"pool": unsafe.Offsetof(m.pool), "next": unsafe.Offsetof(m.next),
		"tx_offload": unsafe.Offsetof(m.txOffload),
	}
}

// VnetField is where DPDK must leave room for Vnet, in bytes, and which bit of
// ol_flags says that it counts: a dynamic field and a dynamic flag.
func VnetField() (offset, size, bit int) {
	var m *Mbuf
	return int(unsafe.Offsetof(m.vnet)), int(unsafe.Sizeof(m.vnet)), offloadBit
}

// Data is the first segment's data. It is valid while the caller owns m.
func (m *Mbuf) Data() []byte {
	// Slicing an array that is longer than any segment needs no check.
	return (*[math.MaxUint16]byte)(unsafe.Add(m.bufAddr, int(m.dataOff)))[:m.dataLen:m.dataLen]
}

// Start is where Data begins, for a loop that knows how much there is.
func (m *Mbuf) Start() unsafe.Pointer { return unsafe.Add(m.bufAddr, int(m.dataOff)) }

// Room is the first segment's free space behind its data.
func (m *Mbuf) Room() []byte {
	start := int(m.dataOff) + int(m.dataLen)
	return unsafe.Slice((*byte)(unsafe.Add(m.bufAddr, start)), int(m.bufLen)-start)
}

// Len is the packet's length in bytes over all its segments, without FCS.
func (m *Mbuf) Len() int { return int(m.pktLen) }

// DataLen is the length of this segment in bytes.
func (m *Mbuf) DataLen() int { return int(m.dataLen) }

// Segs is the packet's number of segments.
func (m *Mbuf) Segs() int { return int(m.nbSegs) }

// Whole reports that the packet is no longer than its first segment.
func (m *Mbuf) Whole() bool { return m.pktLen == uint32(m.dataLen) }

// Next is the segment after this one, or nil.
func (m *Mbuf) Next() *Mbuf { return m.next }

// Port is the ethdev number of the port that received the packet.
func (m *Mbuf) Port() int { return int(m.port) }

// Tailroom is the free space behind this segment's data, in bytes.
func (m *Mbuf) Tailroom() int { return int(m.bufLen) - int(m.dataOff) - int(m.dataLen) }

// HeadroomLen is the free space before this segment's data, in bytes.
func (m *Mbuf) HeadroomLen() int { return int(m.dataOff) }

// Reset makes m a single empty segment with the standard headroom and one
// reference, as rte_pktmbuf_reset does. The caller must own m alone.
func (m *Mbuf) Reset() {
	m.dataOff = min(Headroom, m.bufLen)
	m.refcnt, m.nbSegs, m.port = 1, 1, 0xffff
	m.olFlags &= olExternal | olIndirect
	m.packetType, m.pktLen, m.dataLen, m.vlanTCI, m.vlanOuter = 0, 0, 0, 0, 0
	m.next, m.txOffload = nil, 0
}

// again is Reset for a plain packet (plainOf): what is behind the first cache line need not
// be touched. It has no next segment, and what it has of tx_offload counts with flags only.
func (m *Mbuf) again() {
	m.dataOff = min(Headroom, m.bufLen)
	m.refcnt, m.nbSegs, m.port, m.olFlags = 1, 1, 0xffff, 0
	m.packetType, m.pktLen, m.dataLen, m.vlanTCI, m.vlanOuter = 0, 0, 0, 0, 0
}

// SetLen sets the length of a single-segment packet. It reports false, and
// changes nothing, when m has more segments or n does not fit the buffer.
func (m *Mbuf) SetLen(n int) bool {
	if m.nbSegs != 1 || n < 0 || n > int(m.bufLen)-int(m.dataOff) {
		return false
	}
	m.dataLen, m.pktLen = uint16(n), uint32(n)
	return true
}

// plainOf reports that m is one segment with one reference and memory of its own, from
// the pool with this number.
func (m *Mbuf) plainOf(pool uintptr) bool {
	return m.pool == pool && m.nbSegs == 1 && m.alone() && m.olFlags&(olIndirect|olExternal) == 0
}

// Filled makes the first n bytes of the buffer behind the headroom, which has as many, the
// data of m, which is fresh (Reset).
func (m *Mbuf) Filled(n int) { m.dataLen, m.pktLen = uint16(n), uint32(n) }

// Chain makes segs the further segments of m and sets the packet's length;
// lens[0] is the data length of m itself, lens[i+1] that of segs[i]. Every
// segment must be a fresh one (Reset) and each length must fit its segment.
func (m *Mbuf) Chain(segs []*Mbuf, lens []int) {
	m.dataLen, m.pktLen, m.nbSegs = uint16(lens[0]), uint32(lens[0]), uint16(len(segs)+1)
	last := m
	for i, s := range segs {
		s.dataLen = uint16(lens[i+1])
		m.pktLen += uint32(lens[i+1])
		last.next = s
		last = s
	}
	last.next = nil
}

// AddSeg makes next, which is fresh (Reset), the segment after last, the last one
// of packet m.
func (m *Mbuf) AddSeg(last, next *Mbuf) {
	last.next = next
	m.nbSegs++
}

// AddData makes the first n bytes of last.Room, which must have as many, part of
// packet m, whose last segment is last.
func (m *Mbuf) AddData(last *Mbuf, n int) {
	last.dataLen += uint16(n)
	m.pktLen += uint32(n)
}

// TrimFront removes n bytes from the front of the first segment. It reports
// false when the segment is shorter.
func (m *Mbuf) TrimFront(n int) bool {
	if n < 0 || n > int(m.dataLen) {
		return false
	}
	m.dataOff += uint16(n)
	m.dataLen -= uint16(n)
	m.pktLen -= uint32(n)
	m.shiftHeaders(-n)
	return true
}

// Prepend adds n bytes, whose content is undefined, before the data. It
// reports false when the headroom is smaller.
func (m *Mbuf) Prepend(n int) bool {
	if n < 0 || n > int(m.dataOff) {
		return false
	}
	m.dataOff -= uint16(n)
	m.dataLen += uint16(n)
	m.pktLen += uint32(n)
	m.shiftHeaders(n)
	return true
}

// Refs is the number of references to the first segment.
func (m *Mbuf) Refs() int { return int(atomic.LoadUint32(m.refWord()) >> 16) }

// AddRefs adds n references to every segment of the packet, so that it can be
// given away n times more. The caller owns at least one reference.
func (m *Mbuf) AddRefs(n int) {
	if n <= 0 {
		return
	}
	for s := m; s != nil; s = s.next {
		// data_off and refcnt share a 32-bit word; the count is the upper
		// half on a little-endian machine, and it cannot overflow: DPDK
		// bounds references by the number of ports and queues.
		atomic.AddUint32(s.refWord(), uint32(n)<<16)
	}
}

func (m *Mbuf) refWord() *uint32 { return (*uint32)(unsafe.Pointer(&m.dataOff)) }

// Shared reports that m may not be written: it has further references, or its
// data belongs to another mbuf.
func (m *Mbuf) Shared() bool {
	return !m.alone() || m.olFlags&(olIndirect|olExternal) != 0
}

// VLAN is the tag that the port stripped from the frame (TCI) and whether one
// was stripped.
func (m *Mbuf) VLAN() (tci uint16, stripped bool) {
	return m.vlanTCI, m.VLANStripped()
}

// VLANStripped reports that the port stripped a tag
// (RTE_MBUF_F_RX_VLAN_STRIPPED).
func (m *Mbuf) VLANStripped() bool { return m.olFlags&olVLANStripped != 0 }

// Ready reports that m is the frame as it is, without a tag that was stripped or
// anything left to do.
func (m *Mbuf) Ready() bool { return m.olFlags&(olVLANStripped|olOffload) == 0 }

// Own reports Ready, of a frame that lies in m's own buffer and that nobody else refers to:
// it may be written.
func (m *Mbuf) Own() bool {
	return m.olFlags&(olVLANStripped|olOffload|olIndirect|olExternal) == 0 && m.alone()
}

// MbufAt gives the mbuf at address p, which must point to a struct rte_mbuf
// outside the Go heap.
func MbufAt(p unsafe.Pointer) *Mbuf { return (*Mbuf)(p) }

// InitMbuf prepares a raw mbuf as DPDK's pool constructor does: its buffer of
// bufLen bytes at buf, owner pool. For implementations of Pool outside DPDK.
func InitMbuf(m *Mbuf, buf unsafe.Pointer, bufLen int, pool uintptr) {
	m.bufAddr, m.bufLen, m.pool = buf, uint16(bufLen), pool
	m.Reset()
}

// DropRef takes one reference from m and reports whether it was the last; a
// last reference is left at one, ready for reuse. For implementations of Pool
// outside DPDK.
func (m *Mbuf) DropRef() bool {
	if m.Refs() == 1 {
		return true
	}
	if atomic.AddUint32(m.refWord(), ^uint32(0xffff))>>16 == 0 {
		atomic.AddUint32(m.refWord(), 1<<16)
		return true
	}
	return false
}

// PoolID is the address of the pool that m came from.
func (m *Mbuf) PoolID() uintptr { return m.pool }
