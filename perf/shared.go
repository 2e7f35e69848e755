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
	pmd  string                                // testpmd's devargs, with the number and path to be filled in
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

// sharedRows compare the daemon's data path between two slaves with testpmd, which looks
// at nothing and hands on from port to port, each over ports of its own whose other
// ends are driven alike.
func sharedRows(k sharedKind) func(b *bench) ([]report.Row, error) {
	return func(b *bench) (rows []report.Row, err error) {
		if len(b.cpus) < 2 {
			return nil, fmt.Errorf("%s: one CPU for two sides: %w", k.name, errAbsent)
		}
		s := &shared{bench: b, kind: k}
		defer func() { err = errors.Join(err, s.close()) }()
		own, err := s.ipvd()
		if err != nil {
			return nil, err
		}
		foreign, err := s.testpmd()
		if err != nil {
			return nil, err
		}
		r, err := measure.Interleave(b.rounds, foreign, own)
		if err != nil {
			return nil, err
		}
		return []report.Row{report.New(k.name, "testpmd io", r.Rate(1), report.Mpps, len(r)).Against(r.Ratio(1, 0)).AtLeast(0.85).Aim("1.0")}, nil
	}
}

// shared is what the rows of one kind need.
type shared struct {
	*bench
	kind sharedKind
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
	pool, err := s.rt.NewPool(dpdk.PoolConfig{Name: "feeder", Size: 16384, Cache: 2 * feederBurst, Socket: -1})
	if err != nil {
		return nil, err
	}
	s.later(pool.Close)
	var ports [2]pmd.Port
	for i, path := range paths {
		for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
			if ports[i], err = s.kind.other(s.bench, pool, path); err == nil || time.Since(begin) > sharedLimit {
				break
			}
		}
		if err != nil {
			return nil, err
		}
		s.later(ports[i].Close)
	}
	h := traffic.Header{DstMAC: masterMAC, SrcMAC: masterMAC, Src: netip.MustParseAddr(tapAddr(0)), Dst: netip.MustParseAddr(tapAddr(1))}
	f, err := s.startFeeder(pool, ports, h.UDP(), s.cpus[0])
	if err != nil {
		return nil, err
	}
	s.later(f.stop)
	return f, nil
}

// ipvd is turns of the graph that the daemon builds for `--mode l2` of two slaves, on
// the bench's thread.
func (s *shared) ipvd() (v measure.Variant, err error) {
	paths := s.paths("ipvd")
	pool, err := s.rt.NewPool(dpdk.PoolConfig{Name: s.kind.name, Size: 8192, Cache: 256, Socket: -1})
	if err != nil {
		return v, err
	}
	s.later(pool.Close)
	null, err := s.rt.Attach("net_null_"+s.kind.name+",no-rx=1", dpdk.PortOptions{Pool: pool, TxQueues: 2})
	if err != nil {
		return v, err
	}
	s.later(null.Close)
	m := ipvlan.NewMaster("eth0", 1)
	m.Mode, m.MAC, m.MTU, m.Wire, m.Host = ipvlan.L2, masterMAC, mtu, null, lane{Port: null, tx: null.Tx()[1:]}
	var ports [2]*peerport.Port
	for i, path := range paths {
		if ports[i], err = s.kind.ours(path); err != nil {
			return v, err
		}
		s.later(ports[i].Close)
		m.Slaves = append(m.Slaves, ipvlan.NewSlave(m.Name, uint16(i+1), fmt.Sprintf("ipvl%d", i), ports[i], mtu, 1))
		if err := m.Table.Set(netip.MustParseAddr(tapAddr(i)), uint32(i+1)); err != nil {
			return v, err
		}
	}
	cfg := flows.Config{Runtime: s.rt, Pool: pool, CPUs: []int{-1}, Burst: 64}
	st, err := flows.NewStepper(cfg, func(g *flows.Graph) error { return ipvlan.Build(g, m) })
	if err != nil {
		return v, err
	}
	s.later(func() error { st.Flush(); st.Close(); return nil })
	f, err := s.feed(paths)
	if err != nil {
		return v, err
	}
	for begin := time.Now(); !ports[0].Carrier() || !ports[1].Carrier(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > sharedLimit {
			return v, fmt.Errorf("%s: ipvd's ports have found no peer within %v", s.kind.name, sharedLimit)
		}
	}
	return measure.Variant{Name: "ipvd", Run: func() (measure.Sample, error) {
		return f.turn(func() (time.Duration, error) {
			t, err := measure.Turn(func() (uint64, error) {
				for end := time.Now().Add(turnTime); time.Now().Before(end); {
					for range 100 {
						st.Step()
					}
				}
				return 0, nil
			})
			return t.CPU, err
		})
	}}, nil
}

// turn lets a subject run, and counts what it has handed on meanwhile.
func (f *feeder) turn(run func() (time.Duration, error)) (s measure.Sample, err error) {
	f.on.Store(true)
	defer f.on.Store(false)
	before := f.received()
	cpu, err := run()
	s = measure.Sample{Work: f.received() - before, CPU: cpu}
	if err == nil && s.Work == 0 {
		err = errors.New("no packet was handed on")
	}
	return s, err
}

// testpmd is turns of DPDK's own program.
func (s *shared) testpmd() (v measure.Variant, err error) {
	paths := s.paths("testpmd")
	p, err := s.startTestpmdWith([]string{fmt.Sprintf(s.kind.pmd, 0, paths[0]), fmt.Sprintf(s.kind.pmd, 1, paths[1])}, "io", 64, 8192)
	if err != nil {
		return v, err
	}
	s.later(p.close)
	f, err := s.feed(paths)
	if err != nil {
		return v, err
	}
	return measure.Variant{Name: "testpmd io", Run: func() (measure.Sample, error) {
		return f.turn(func() (time.Duration, error) {
			before, err := cpuTime(p.sched)
			if err != nil {
				return 0, err
			}
			if _, err := p.forward(); err != nil {
				return 0, err
			}
			after, err := cpuTime(p.sched)
			return after - before, err
		})
	}}, nil
}
