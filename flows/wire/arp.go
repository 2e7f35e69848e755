package wire

import "encoding/binary"

// ARPLen is the length of an ARP packet for IPv4 over Ethernet, in bytes.
const ARPLen = 28

// ARP operations (RFC 826).
const (
	ARPRequest = 1
	ARPReply   = 2
)

const (
	arpHType = 0
	arpPType = 2
	arpHLen  = 4
	arpPLen  = 5
	arpOp    = 6
	arpSHA   = 8
	arpSPA   = 14
	arpTHA   = 18
	arpTPA   = 24
)

// ARP is an ARP packet laid out for IPv4 over Ethernet (RFC 826).
type ARP []byte

// ParseARP gives the packet in b; false when fewer than ARPLen bytes are there.
// Like ipvlan (ipvlan_core.c, ipvlan_get_L3_hdr) it does not look at the
// hardware type or the address lengths: see Ethernet.
func ParseARP(b []byte) (ARP, bool) {
	if len(b) < ARPLen {
		return nil, false
	}
	return b, true
}

// Ethernet reports that the packet says of itself to be IPv4 over Ethernet.
func (a ARP) Ethernet() bool {
	return binary.BigEndian.Uint16(a[arpHType:]) == 1 && binary.BigEndian.Uint16(a[arpPType:]) == TypeIPv4 &&
		a[arpHLen] == 6 && a[arpPLen] == 4
}

// Op is the operation.
func (a ARP) Op() uint16 { return binary.BigEndian.Uint16(a[arpOp:]) }

// SenderMAC is the sender's hardware address.
func (a ARP) SenderMAC() MAC { return MAC(a[arpSHA : arpSHA+6]) }

// SenderIP is the sender's IPv4 address as a number.
func (a ARP) SenderIP() uint32 { return binary.BigEndian.Uint32(a[arpSPA:]) }

// TargetMAC is the target's hardware address.
func (a ARP) TargetMAC() MAC { return MAC(a[arpTHA : arpTHA+6]) }

// TargetIP is the target's IPv4 address as a number.
func (a ARP) TargetIP() uint32 { return binary.BigEndian.Uint32(a[arpTPA:]) }

// SetSenderMAC writes the sender's hardware address.
func (a ARP) SetSenderMAC(m MAC) { *(*MAC)(a[arpSHA:]) = m }
