package conntrack

import (
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
	"github.com/ti-mo/conntrack"
	"github.com/ti-mo/netfilter"
	"golang.org/x/sys/unix"

	"ipvd/flows/ipvlan"
)

// tcpEstablished is TCP_CONNTRACK_ESTABLISHED (linux/netfilter/nf_conntrack_tcp.h).
const tcpEstablished = 3

// kept are flows that the kernel itself sends past netfilter, or will not keep.
const kept = conntrack.StatusDying | conntrack.StatusTemplate | conntrack.StatusUntracked | conntrack.StatusOffload |
	conntrack.StatusSeqAdjust | conntrack.StatusHelper

// flow reads a message of connection tracking. One that cannot be read is as good as
// lost.
func (t *Tracker) flow(m netlink.Message) (Event, bool) {
	var e conntrack.Event
	if err := e.Unmarshal(m); err != nil {
		return Event{Kind: Lost}, true
	}
	if e.Flow == nil {
		return Event{}, false
	}
	f, ok := flowOf(e.Flow, e.Flow.ProtoInfo.TCP)
	switch e.Type {
	case conntrack.EventUpdate:
		return Event{Kind: Updated, Flow: f}, ok
	case conntrack.EventDestroy:
		return Event{Kind: Destroyed, Flow: f}, true
	}
	return Event{}, false
}

// flowOf is a flow of TCP or UDP; others are of no interest. An update of TCP that
// says nothing of its state is none of the state.
func flowOf(f *conntrack.Flow, tcp *conntrack.ProtoInfoTCP) (Flow, bool) {
	proto := f.TupleOrig.Proto.Protocol
	flow := Flow{ID: f.ID, Orig: tuple(f.TupleOrig), Reply: tuple(f.TupleReply),
		Packets: [2]uint64{f.CountersOrig.Packets, f.CountersReply.Packets}, Bytes: [2]uint64{f.CountersOrig.Bytes, f.CountersReply.Bytes}}
	if proto != unix.IPPROTO_TCP && proto != unix.IPPROTO_UDP || proto == unix.IPPROTO_TCP && tcp == nil {
		return flow, false
	}
	flow.Established = f.Status.Confirmed() && f.Status.SeenReply() && f.Status&kept == 0 && f.Helper.Name == "" && f.Zone == 0
	if tcp != nil {
		flow.Established = flow.Established && f.Status.Assured() && tcp.State == tcpEstablished
	}
	return flow, true
}

func tuple(t conntrack.Tuple) ipvlan.Tuple {
	return ipvlan.Tuple{Src: netip.AddrPortFrom(t.IP.SourceAddress, t.Proto.SourcePort),
		Dst: netip.AddrPortFrom(t.IP.DestinationAddress, t.Proto.DestinationPort), Proto: t.Proto.Protocol}
}

// List gives all flows of TCP and UDP that the kernel knows.
func (t *Tracker) List() ([]Flow, error) {
	all, err := t.ask.Dump(nil)
	if err != nil {
		return nil, fmt.Errorf("connection tracking: list flows: %w", err)
	}
	flows := make([]Flow, 0, len(all))
	for i := range all {
		if f, ok := flowOf(&all[i], all[i].ProtoInfo.TCP); ok {
			flows = append(flows, f)
		}
	}
	return flows, nil
}

// Attributes of a request that changes a TCP connection
// (linux/netfilter/nfnetlink_conntrack.h).
const (
	ctaTupleOrig  = 1
	ctaProtoInfo  = 4
	ctaTupleIP    = 1
	ctaTupleProto = 2
	ctaTCP        = 1
	ctaTCPFlags   = 4 // of the original direction; the next is the reply's
	// beLiberal is IP_CT_TCP_FLAG_BE_LIBERAL, and the same again as the mask.
	beLiberal = 0x0808
)

// BeLiberal makes the kernel take a TCP connection's packets whatever their sequence
// numbers: it will not see those that leave out the turn through the host. The
// connection's state is left alone, which may have changed by now.
func (t *Tracker) BeLiberal(orig ipvlan.Tuple) error {
	family := netfilter.ProtoIPv4
	if orig.Src.Addr().Is6() {
		family = netfilter.ProtoIPv6
	}
	flags := func(kind uint16) netfilter.Attribute {
		return netfilter.Attribute{Type: kind, Data: netfilter.Uint16Bytes(beLiberal)}
	}
	req, err := netfilter.MarshalNetlink(netfilter.Header{SubsystemID: netfilter.NFSubsysCTNetlink, Family: family,
		Flags: netlink.Request | netlink.Acknowledge},
		[]netfilter.Attribute{tupleAttribute(orig),
			nested(ctaProtoInfo, nested(ctaTCP, flags(ctaTCPFlags), flags(ctaTCPFlags+1)))})
	if err == nil {
		_, err = t.change.Query(req)
	}
	if err != nil {
		return fmt.Errorf("connection tracking: let TCP %v - %v do without a window: %w", orig.Src, orig.Dst, err)
	}
	return nil
}

func nested(kind uint16, children ...netfilter.Attribute) netfilter.Attribute {
	return netfilter.Attribute{Type: kind, Nested: true, Children: children}
}

// tupleAttribute names a flow by its original direction.
func tupleAttribute(t ipvlan.Tuple) netfilter.Attribute {
	first := uint16(1) // CTA_IP_V4_SRC, and CTA_IP_V4_DST behind it
	if t.Src.Addr().Is6() {
		first = 3
	}
	return nested(ctaTupleOrig,
		nested(ctaTupleIP, netfilter.Attribute{Type: first, Data: t.Src.Addr().AsSlice()},
			netfilter.Attribute{Type: first + 1, Data: t.Dst.Addr().AsSlice()}),
		nested(ctaTupleProto, netfilter.Attribute{Type: 1, Data: []byte{t.Proto}},
			netfilter.Attribute{Type: 2, Data: netfilter.Uint16Bytes(t.Src.Port())},
			netfilter.Attribute{Type: 3, Data: netfilter.Uint16Bytes(t.Dst.Port())}))
}
