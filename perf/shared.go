package main

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"time"

	"ipvd/flows"
	"ipvd/flows/ipvlan"
	"ipvd/perf/measure"
	"ipvd/perf/report"
	"ipvd/perf/traffic"
	"ipvd/pmd"
	"ipvd/pmd/dpdk"
	"ipvd/pmd/dpdk/cloop"
	"ipvd/pmd/memif"
	peerport "ipvd/pmd/peer"
	"ipvd/pmd/vhost"
)

// sharedLimit is how long two ends may take to find each other.
const sharedLimit = 20 * time.Second

// sharedKind is a kind of ports whose other end shares memory.
type sharedKind struct {
	name string
	ours func(path string) (*peerport.Port, error) // ipvd's end
	pmd  string                                    // testpmd's devargs, with the number and path to be filled in
	// other is the feeder's end.
	other func(b *bench, pool *dpdk.Pool, path string) (pmd.Port, error)
}

func memifKind() sharedKind {
	open := func(path string, server bool) (*peerport.Port, error) {
		return memif.Open(memif.Config{Path: path, Server: server, MTU: mtu})
	}
	return sharedKind{
		name: "memif",
		ours: func(path string) (*peerport.Port, error) { return open(path, true) },
		pmd:  "net_memif%d,role=server,socket-abstract=no,socket=%s",
		other: func(_ *bench, _ *dpdk.Pool, path string) (pmd.Port, error) {
			return open(path, false)
		},
	}
}

func vhostKind() sharedKind {
	return sharedKind{
		name: "vhost-user",
		ours: func(path string) (*peerport.Port, error) {
			return vhost.Open(vhost.Config{Path: path, Server: true, MTU: mtu})
		},
		pmd: "net_vhost%d,iface=%s",
		other: func(b *bench, pool *dpdk.Pool, path string) (pmd.Port, error) {
			b.beds++
			return b.rt.Attach(fmt.Sprintf("net_virtio_user%d,path=%s,queue_size=1024", b.beds, path), dpdk.PortOptions{Pool: pool})
		},
	}
}

// sharedRows compare the daemon's data path between two slaves with what testpmd does in
// its mode io over DPDK's driver of the kind: it looks at nothing and hands on from port
// to port. Both are fed alike, in turns on one thread: a ring that is shared with another
// CPU is empty or full as that CPU pleases.
func sharedRows(k sharedKind) func(b *bench) ([]report.Row, error) {
	return func(b *bench) (rows []report.Row, err error) {
		s := &shared{bench: b, kind: k}
		defer func() { err = errors.Join(err, s.close()) }()
		foreign, err := s.io()
		if err != nil {
			return nil, err
		}
		own, err := s.ipvd()
		if err != nil {
			return nil, err
		}
		r, err := b.quiet(foreign, own)
		if err != nil {
			return nil, err
		}
		return []report.Row{report.New(k.name, "testpmd's io loop", r.Rate(1), report.Mpps, len(r)).Against(r.Ratio(1, 0)).AtLeast(0.85).Aim("1.0")}, nil
	}
}

// shared is what the rows of one kind need.
type shared struct {
	*bench
	kind sharedKind
	pool *dpdk.Pool
	undo []func() error
}

func (s *shared) close() error {
	var errs []error
	for i := len(s.undo) - 1; i >= 0; i-- {
		errs = append(errs, s.undo[i]())
	}
	return errors.Join(errs...)
}

func (s *shared) later(f func() error) { s.undo = append(s.undo, f) }

// paths are the sockets of a subject's two ports.
func (s *shared) paths(subject string) [2]string {
	return [2]string{filepath.Join(s.dir, s.kind.name+subject+"0"), filepath.Join(s.dir, s.kind.name+subject+"1")}
}

// feed makes a feeder of a subject whose ports are there.
func (s *shared) feed(paths [2]string) (*feeder, error) {
	pool, err := s.rt.NewPool(dpdk.PoolConfig{Name: "feeder", Size: 8192, Cache: 256, Socket: -1})
	if err != nil {
		return nil, err
	}
	s.later(pool.Close)
	var ports [2]pmd.Port
	for i, path := range paths {
		if ports[i], err = s.kind.other(s.bench, pool, path); err != nil {
			return nil, err
		}
		s.later(ports[i].Close)
	}
	h := traffic.Header{DstMAC: masterMAC, SrcMAC: masterMAC, Src: netip.MustParseAddr(tapAddr(0)), Dst: netip.MustParseAddr(tapAddr(1))}
	f, err := s.newFeeder(pool, ports, h.UDP())
	if err != nil {
		return nil, err
	}
	s.later(f.close)
	return f, nil
}

// feederTurn is how many packets go through a subject in a turn.
const feederTurn = 1 << 17

// variant is turns of a subject, which hands on feederBurst packets when it is called.
func (f *feeder) variant(name string, subject func() error) measure.Variant {
	return measure.Variant{Name: name, Run: func() (sum measure.Sample, err error) {
		for range feederTurn / feederBurst {
			if err := f.send(); err != nil {
				return sum, fmt.Errorf("%s: %w", name, err)
			}
			t, err := measure.Turn(func() (uint64, error) { return feederBurst, subject() })
			if err == nil {
				err = f.receive()
			}
			if err != nil {
				return sum, fmt.Errorf("%s: %w", name, err)
			}
			sum.Work, sum.CPU = sum.Work+t.Work, sum.CPU+t.CPU
		}
		return sum, nil
	}}
}

// ipvd is the graph that the daemon builds for `--mode l2` of two slaves.
func (s *shared) ipvd() (v measure.Variant, err error) {
	m, err := s.master()
	if err != nil {
		return v, err
	}
	cfg := flows.Config{Runtime: s.rt, Pool: s.pool, CPUs: []int{-1}, Burst: sharedBurst}
	st, err := flows.NewStepper(cfg, func(g *flows.Graph) error { return ipvlan.Build(g, m) })
	if err != nil {
		return v, err
	}
	s.later(func() error { st.Flush(); st.Close(); return nil })
	f, err := s.feed(s.paths("ipvd"))
	if err != nil {
		return v, err
	}
	for begin := time.Now(); !m.Slaves[0].Port.Carrier() || !m.Slaves[1].Port.Carrier(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > sharedLimit {
			return v, fmt.Errorf("%s: ipvd's ports have found no peer within %v", s.kind.name, sharedLimit)
		}
	}
	return f.variant("ipvd", func() error {
		for n, empty := 0, 0; n < feederBurst; {
			got := st.Step()
			if n += got; got == 0 {
				if empty++; empty > 1000 {
					return fmt.Errorf("%d packets came, %d were sent", n, feederBurst)
				}
			}
		}
		st.Flush()
		return nil
	}), nil
}

// sharedBurst is what either takes from a ring at a time.
const sharedBurst = 64

// master has two slaves of the kind, and a wire and a host that get nothing.
func (s *shared) master() (*ipvlan.Master, error) {
	var err error
	if s.pool, err = s.rt.NewPool(dpdk.PoolConfig{Name: s.kind.name, Size: 8192, Cache: 256, Socket: -1}); err != nil {
		return nil, err
	}
	s.later(s.pool.Close)
	null, err := s.rt.Attach("net_null_"+s.kind.name+",no-rx=1", dpdk.PortOptions{Pool: s.pool, TxQueues: 2})
	if err != nil {
		return nil, err
	}
	s.later(null.Close)
	m := ipvlan.NewMaster("eth0", 1)
	m.Mode, m.MAC, m.MTU, m.Wire, m.Host = ipvlan.L2, masterMAC, mtu, null, lane{Port: null, tx: null.Tx()[1:]}
	for i, path := range s.paths("ipvd") {
		port, err := s.kind.ours(path)
		if err != nil {
			return nil, err
		}
		s.later(port.Close)
		m.Slaves = append(m.Slaves, ipvlan.NewSlave(m.Name, uint16(i+1), fmt.Sprintf("ipvl%d", i), port, mtu, 1))
		if err := m.Table.Set(netip.MustParseAddr(tapAddr(i)), uint32(i+1)); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// io is the loop in C over DPDK's driver.
func (s *shared) io() (v measure.Variant, err error) {
	paths := s.paths("io")
	pool, err := s.rt.NewPool(dpdk.PoolConfig{Name: s.kind.name + "io", Size: 8192, Cache: 256, Socket: -1})
	if err != nil {
		return v, err
	}
	s.later(pool.Close)
	var ports [2]*dpdk.Port
	for i, path := range paths {
		if ports[i], err = s.rt.Attach(fmt.Sprintf(s.kind.pmd, i, path), dpdk.PortOptions{Pool: pool}); err != nil {
			return v, err
		}
		s.later(ports[i].Close)
	}
	f, err := s.feed(paths)
	if err != nil {
		return v, err
	}
	for begin := time.Now(); !ports[0].Carrier() || !ports[1].Carrier(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > sharedLimit {
			return v, fmt.Errorf("%s: DPDK's ports have found no peer within %v", s.kind.name, sharedLimit)
		}
	}
	return f.variant("testpmd's io loop", func() error {
		_, err := received(cloop.Forward(ports[0].ID(), ports[1].ID(), sharedBurst, feederBurst), feederBurst)
		return err
	}), nil
}
