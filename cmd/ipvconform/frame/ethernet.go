// Package frame builds Ethernet frames, right and wrong ones, of addresses
// written as text. A text that is no address gives zeros: the scenarios' own
// constants are the only callers, and their test reads every frame.
package frame

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
)

// Ethertypes.
const (
	TypeIPv4 = 0x0800
	TypeARP  = 0x0806
	TypeRARP = 0x8035
	TypeVLAN = 0x8100
	TypeIPv6 = 0x86dd
	TypeQinQ = 0x88a8
)

// Ether is a frame; the parts of its payload are joined.
func Ether(dst, src string, typ uint16, payload ...[]byte) []byte {
	b := append(mac(dst), mac(src)...)
	b = binary.BigEndian.AppendUint16(b, typ)
	return append(b, bytes.Join(payload, nil)...)
}

// Tagged puts a tag into a frame: protocol 0x8100 or 0x88a8, and control
// information, that is priority and VLAN id.
func Tagged(frame []byte, protocol, tci uint16) []byte {
	b := bytes.Clone(frame[:12])
	b = binary.BigEndian.AppendUint16(b, protocol)
	b = binary.BigEndian.AppendUint16(b, tci)
	return append(b, frame[12:]...)
}

// ARP is an ARP or RARP packet (RFC 826).
func ARP(op uint16, sha, spa, tha, tpa string) []byte {
	b := []byte{0, 1, 8, 0, 6, 4}
	b = binary.BigEndian.AppendUint16(b, op)
	return bytes.Join([][]byte{b, mac(sha), addr(spa), mac(tha), addr(tpa)}, nil)
}

// GroupMAC is the MAC address of an IP multicast group (RFC 1112, section 6.4;
// RFC 2464, section 7).
func GroupMAC(group string) string {
	a := addr(group)
	if len(a) == 4 {
		return net.HardwareAddr{1, 0, 0x5e, a[1] & 0x7f, a[2], a[3]}.String()
	}
	return net.HardwareAddr{0x33, 0x33, a[12], a[13], a[14], a[15]}.String()
}

func mac(s string) []byte {
	m, err := net.ParseMAC(s)
	if err != nil {
		return make([]byte, 6)
	}
	return m
}

func addr(s string) []byte {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return make([]byte, 4)
	}
	return a.AsSlice()
}
