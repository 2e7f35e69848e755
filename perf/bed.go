package main

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"

	"ipvd/perf/traffic"
	"ipvd/pmd"
	"ipvd/pmd/dpdk"
)

// masterMAC is the address of the master and so of all its slaves; peerMAC that
// of whoever sends to them.
var (
	masterMAC = [6]byte{2, 0, 0, 0, 0, 1}
	peerMAC   = [6]byte{2, 0, 0, 0, 0, 2}
)

// bedConfig describes a test bed.
type bedConfig struct {
	frames [][]byte // what the source gives, over and over, in this order
	copies int      // queues of the source, each with the frames; 0: 1
	queues int      // of the sink, to send to
	polled int      // of the sink, to receive from, which never have a packet; 0: 1
	burst  int
}

// bed is a source that never ends and ports that take everything.
type bed struct {
	cfg    bedConfig
	turn   uint64 // packets that a variant forwards in a turn
	rt     *dpdk.Runtime
	pool   *dpdk.Pool
	file   string     // what source reads
	source *dpdk.Port // net_pcap: a file read once, copied into fresh mbufs
	sink   *dpdk.Port // net_null: for slaves
	rest   *dpdk.Port // net_null: queue 0 for the host, queue 1 for the wire
}

// spare is how many mbufs a bed has besides those that the source keeps: for
// the vectors and caches of a few workers.
const spare = 8192

func (b *bench) newBed(cfg bedConfig) (t *bed, err error) {
	cfg.copies = max(cfg.copies, 1)
	t = &bed{cfg: cfg, rt: b.rt, turn: b.turn}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("test bed: %w", err), t.close())
		}
	}()
	b.beds++
	size := cfg.copies*len(cfg.frames) + spare
	if t.pool, err = b.rt.NewPool(dpdk.PoolConfig{Name: "bed", Size: size, Cache: 2 * cfg.burst, Socket: -1}); err != nil {
		return t, err
	}
	t.file = filepath.Join(b.dir, fmt.Sprintf("%d.pcap", b.beds))
	if err := traffic.WriteFile(t.file, cfg.frames); err != nil {
		return t, err
	}
	devargs := fmt.Sprintf("net_pcap%d,infinite_rx=1", b.beds)
	for range cfg.copies {
		devargs += ",rx_pcap=" + t.file
	}
	if t.source, err = b.rt.Attach(devargs, dpdk.PortOptions{Pool: t.pool, RxQueues: cfg.copies, TxQueues: cfg.copies}); err != nil {
		return t, err
	}
	if t.sink, err = t.null(fmt.Sprintf("net_null%d_sink", b.beds), cfg.polled, cfg.queues); err != nil {
		return t, err
	}
	t.rest, err = t.null(fmt.Sprintf("net_null%d_rest", b.beds), 1, 2)
	return t, err
}

// null attaches a port that takes everything and gives nothing.
func (t *bed) null(name string, rx, tx int) (*dpdk.Port, error) {
	return t.rt.Attach(name+",no-rx=1", dpdk.PortOptions{Pool: t.pool, RxQueues: rx, TxQueues: tx})
}

func (t *bed) close() error {
	var errs []error
	for _, p := range []*dpdk.Port{t.source, t.sink, t.rest} {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	if t.pool != nil {
		errs = append(errs, t.pool.Close())
	}
	return errors.Join(errs...)
}

// lane is some of the queues of a port as a port of their own: net_null's
// queues stand for more slaves than a process can have ports.
type lane struct {
	*dpdk.Port
	rx []pmd.RxQueue
	tx []pmd.TxQueue
}

func (l lane) Rx() []pmd.RxQueue { return l.rx }
func (l lane) Tx() []pmd.TxQueue { return l.tx }

// load is frames for addresses, and how many of them each slave must get.
type load struct {
	frames [][]byte
	slaves int
	want   []uint64 // by slave, of one pass over the frames
}

// slaveOf shares addresses out: slave k has every n-th from k on.
func slaveOf(address, slaves int) int { return address % slaves }

// ingressLoad is packets from the wire for addrs, in random order.
func ingressLoad(addrs []netip.Addr, packets, slaves int) load {
	l := load{slaves: slaves, want: make([]uint64, slaves)}
	src := netip.MustParseAddr("192.0.2.1")
	if addrs[0].Is6() {
		src = netip.MustParseAddr("2001:db8::1")
	}
	for _, i := range traffic.Order(packets, len(addrs)) {
		h := traffic.Header{DstMAC: masterMAC, SrcMAC: peerMAC, Src: src, Dst: addrs[i]}
		l.frames = append(l.frames, h.UDP())
		l.want[slaveOf(i, slaves)]++
	}
	return l
}

// check compares what each slave got with what it should have got after so many
// packets: the proof that the work was done.
func (l load) check(packets uint64, got func(slave int) uint64) error {
	passes := packets / uint64(len(l.frames))
	for k, want := range l.want {
		if g := got(k); g != passes*want {
			return fmt.Errorf("slave %d got %d packets, want %d", k, g, passes*want)
		}
	}
	return nil
}
