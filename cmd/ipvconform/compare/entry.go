// Package compare says where ipvd answered otherwise than the kernel's driver,
// and which listed difference explains it.
//
// What a step gave becomes a set of entries: frames that came in at the wire and
// at slaves, frames that reached the host's stack, frames that slaves' stacks
// sent, datagrams at sockets, the sending call's error, a command's success and the
// fields that it told, and where a scenario asks for it netfilter's counters.
// Ids of packets and IPv6 flow labels, which stacks draw at random, do not count.
package compare

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

// Kind is what an entry is.
type Kind string

// The kinds.
const (
	Arrived Kind = "arrived" // at a tap of the wire or a slave
	Reached Kind = "reached" // the host's protocol handlers
	Sent    Kind = "sent"    // by a slave's stack
	Socket  Kind = "socket"
	Failed  Kind = "failed"  // the sending call
	Status  Kind = "status"  // whether a command succeeds
	Fact    Kind = "fact"    // that a command told
	Counted Kind = "counted" // by netfilter
)

// Entry is one thing that a step gave.
type Entry struct {
	Kind  Kind
	Port  string
	Frame wire.Ethernet     // of Arrived, Reached and Sent
	TCI   int               // of a tag that was taken off, -1: none
	Data  scenario.Delivery // of Socket
	Text  string            // of Failed, Status and Counted
	Field Field             // of Fact
}

// String is the same for equal entries.
func (e Entry) String() string {
	switch e.Kind {
	case Socket:
		return fmt.Sprintf("%s socket %s:%d > %s ttl %d, %d bytes %q", e.Port, e.Data.Src, e.Data.SPort, e.Data.Dst, e.Data.TTL, e.Data.Len, e.Data.Data)
	case Failed, Status, Counted:
		return fmt.Sprintf("%s %s: %s", e.Port, e.Kind, e.Text)
	case Fact:
		return fmt.Sprintf("%s fact: %s", e.Port, e.Field)
	}
	return fmt.Sprintf("%s %s tag %d %x", e.Port, e.Kind, e.TCI, []byte(e.Frame))
}

// entries are what a step gave in a mode.
func entries(o scenario.Outcome, mode string) (all []Entry) {
	for _, f := range o.Seen {
		switch {
		case f.Port == scenario.Host || len(f.Hex) < wire.EthernetLen:
		case f.Dir == scenario.In:
			all = append(all, frameEntry(Arrived, f))
		case f.Port != o.At: // what the step itself sent is no answer
			e := frameEntry(Sent, f)
			if mode != "l2" {
				// The tap of a slave shares the frame's memory with the host,
				// which writes the MAC addresses of the next hop into it.
				e.Frame.SetDst(wire.MAC{})
				e.Frame.SetSrc(wire.MAC{})
			}
			all = append(all, e)
		}
	}
	for _, f := range o.Got {
		if f.Port == scenario.Host && len(f.Hex) >= wire.EthernetLen {
			all = append(all, frameEntry(Reached, f))
		}
	}
	for _, d := range o.UDP {
		all = append(all, Entry{Kind: Socket, Port: d.Port, Data: d})
	}
	if o.Error != "" {
		all = append(all, Entry{Kind: Failed, Port: o.At, Text: o.Error})
	}
	if o.RC != nil {
		all = append(ofCommand(all), told(o)...)
	}
	return all
}

func frameEntry(k Kind, f scenario.Frame) Entry {
	e := Entry{Kind: k, Port: f.Port, Frame: steady(f.Hex), TCI: -1}
	if f.TCI != nil {
		e.TCI = int(*f.TCI)
	}
	return e
}

// steady is a copy of a frame without what is drawn at random, and with its UDP
// checksum complete, which a stack may leave to its NIC.
func steady(frame []byte) wire.Ethernet {
	e := wire.Ethernet(bytes.Clone(frame))
	switch e.Type() {
	case wire.TypeIPv4:
		if p, ok := wire.ParseIPv4(e.Payload(), len(frame)-wire.EthernetLen); ok {
			steady4(p)
		}
	case wire.TypeIPv6:
		if p, ok := wire.ParseIPv6(e.Payload()); ok {
			unlabel(p)
			if u := p.Payload(); p.Next() == wire.ProtoUDP {
				complete(u, wire.PseudoSum6(p, wire.ProtoUDP, len(u)))
			}
		}
	}
	return e
}

// protoFragment is the fragment header (RFC 8200, section 4.5).
const protoFragment = 44

// unlabel clears a flow label and a fragment's id, and that of the packet which an ICMP error quotes.
func unlabel(p wire.IPv6) {
	p[1], p[2], p[3] = p[1]&0xf0, 0, 0
	m := p.Payload()
	if p.Next() == protoFragment && len(m) >= 8 {
		clear(m[4:8])
	}
	if p.Next() != wire.ProtoICMPv6 || len(m) < 8+wire.IPv6Len || m[0] >= 128 || m[8]>>4 != 6 {
		return
	}
	if wire.Fold(wire.Sum(m, wire.PseudoSum6(p, wire.ProtoICMPv6, len(m)))) == 0xffff { // a wrong checksum stays
		m[9], m[10], m[11], m[2], m[3] = m[9]&0xf0, 0, 0, 0, 0
	}
}

// unmark clears the id of the packet that an ICMP error quotes, and the checksums
// that hold it.
func unmark(m []byte) {
	isError := len(m) >= 8+wire.IPv4Len && (m[0] == 3 || m[0] == 5 || m[0] == 11 || m[0] == 12) && m[8]>>4 == 4
	if isError && wire.Fold(wire.Sum(m, 0)) == 0xffff {
		m[12], m[13], m[18], m[19], m[2], m[3] = 0, 0, 0, 0, 0, 0
	}
}

func steady4(p wire.IPv4) {
	if wire.Fold(wire.Sum(p[:p.HeaderLen()], 0)) == 0xffff { // a wrong checksum stays
		old := p.ID()
		p[4], p[5] = 0, 0
		binary.BigEndian.PutUint16(p[10:], wire.Update(p.Sum(), old, 0))
	}
	if p.Proto() == wire.ProtoICMP && !p.Fragment() {
		unmark(p.Payload())
	}
	if u := p.Payload(); p.Proto() == wire.ProtoUDP && !p.Fragment() {
		complete(u, wire.PseudoSum4(p, wire.ProtoUDP, len(u)))
	}
}

// complete makes the checksum of a UDP datagram that holds the sum of its pseudo
// header only.
func complete(datagram []byte, pseudo uint64) {
	if u, ok := wire.ParseUDP(datagram); ok && u.Sum() == wire.Fold(pseudo) {
		binary.BigEndian.PutUint16(datagram[6:], 0)
		binary.BigEndian.PutUint16(datagram[6:], ^wire.Fold(wire.Sum(datagram, pseudo)))
	}
}
