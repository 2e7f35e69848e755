package main

import (
	"fmt"
	"net/netip"

	"ipvd/flows"
	"ipvd/flows/ipvlan"
	"ipvd/perf/measure"
	"ipvd/pmd"
)

// mtu is that of every port: Ethernet's.
const mtu = 1500

// newMaster makes the master that the daemon makes by `--mode l2`, with the bed's
// ports. Slave k sends to queue k of the sink; what is for none goes to the rest.
func (t *bed) newMaster(slaves int) *ipvlan.Master {
	m := ipvlan.NewMaster("eth0", 1)
	m.Mode, m.MAC, m.MTU = ipvlan.L2, masterMAC, mtu
	m.Wire, m.Host = t.source, lane{Port: t.rest, tx: t.rest.Tx()}
	for k := range slaves {
		port := lane{Port: t.sink, tx: t.sink.Tx()[k : k+1]}
		m.Slaves = append(m.Slaves, ipvlan.NewSlave(m.Name, uint16(k+1), fmt.Sprintf("ipvl%d", k), port, mtu, 1))
	}
	return m
}

// give puts addresses into m's table, shared out among its slaves.
func give(m *ipvlan.Master, addrs []netip.Addr) error {
	for i, a := range addrs {
		if err := m.Table.Set(a, uint32(slaveOf(i, len(m.Slaves))+1)); err != nil {
			return err
		}
	}
	return nil
}

// path is the data path of the daemon, stepped by hand: the graph that it builds,
// with all its counters.
type path struct {
	st      *flows.Stepper
	sink    []pmd.TxQueue
	before  []pmd.QueueStats // of sink
	packets uint64
}

// newPath builds m's graph. The calling thread must be a worker.
func (t *bed) newPath(m *ipvlan.Master) (*path, error) {
	p := &path{sink: t.sink.Tx()}
	for _, q := range p.sink {
		p.before = append(p.before, q.Stats())
	}
	cfg := flows.Config{Runtime: t.rt, Pool: t.pool, CPUs: []int{-1}, Burst: t.cfg.burst}
	var err error
	p.st, err = flows.NewStepper(cfg, func(g *flows.Graph) error { return ipvlan.Build(g, m) })
	return p, err
}

// run steps until packets have been received, and sends them.
func (p *path) run(packets uint64) (uint64, error) {
	var done uint64
	for done < packets {
		n := p.st.Step()
		if n == 0 {
			return done, fmt.Errorf("the source gave nothing after %d of %d packets", done, packets)
		}
		done += uint64(n)
	}
	p.st.Flush()
	p.packets += done
	return done, nil
}

// variant is turns of so many packets.
func (p *path) variant(packets uint64) measure.Variant {
	return measure.Variant{Name: "ipvd", Run: func() (measure.Sample, error) {
		return measure.Turn(func() (uint64, error) { return p.run(packets) })
	}}
}

// sent is what slave k's queue took since the path was built.
func (p *path) sent(k int) uint64 { return p.sink[k].Stats().Packets - p.before[k].Packets }

// check says that every packet ended in a counter, and none as a drop.
func (p *path) check() error {
	if a := p.st.Account(); a.Dropped != 0 || a.Difference() != 0 || a.Received < p.packets {
		return fmt.Errorf("ipvd: dropped %v, account differs by %d, received %d of %d",
			a.Reasons, a.Difference(), a.Received, p.packets)
	}
	return nil
}
