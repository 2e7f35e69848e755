package compare

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

// ofCommand are the entries of a step that ran a command. Programs draw numbers of
// their own and take their time, so that frames that differ in such numbers only
// are one, and one that comes again counts once.
func ofCommand(all []Entry) (kept []Entry) {
	seen := map[string]bool{}
	for _, e := range all {
		switch e.Kind {
		case Arrived, Reached, Sent:
			e.Frame = withoutDrawn(e.Frame)
			if seen[e.String()] {
				continue
			}
			seen[e.String()] = true
		}
		kept = append(kept, e)
	}
	return kept
}

// told are the entries of what a command told, and of its success.
func told(o scenario.Outcome) (all []Entry) {
	if o.RC == nil {
		return nil
	}
	ok := *o.RC == 0
	text := "fails"
	if ok {
		text = "succeeds"
	}
	all = append(all, Entry{Kind: Status, Port: o.At, Text: text})
	for _, f := range fields(o.Out, ok) {
		all = append(all, Entry{Kind: Fact, Port: o.At, Field: f})
	}
	return all
}

// firstDrawn is the first port that stacks draw for themselves
// (Documentation/networking/ip-sysctl.rst, ip_local_port_range).
const firstDrawn = 32768

// withoutDrawn is a frame without what a program or its stack draws: the id and
// data of an echo, ports, and of a TCP segment all but whether it opens or resets a
// connection. The checksums that hold them are zero.
func withoutDrawn(e wire.Ethernet) wire.Ethernet {
	proto, payload := upper4or6(e)
	switch {
	case proto == protoFragment:
		clear(payload)
	case proto == wire.ProtoICMP && len(payload) >= 8:
		echo(payload, payload[0] == 8 || payload[0] == 0)
	case proto == wire.ProtoICMPv6 && len(payload) >= 8:
		echo(payload, payload[0] == 128 || payload[0] == 129)
	case proto == wire.ProtoTCP && len(payload) >= 20:
		const opens = 0x06 // SYN and RST (RFC 9293, section 3.1)
		ports(payload)
		flags := payload[13] & opens
		clear(payload[4:])
		payload[13] = flags
		return e[:len(e)-len(payload)+14]
	case proto == wire.ProtoUDP && len(payload) >= wire.UDPLen && ports(payload):
		clear(payload[6:8])
	}
	return e
}

// upper4or6 gives the protocol and payload of an IP packet, whose length is cleared
// when it is TCP's, since segments are cut as devices let them. A fragment's payload
// has the protocol protoFragment.
func upper4or6(e wire.Ethernet) (proto uint8, payload []byte) {
	switch e.Type() {
	case wire.TypeIPv4:
		p, ok := wire.ParseIPv4(e.Payload(), len(e)-wire.EthernetLen)
		if !ok {
			return 0, nil
		}
		if proto, payload = p.Proto(), p.Payload(); p.Fragment() {
			return protoFragment, payload
		}
		if proto == wire.ProtoTCP {
			clear(p[2:4])
			clear(p[10:12])
		}
	case wire.TypeIPv6:
		p, ok := wire.ParseIPv6(e.Payload())
		if !ok {
			return 0, nil
		}
		if proto, payload = p.Next(), p.Payload(); proto == protoFragment && len(payload) >= 8 {
			return proto, payload[8:]
		}
		if proto == wire.ProtoTCP {
			clear(p[4:6])
		}
	}
	return proto, payload
}

// echo clears the id, checksum and data of an echo, and of an ICMP error what it
// quotes.
func echo(m []byte, is bool) {
	clear(m[2:6])
	if is || m[0] < 128 && m[0] != 10 && m[0] != 9 {
		clear(m[8:])
	}
}

// ports clears ports that were drawn, and reports that there were some.
func ports(segment []byte) (any bool) {
	for i := 0; i < 4; i += 2 {
		if binary.BigEndian.Uint16(segment[i:]) >= firstDrawn {
			clear(segment[i : i+2])
			any = true
		}
	}
	return any
}

// counted are the entries of netfilter's counters, one for each packet.
func counted(o scenario.Outcome) (all []Entry) {
	for _, port := range sortedKeys(o.Delta) {
		for _, name := range sortedKeys(o.Delta[port]) {
			if !strings.HasPrefix(name, "ipt") && name != conntracked {
				continue
			}
			n := o.Delta[port][name]
			text := name
			if n < 0 {
				n, text = -n, "less "+name
			}
			for range min(n, mostCounted) {
				all = append(all, Entry{Kind: Counted, Port: port, Text: text})
			}
		}
	}
	return all
}

const (
	conntracked = "conntrack" // connections
	// mostCounted bounds the entries of a flood.
	mostCounted = 1000
)

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// String is what a field says.
func (f Field) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Of, f.Name, f.Value))
}
