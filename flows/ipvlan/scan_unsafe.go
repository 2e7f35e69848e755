package ipvlan

import (
	"encoding/binary"
	"unsafe"

	"ipvd/pmd"
)

// leave gives packets from place i on, which read4 has read, the MAC addresses of their next
// hops and the verdict toWire, up to end, or to the first whose hop is not in the memo or
// takes no packet so long. It gives that place. Places are below sifted, and a frame that
// read4 took has its headers: neither is checked again.
func (f *forwarder) leave(pkts []*pmd.Mbuf, i, end int) int {
	hops, bytes, verdicts := &f.routes.Hop, &f.sift.bytes, &f.sift.verdicts
	known, stamp := unsafe.Pointer(&f.memo.known), f.memo.stamp
	head, tail, mbufs := f.macWord<<48, uint32(f.macWord>>16), unsafe.Pointer(unsafe.SliceData(pkts))
	for ; i < end; i++ {
		number := *at(hops, i)
		k := (*memory)(unsafe.Add(known, uintptr(number%memos)*unsafe.Sizeof(memory{})))
		if k.stamp != stamp|uint64(number) || *at(bytes, i) > k.longest {
			break
		}
		b := (*[plainLen]byte)((*(**pmd.Mbuf)(unsafe.Add(mbufs, i*int(unsafe.Sizeof(mbufs))))).Start())
		binary.LittleEndian.PutUint64(b[:], k.mac|head)
		binary.LittleEndian.PutUint32(b[8:], tail)
		*at(verdicts, i) = toWire
	}
	return i
}
