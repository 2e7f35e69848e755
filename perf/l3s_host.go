package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"

	"ipvd/flows/ipvlan"
	"ipvd/perf/measure"
	"ipvd/perf/report"
	"ipvd/perf/traffic"
	"ipvd/pmd/tap"
)

// l3sSetup lets every packet be the first of its flow.
func l3sSetup(b *bench) (rows []report.Row, err error) {
	const flows = 1 << 14
	table := ipvlan.NewFlowTable()
	for i, a := range traffic.Addrs4(1000) {
		if err := addFlow(table, netip.AddrFrom4([4]byte{11, 0, byte(i >> 8), byte(i)}), a); err != nil {
			return nil, err
		}
	}
	var variants []*hostPath
	for _, t := range []*ipvlan.FlowTable{nil, table} {
		p, err := b.newHostPath(flows, flows, t)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, p.close()) }()
		p.forget = true
		variants = append(variants, p)
	}
	r, err := measure.Interleave(b.rounds, variants[0].variant(flows/2), variants[1].variant(flows/2))
	if err != nil {
		return nil, err
	}
	return []report.Row{report.New("l3s/setup", "host path", r.Rate(1), report.Mpps, len(r)).Against(r.Ratio(1, 0)).AtLeast(0.8).Aim("0.95")}, nil
}

// hostTurn is how many packets the host forwards in a turn.
const hostTurn = 1 << 14

// hostPath is a bed whose source is what slave 0 sends, and a host in a namespace of
// its own that forwards it, and tracks its connections.
type hostPath struct {
	*bed
	ns     string
	forget bool // the host forgets all flows before a turn
	taps   [2]*tap.Port
	listen *exec.Cmd // hears what connection tracking tells
	path   *path
	undo   []func() error
}

// newHostPath makes a bed with n addresses and a file of so many packets; table is
// the flows that are looked for, nil for none.
func (b *bench) newHostPath(n, packets int, table *ipvlan.FlowTable) (p *hostPath, err error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("network namespaces need root: %w", errAbsent)
	}
	b.beds++
	p = &hostPath{ns: fmt.Sprintf("perf%d-l3s%d", os.Getpid(), b.beds)}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("host path: %w", err), p.close())
		}
	}()
	var frames [][]byte
	from := traffic.Addrs4(n)
	for _, i := range traffic.Order(packets, n) {
		frames = append(frames, traffic.Header{DstMAC: masterMAC, SrcMAC: masterMAC, Src: from[i], Dst: farAddr()}.UDP())
	}
	if p.bed, err = b.newBed(bedConfig{frames: frames, queues: ingressSlaves, burst: 128}); err != nil {
		return p, err
	}
	if err := p.setUp(b); err != nil {
		return p, err
	}
	m := p.newMaster(ingressSlaves, 1)
	m.Mode, m.Flows = ipvlan.L3S, table
	m.Host, m.Return = p.taps[0], p.taps[1]
	copy(m.ReturnMAC[:], p.taps[1].Info().MAC)
	m.Wire = lane{Port: p.rest, tx: p.rest.Tx()[1:]}
	m.Slaves[0].Port = lane{Port: p.sink, rx: p.source.Rx(), tx: p.sink.Tx()[:1]}
	if table != nil {
		p.listen = exec.Command("ip", "netns", "exec", p.ns, "conntrack", "-E", "-e", "UPDATES,DESTROY")
		if err := p.listen.Start(); err != nil {
			return p, err
		}
	}
	p.path, err = p.newPath(m)
	return p, err
}

// setUp makes the host as ipvd does in l3s, with a rule that tracks connections.
func (p *hostPath) setUp(b *bench) error {
	if _, err := command("ip", "netns", "add", p.ns); err != nil {
		return err
	}
	p.undo = append(p.undo, b.cleanup.add(func() error {
		_, err := command("ip", "netns", "del", p.ns)
		return err
	}))
	err := inside(p.ns, func() error {
		for i, name := range []string{"m0", "ret"} {
			cfg := tap.Config{Name: name, MTU: mtu}
			if i == 0 {
				cfg.MAC = masterMAC[:]
			}
			var err error
			if p.taps[i], err = tap.Open(cfg); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err,
		in(p.ns, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.netfilter.nf_conntrack_udp_timeout=600"),
		in(p.ns, "ip", "addr", "add", "192.0.2.254/24", "dev", "m0"),
		in(p.ns, "ip", "link", "set", "m0", "up"),
		in(p.ns, "ip", "neigh", "add", farAddr().String(), "lladdr", net.HardwareAddr(peerMAC[:]).String(), "dev", "m0"),
		in(p.ns, "ip", "link", "set", "ret", "arp", "off", "up"),
		in(p.ns, "ip", "route", "add", "10.0.0.0/8", "dev", "ret"),
		in(p.ns, "iptables-nft", "-A", "FORWARD", "-m", "conntrack", "--ctstate", "NEW,ESTABLISHED", "-j", "ACCEPT"))
}

// variant is turns in which the host sends so many packets to the wire.
func (p *hostPath) variant(packets uint64) measure.Variant {
	return measure.Variant{Name: "host path", Run: func() (measure.Sample, error) {
		if p.forget {
			if err := in(p.ns, "conntrack", "-F"); err != nil {
				return measure.Sample{}, err
			}
		}
		return measure.Turn(func() (uint64, error) { return p.run(packets) })
	}}
}

func (p *hostPath) run(packets uint64) (done uint64, err error) {
	wire := p.rest.Tx()[1]
	before := wire.Stats().Packets
	for steps := uint64(0); done < packets; steps++ {
		if steps > packets {
			return done, fmt.Errorf("the host has sent on %d of %d packets", done, packets)
		}
		p.path.st.Step()
		done = wire.Stats().Packets - before
	}
	p.path.st.Flush()
	return wire.Stats().Packets - before, nil
}

func (p *hostPath) close() error {
	var errs []error
	if p.listen != nil && p.listen.Process != nil {
		p.listen.Process.Kill()
		p.listen.Wait() // it was killed
	}
	if p.path != nil && p.path.st != nil {
		p.path.st.Close()
	}
	for _, t := range p.taps {
		if t != nil {
			errs = append(errs, t.Close())
		}
	}
	if p.bed != nil {
		errs = append(errs, p.bed.close())
	}
	for _, undo := range p.undo {
		errs = append(errs, undo())
	}
	return errors.Join(errs...)
}
