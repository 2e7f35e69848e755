package route

import (
	"encoding/binary"
	"net/netip"
)

// pair is an IPv6 address as two numbers; an IPv4 address is lo.
type pair struct{ hi, lo uint64 }

func (p pair) addr6() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], p.hi)
	binary.BigEndian.PutUint64(b[8:], p.lo)
	return netip.AddrFrom16(b)
}

func addr4(a uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], a)
	return netip.AddrFrom4(b)
}

func number4(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func number6(a netip.Addr) pair {
	b := a.As16()
	return pair{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func mask4(bits int) uint32 { return uint32(^uint64(0) << (32 - bits)) }

func mask6(bits int) pair {
	if bits <= 64 {
		return pair{^uint64(0) << (64 - bits), 0}
	}
	return pair{^uint64(0), ^uint64(0) << (128 - bits)}
}
