package main

import (
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// isUDP says that m is an untagged IPv4 or IPv6 packet with a UDP header.
func isUDP(m *pmd.Mbuf) bool {
	eth, ok := wire.ParseEthernet(m.Data())
	if !ok {
		return false
	}
	switch eth.Type() {
	case wire.TypeIPv4:
		ip, ok := wire.ParseIPv4(eth.Payload(), m.Len()-wire.EthernetLen)
		return ok && ip.Proto() == wire.ProtoUDP && ip.FragmentOffset() == 0
	case wire.TypeIPv6:
		ip, ok := wire.ParseIPv6(eth.Payload())
		if !ok {
			return false
		}
		proto, _, ok := ip.Upper()
		return ok && proto == wire.ProtoUDP
	}
	return false
}
