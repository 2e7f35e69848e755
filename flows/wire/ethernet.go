package wire

import "encoding/binary"

// Values of the Ethernet type field (IEEE 802 numbers).
const (
	TypeIPv4  = 0x0800
	TypeARP   = 0x0806
	TypeVLAN  = 0x8100 // IEEE 802.1Q customer tag
	TypeQinQ  = 0x88a8 // IEEE 802.1ad service tag
	TypeIPv6  = 0x86dd
	TypePause = 0x8808 // IEEE 802.3 MAC control
)

// EthernetLen and VLANLen are the lengths of an untagged Ethernet header and of
// a tag, in bytes.
const (
	EthernetLen = 14
	VLANLen     = 4
)

const (
	etherDst  = 0
	etherSrc  = 6
	etherType = 12
	vlanTCI   = 14 // of a tagged frame
	vlanType  = 16
)

// MAC is an Ethernet address.
type MAC [6]byte

// Group reports the group bit: m is broadcast or multicast.
func (m MAC) Group() bool { return m[0]&1 != 0 }

// Broadcast is the address of all stations.
func Broadcast() MAC { return MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff} }

// Ethernet is a frame from its destination address on.
type Ethernet []byte

// ParseEthernet gives the frame in b; false when it is shorter than a header.
func ParseEthernet(b []byte) (Ethernet, bool) {
	if len(b) < EthernetLen {
		return nil, false
	}
	return b, true
}

// Dst is the destination address.
func (e Ethernet) Dst() MAC { return MAC(e[etherDst : etherDst+6]) }

// Src is the source address.
func (e Ethernet) Src() MAC { return MAC(e[etherSrc : etherSrc+6]) }

// Type is the type or length field; TypeVLAN in a tagged frame.
func (e Ethernet) Type() uint16 { return binary.BigEndian.Uint16(e[etherType:]) }

// Group reports that the destination is a group address.
func (e Ethernet) Group() bool { return e[etherDst]&1 != 0 }

// Payload is what follows an untagged header.
func (e Ethernet) Payload() []byte { return e[EthernetLen:] }

// SetDst writes the destination address.
func (e Ethernet) SetDst(m MAC) { *(*MAC)(e[etherDst:]) = m }

// SetSrc writes the source address.
func (e Ethernet) SetSrc(m MAC) { *(*MAC)(e[etherSrc:]) = m }

// SetType writes the type field.
func (e Ethernet) SetType(t uint16) { binary.BigEndian.PutUint16(e[etherType:], t) }

// VLAN is a frame that bears a tag.
type VLAN []byte

// ParseVLAN gives the tagged frame in b; false when b is too short or not
// tagged.
func ParseVLAN(b []byte) (VLAN, bool) {
	if len(b) < EthernetLen+VLANLen {
		return nil, false
	}
	t := binary.BigEndian.Uint16(b[etherType:])
	return b, t == TypeVLAN || t == TypeQinQ
}

// TCI is the tag: priority, drop eligibility and VLAN id.
func (v VLAN) TCI() uint16 { return binary.BigEndian.Uint16(v[vlanTCI:]) }

// ID is the VLAN id; 0 means that the tag carries a priority only.
func (v VLAN) ID() uint16 { return v.TCI() & 0xfff }

// Type is the type field behind the tag.
func (v VLAN) Type() uint16 { return binary.BigEndian.Uint16(v[vlanType:]) }

// MoveAddrs copies both addresses behind the tag, so that the frame without the
// tag starts VLANLen bytes further on.
func (v VLAN) MoveAddrs() { copy(v[VLANLen:], v[:etherType]) }

// InsertTag makes b, whose first VLANLen bytes are free and precede an untagged
// frame, a frame with a customer tag of value tci; false when b is too short.
func InsertTag(b []byte, tci uint16) bool {
	if len(b) < EthernetLen+VLANLen {
		return false
	}
	copy(b, b[VLANLen:VLANLen+etherType])
	binary.BigEndian.PutUint16(b[etherType:], TypeVLAN)
	binary.BigEndian.PutUint16(b[vlanTCI:], tci)
	return true
}
