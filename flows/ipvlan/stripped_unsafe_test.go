package ipvlan

import (
	"unsafe"

	"ipvd/pmd"
)

// strip marks m as received with a tag that the NIC took off
// (RTE_MBUF_F_RX_VLAN_STRIPPED).
func strip(m *pmd.Mbuf, tci uint16) {
	off := pmd.MbufOffsets()
	*(*uint64)(unsafe.Add(unsafe.Pointer(m), off["ol_flags"])) |= 1 << 6
	*(*uint16)(unsafe.Add(unsafe.Pointer(m), off["vlan_tci"])) = tci
}
