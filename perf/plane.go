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

// newMaster makes the master that the daemon makes by `--mode l2`, for so many
// workers, with the bed's ports. Slave k sends to queue k of the sink; what is
// for none goes to the rest.
func (t *bed) newMaster(slaves, workers int) *ipvlan.Master {
	m := ipvlan.NewMaster("eth0", workers)
	m.Mode, m.MAC, m.MTU = ipvlan.L2, masterMAC, mtu
	m.Wire, m.Host = t.source, lane{Port: t.rest, tx: t.rest.Tx()[:1]}
	for k := range slaves {
		port := lane{Port: t.sink, tx: t.sink.Tx()[k : k+1]}
		m.Slaves = append(m.Slaves, ipvlan.NewSlave(m.Name, uint16(k+1), fmt.Sprintf("ipvl%d", k), port, mtu, workers))
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
	queues  []pmd.TxQueue // of the bed's sink
	sent    []uint64      // by queue, in this path's turns
	packets uint64        // received in this path's turns
}

// newPath builds m's graph. The calling thread must be a worker.
func (t *bed) newPath(m *ipvlan.Master) (*path, error) {
	p := &path{queues: t.sink.Tx(), sent: make([]uint64, len(t.sink.Tx()))}
	cfg := flows.Config{Runtime: t.rt, Pool: t.pool, CPUs: []int{-1}, Burst: t.cfg.burst}
	var err error
	p.st, err = flows.NewStepper(cfg, func(g *flows.Graph) error { return ipvlan.Build(g, m) })
	return p, err
}

// run steps until packets have been received, and sends them. Several paths may
// share queues, so each counts what these took in its own turns.
func (p *path) run(packets uint64) (uint64, error) {
	for k, q := range p.queues {
		p.sent[k] -= q.Stats().Packets
	}
	var done uint64
	for done < packets {
		n := p.st.Step()
		if n == 0 {
			return done, fmt.Errorf("the source gave nothing after %d of %d packets", done, packets)
		}
		done += uint64(n)
	}
	p.st.Flush()
	for k, q := range p.queues {
		p.sent[k] += q.Stats().Packets
	}
	p.packets += done
	return done, nil
}

// variant is turns of so many packets.
func (p *path) variant(packets uint64) measure.Variant {
	return measure.Variant{Name: "ipvd", Run: func() (measure.Sample, error) {
		return measure.Turn(func() (uint64, error) { return p.run(packets) })
	}}
}

// counted is what slave k's queue took in this path's turns.
func (p *path) counted(k int) uint64 { return p.sent[k] }

// check says that no packet of the path was dropped. Its account adds up only
// when no other path has used the same queues.
func (p *path) check() error {
	if a := p.st.Account(); a.Dropped != 0 || a.Received < p.packets {
		return fmt.Errorf("ipvd: dropped %v, received %d of %d", a.Reasons, a.Received, p.packets)
	}
	return nil
}
