package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"

	"ipvd/flows/ipvlan"
	"ipvd/perf/report"
	"ipvd/perf/traffic"
	"ipvd/pmd/dpdk"
)

// l3sEstablished compares packets that slaves send over shortcuts with others that
// are routed in l3, and with those that take the turn through the host.
func l3sEstablished(b *bench) (rows []report.Row, err error) {
	n := fileLen(ingressAddrs)
	s, err := b.newShortcuts(ingressAddrs, n)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	e, err := b.newRouted(prefixes(1 << 10))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	host, err := b.newHostPath(ingressAddrs, n, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, host.close()) }()
	r, err := b.quiet(s.forward(), e.path.variant(b.turn), host.variant(hostTurn), s.path.variant(b.turn))
	if err != nil {
		return nil, err
	}
	row := func(ref string, v int) report.Row {
		return report.New("l3s/established", ref, r.Rate(3), report.Mpps, len(r)).Against(r.Ratio(3, v))
	}
	return []report.Row{row("egress/l3-1k", 1).AtLeast(0.7).Aim("0.9"), row("l3s/host-path", 2).AtLeast(20)}, errors.Join(e.check(), s.check())
}

// l3sFlows measures packets that slaves send over shortcuts, with their addresses
// translated, for few flows and for many.
func l3sFlows(b *bench) (rows []report.Row, err error) {
	few, err := b.newShortcuts(100, fileLen(100_000))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, few.close()) }()
	many, err := b.newShortcuts(100_000, fileLen(100_000))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, many.close()) }()
	r, err := b.quiet(few.forward(), few.path.variant(b.turn), many.path.variant(b.turn))
	if err != nil {
		return nil, err
	}
	return []report.Row{
		report.New("l3s/flows-100k", "l3s/flows-100", r.Rate(2), report.Mpps, len(r)).Against(r.Ratio(2, 1)).AtLeast(0.8).Aim("0.9"),
	}, errors.Join(few.check(), many.check())
}

// shortcuts is a bed whose source is what slave 0 sends, each packet of a flow whose
// shortcut is open.
type shortcuts struct {
	*bed
	n    int // flows
	path *path
}

// newShortcuts makes n flows, from as many addresses, each of which is translated
// to another, and a file of so many packets: beds that are compared have files of
// one length.
func (b *bench) newShortcuts(n, packets int) (s *shortcuts, err error) {
	from, to := traffic.Addrs4(n), make([]netip.Addr, n)
	for i, a := range from {
		as4 := a.As4()
		as4[0] = 172
		to[i] = netip.AddrFrom4(as4)
	}
	var given, forwarded [][]byte
	for _, i := range traffic.Order(packets, n) {
		given = append(given, summed(traffic.Header{DstMAC: masterMAC, SrcMAC: masterMAC, Src: from[i], Dst: farAddr()}.UDP()))
		forwarded = append(forwarded, summed(traffic.Header{DstMAC: peerMAC, SrcMAC: masterMAC, Src: to[i], Dst: farAddr()}.UDP()))
	}
	s = &shortcuts{n: n}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%d flows: %w", n, err), s.close())
		}
	}()
	if s.bed, err = b.newBed(bedConfig{frames: given, queues: ingressSlaves, burst: 128}); err != nil {
		return s, err
	}
	m := s.newMaster(ingressSlaves, 1)
	m.Mode, m.Flows = ipvlan.L3S, ipvlan.NewFlowTable()
	m.Wire = lane{Port: s.rest, tx: s.rest.Tx()[1:]}
	m.Return = lane{Port: s.rest, tx: s.rest.Tx()[:1]}
	m.Slaves[0].Port = lane{Port: s.sink, rx: s.source.Rx(), tx: s.sink.Tx()[:1]}
	for i := range from {
		if err := addFlow(m.Flows, from[i], to[i]); err != nil {
			return s, err
		}
	}
	if err := s.open(b, m, forwarded); err != nil {
		return s, err
	}
	s.path, err = s.newPath(m)
	return s, err
}

// farAddr is whom the slaves' packets are for.
func farAddr() netip.Addr { return netip.MustParseAddr("192.0.2.1") }

// summed gives a UDP packet a checksum, so that there is one to adjust.
func summed(frame []byte) []byte {
	binary.BigEndian.PutUint16(frame[40:], 0x1234)
	return frame
}

// addFlow makes a flow from a slave's address, translated to another, known.
func addFlow(t *ipvlan.FlowTable, from, to netip.Addr) error {
	const proto = 17
	far := netip.AddrPortFrom(farAddr(), 9)
	orig := ipvlan.Tuple{Src: netip.AddrPortFrom(from, 1024), Dst: far, Proto: proto}
	reply := ipvlan.Tuple{Src: far, Dst: netip.AddrPortFrom(to, 1024), Proto: proto}
	_, err := t.Add(orig, reply, true, false)
	return err
}

// open opens the shortcuts: packets of every flow go to the host, which sends them on.
func (s *shortcuts) open(b *bench, m *ipvlan.Master, forwarded [][]byte) (err error) {
	pool, err := b.rt.NewPool(dpdk.PoolConfig{Name: "host", Size: len(forwarded) + spare, DataRoom: 128, Cache: 256, Socket: -1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	file := filepath.Join(b.dir, fmt.Sprintf("host%d.pcap", b.beds))
	if err := traffic.WriteFile(file, forwarded); err != nil {
		return err
	}
	host, err := b.rt.Attach(fmt.Sprintf("net_pcap%d_host,infinite_rx=1,rx_pcap=%s", b.beds, file), dpdk.PortOptions{Pool: pool, RxQueues: 1, TxQueues: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, host.Close()) }()
	first := *m
	first.Host = lane{Port: host, rx: host.Rx(), tx: s.rest.Tx()[:1]}
	p, err := s.newPath(&first)
	if err != nil {
		return err
	}
	defer p.st.Close()
	_, err = p.run(8 * uint64(len(forwarded))) // two passes of either file, and two to spare
	return err
}

// check wants every packet of the measured path on the wire, none through the host.
func (s *shortcuts) check() error {
	fast := uint64(0)
	for _, c := range s.path.st.Counters() {
		if c.Name == "shortcut" {
			fast = c.Value
		}
	}
	if fast < s.path.packets {
		return fmt.Errorf("%d flows: %d of %d packets took the shortcut", s.n, fast, s.path.packets)
	}
	return s.path.check()
}

func (s *shortcuts) close() error {
	if s.path != nil && s.path.st != nil {
		s.path.st.Close()
	}
	if s.bed == nil {
		return nil
	}
	return s.bed.close()
}
