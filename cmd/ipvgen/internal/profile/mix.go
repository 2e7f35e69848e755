package profile

import (
	"fmt"
	"slices"
	"strings"

	"ipvd/flows/wire"
)

// kind is a kind of packet.
type kind uint8

const (
	udp4 kind = iota
	udp6
	tcp4
	tcp6
	arp       // a broadcast request for the next destination
	broadcast // UDP to 255.255.255.255
)

// kindNames are the kinds as a user writes them.
func kindNames() []string { return []string{"udp4", "udp6", "tcp4", "tcp6", "arp", "broadcast"} }

func (k kind) String() string { return kindNames()[k] }

// ipv6 says which family's addresses the kind bears.
func (k kind) ipv6() bool { return k == udp6 || k == tcp6 }

func (k kind) tcp() bool { return k == tcp4 || k == tcp6 }

// headers is the length of the kind's headers in bytes.
func (k kind) headers() int {
	if k == arp {
		return wire.EthernetLen + wire.ARPLen
	}
	n := wire.EthernetLen + wire.IPv4Len + wire.UDPLen
	if k.ipv6() {
		n += wire.IPv6Len - wire.IPv4Len
	}
	if k.tcp() {
		n += wire.TCPLen - wire.UDPLen
	}
	return n
}

// least is the kind's smallest frame, FCS included: with a stamp it may be more
// than Ethernet's.
func (k kind) least() int { return max(MinSize, k.headers()+StampLen+FCSLen) }

// Mix is which kinds of packets a load has, and how often each.
type Mix struct {
	items []mixItem
	text  string
}

type mixItem struct {
	kind   kind
	weight int
}

// ParseMix reads kinds with weights separated by commas, as in
// `udp4:7,tcp6:2,arp`. The kinds are udp4, udp6, tcp4, tcp6, arp (requests) and
// broadcast.
func ParseMix(text string) (Mix, error) {
	m := Mix{text: text}
	for item := range strings.SplitSeq(text, ",") {
		name, weight, err := cutWeight(item)
		if err != nil {
			return Mix{}, fmt.Errorf("mix %q: %w", text, err)
		}
		k := slices.Index(kindNames(), name)
		if k < 0 {
			return Mix{}, fmt.Errorf("mix %q: %q is no kind of packet: want %s", text, name, strings.Join(kindNames(), ", "))
		}
		m.items = append(m.items, mixItem{kind(k), weight})
	}
	return m, nil
}

// String is the text that the mix was read from.
func (m Mix) String() string { return m.text }
