package offload

import (
	"encoding/binary"

	"ipvd/pmd"
)

// Hand makes m, which the caller may write, one that a NIC finishes: flags and
// lengths as DPDK has them in place of the virtio-net header. It gives false,
// and m is as it was, when no NIC can: the checksum is not that of TCP or UDP
// directly over IP. o is what the NIC can do.
func Hand(m *pmd.Mbuf, o pmd.Offloads) bool {
	h, b := m.Vnet(), m.Data()
	p, ok := parse(b)
	if !ok || int(h.CsumStart) != p.transport() || int(h.CsumStart)+int(h.CsumOffset) != p.sum() {
		return false
	}
	size := 0
	if h.GSOType != 0 {
		size = int(h.GSOSize)
		// The pseudo header's sum without the length, which differs from segment
		// to segment (rte_ip.h, rte_ipv4_phdr_cksum).
		field := b[p.sum():]
		acc := word(int(binary.BigEndian.Uint16(field))) + word(^(m.Len() - p.transport()))
		binary.BigEndian.PutUint16(field, fold(acc))
	}
	m.SetTxOffload(p.l2, p.l3, p.l4, size, p.v6, p.udp, o&pmd.HeaderSum != 0)
	return true
}
