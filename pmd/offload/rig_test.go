package offload_test

import (
	"encoding/binary"
	"net"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"ipvd/pmd"
	"ipvd/pmd/pmdtest"
)

var (
	macA = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	macB = net.HardwareAddr{2, 0, 0, 0, 0, 0xee}
)

// packet is a TCP or UDP packet over IPv4 or IPv6, with tags VLAN tags.
type packet struct {
	v6, udp bool
	tags    int
	port    uint16 // of the sender, 0: 1234
	id      uint16
	seq     uint32
	flags   string // of TCP: F, P, C, A
	payload []byte
}

// bytes is the packet with right lengths and checksums, and without the padding
// that gopacket gives a short frame.
func (p packet) bytes(t testing.TB) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, opts, p.layers()...); err != nil {
		t.Fatal(err)
	}
	l4 := 32
	if p.udp {
		l4 = 8
	}
	return buf.Bytes()[:p.start()+l4+len(p.payload)]
}

func (p packet) layers() []gopacket.SerializableLayer {
	typ := layers.EthernetTypeIPv4
	if p.v6 {
		typ = layers.EthernetTypeIPv6
	}
	eth := &layers.Ethernet{SrcMAC: macA, DstMAC: macB, EthernetType: typ}
	ls := []gopacket.SerializableLayer{eth}
	for i := range p.tags {
		eth.EthernetType = layers.EthernetTypeDot1Q
		tag := &layers.Dot1Q{VLANIdentifier: uint16(7 + i), Type: layers.EthernetTypeDot1Q}
		if i == p.tags-1 {
			tag.Type = typ
		}
		ls = append(ls, tag)
	}
	proto := layers.IPProtocolTCP
	if p.udp {
		proto = layers.IPProtocolUDP
	}
	var ip gopacket.NetworkLayer
	if p.v6 {
		h := &layers.IPv6{Version: 6, HopLimit: 64, FlowLabel: 0x12345, NextHeader: proto,
			SrcIP: net.ParseIP("fd00::11"), DstIP: net.ParseIP("fd00::12")}
		ip, ls = h, append(ls, h)
	} else {
		h := &layers.IPv4{Version: 4, TTL: 64, Id: p.id, Flags: layers.IPv4DontFragment, Protocol: proto,
			SrcIP: net.IPv4(10, 0, 0, 11).To4(), DstIP: net.IPv4(10, 0, 0, 12).To4()}
		ip, ls = h, append(ls, h)
	}
	return append(ls, p.transport(ip), gopacket.Payload(p.payload))
}

func (p packet) transport(ip gopacket.NetworkLayer) gopacket.SerializableLayer {
	if p.udp {
		u := &layers.UDP{SrcPort: layers.UDPPort(p.source()), DstPort: 5201}
		u.SetNetworkLayerForChecksum(ip)
		return u
	}
	has := func(c byte) bool { return indexByte(p.flags, c) }
	c := &layers.TCP{SrcPort: layers.TCPPort(p.source()), DstPort: 5201, Seq: p.seq, Ack: 99, Window: 500,
		ACK: has('A'), PSH: has('P'), FIN: has('F'), CWR: has('C'),
		Options: []layers.TCPOption{{OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: make([]byte, 8)}}}
	c.SetNetworkLayerForChecksum(ip)
	return c
}

func (p packet) source() uint16 {
	if p.port == 0 {
		return 1234
	}
	return p.port
}

func indexByte(s string, c byte) bool {
	for i := range len(s) {
		if s[i] == c {
			return true
		}
	}
	return false
}

// start is where the transport header begins, sum where its checksum lies.
func (p packet) start() int {
	n := 14 + 4*p.tags + 20
	if p.v6 {
		n += 20
	}
	return n
}

func (p packet) sum() int {
	if p.udp {
		return p.start() + 6
	}
	return p.start() + 16
}

func (p packet) gsoType() uint8 {
	switch {
	case p.udp:
		return pmd.VnetUDP
	case p.v6:
		return pmd.VnetTCPv6
	}
	return pmd.VnetTCPv4
}

// unfinished is the packet as a kernel hands it over, with the pseudo header's
// sum in place of the checksum, and its header; size 0: not to be segmented.
func (p packet) unfinished(t testing.TB, size int) ([]byte, pmd.VnetHdr) {
	t.Helper()
	b := p.bytes(t)
	pseudo := uint32(6)
	if p.udp {
		pseudo = 17
	}
	at := p.start() - 8
	if p.v6 {
		at = p.start() - 32
	}
	for ; at < p.start(); at += 2 {
		pseudo += uint32(binary.BigEndian.Uint16(b[at:]))
	}
	pseudo += uint32(len(b) - p.start())
	for pseudo > 0xffff {
		pseudo = pseudo>>16 + pseudo&0xffff
	}
	binary.BigEndian.PutUint16(b[p.sum():], uint16(pseudo))
	h := pmd.VnetHdr{Flags: pmd.VnetNeedsCsum, HdrLen: uint16(p.start() + 8),
		CsumStart: uint16(p.start()), CsumOffset: uint16(p.sum() - p.start())}
	if size > 0 {
		h.GSOType, h.GSOSize = p.gsoType(), uint16(size)
	}
	return b, h
}

// mbuf makes a packet of rt's, in segments of at most room bytes.
func mbuf(t testing.TB, rt *pmdtest.Runtime, b []byte, h pmd.VnetHdr, room int) *pmd.Mbuf {
	t.Helper()
	head := rt.Pool().Get()
	for last := head; ; {
		n := min(room, len(last.Room()), len(b))
		copy(last.Room(), b[:n])
		head.AddData(last, n)
		if b = b[n:]; len(b) == 0 {
			break
		}
		next := rt.Pool().Get()
		head.AddSeg(last, next)
		last = next
	}
	*head.Vnet() = h
	return head
}

// newVector gives a worker's vector with a stock of 8 that is topped up.
func newVector(t testing.TB, mbufs int) (*pmdtest.Runtime, *pmd.Vector) {
	t.Helper()
	rt := pmdtest.NewRuntime(t, mbufs)
	v, err := rt.NewVector(rt.Pool(), 64, 8)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rt.CloseVector(v) })
	return rt, v
}

func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8*13)
	}
	return b
}
