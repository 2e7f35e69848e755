package ipvlan

import (
	"errors"
	"fmt"

	"ipvd/flows"
	"ipvd/pmd"
)

// ErrMaster is wrapped by Build for a master that cannot be built.
var ErrMaster = errors.New("incomplete master")

// MaxSlaveID is the largest dev_id (ipvlan_main.c, ipvlan_link_new).
const MaxSlaveID = 0xfffd

// overMTU is how much longer than its receiver's MTU a frame may be: Ethernet
// header and a VLAN tag (linux/netdevice.h, is_skb_forwardable).
const overMTU = 18

// defaultReplicateLimit is the length of the kernel driver's backlog of group
// frames (ipvlan.h, IPVLAN_QBACKLOG_LIMIT).
const defaultReplicateLimit = 1000

// Master is what Build makes a data plane of: a value of the control plane,
// which Build reads and does not keep. Change a copy, and build again. The
// table and the counters are shared by all graphs that are built of it.
type Master struct {
	Name      string
	Mode      Mode
	Flag      Flag
	SourceMAC SourceMAC
	MAC       [6]byte // the wire's, the host port's and every slave's
	MTU       int     // of wire and host port, in bytes
	Wire      pmd.Port
	Host      pmd.Port
	// Punt hands IP packets to the output path of the host's kernel. L3 only.
	Punt pmd.TxQueue
	// Routing is what l3 routes by; nil: every packet goes to Punt.
	Routing *Routing
	// Return is the port to the interface through which the host routes the
	// slaves' packets, and ReturnMAC the address of that interface. L3S only.
	Return    pmd.Port
	ReturnMAC [6]byte
	// Flows are those whose packets may leave out the turn through the host. L3S only;
	// nil: all packets take it.
	Flows *FlowTable
	// previewed are the flows of the master of which this one is a replica.
	previewed *FlowTable
	// LocalViaHost lets packets between slaves take that turn as well. L3S only.
	LocalViaHost bool
	Slaves       []*Slave
	Table        *Table
	// CompatKernel classifies frames for foreign unicast MACs as if they were
	// for the master, as ipvlan does; the receiver's stack refuses them.
	CompatKernel bool
	// Down lets nothing pass the wire, as when the kernel's master is down: slaves
	// still reach each other.
	Down bool
	// Promiscuous gives frames for foreign unicast MACs to the host port,
	// whose interface asked for them, in place of dropping them.
	Promiscuous bool
	// HostReach lets the host and the slaves reach each other in l2 and l3, unless
	// the flag is VEPA: then the switch decides. Hosts has the host port's addresses
	// then. In L3S they reach each other as the host routes.
	HostReach bool
	Hosts     *Table
	// L3Proxy answers ARP and neighbour solicitations from the wire for slaves'
	// addresses in l3 and l3s, as often as Answers allows; nil: always.
	L3Proxy bool
	Answers *Allowance
	// ReplicateLimit is how many group frames a worker replicates in a step; 0:
	// as many as the kernel driver's backlog holds, 1000.
	ReplicateLimit int
	// Counters are the master's own.
	Counters MasterCounters
}

// MasterCounters are the counter sets of a master's stages; drops that a slave
// caused are in the slave's set.
type MasterCounters struct {
	Classify  *flows.CounterSet // frames from the wire
	Replicate *flows.CounterSet // copies of group frames
	Host      *flows.CounterSet // frames to the host port, and to and from Return
	Flows     *flows.CounterSet // what became of packets of Master.Flows
}

// NewMaster makes a master without ports and slaves, with an empty table and
// counters for workers workers. Its mode and flag are the kernel's defaults, l3
// and bridge.
func NewMaster(name string, workers int) *Master {
	set := func(stage string) *flows.CounterSet {
		return flows.NewCounterSet(name+"/"+stage, workers, counterSpecs())
	}
	return &Master{Name: name, Mode: L3, Table: NewTable(),
		Counters: MasterCounters{Classify: set("classify"), Replicate: set("replicate"), Host: set("host"),
			Flows: flows.NewCounterSet(name+"/flows", workers, flowSpecs())}}
}

// check says what Build would miss.
func (m *Master) check() error {
	switch {
	case m.Wire == nil || m.Host == nil:
		return fmt.Errorf("%w: no wire or no host port", ErrMaster)
	case m.Table == nil || m.Counters.Classify == nil || m.Counters.Replicate == nil || m.Counters.Host == nil:
		return fmt.Errorf("%w: no table or no counters", ErrMaster)
	case m.HostReach && m.Hosts == nil:
		return fmt.Errorf("%w: host reach without a table of the host's addresses", ErrMaster)
	case m.Mode > L3S:
		return fmt.Errorf("%w: mode %v", ErrMaster, m.Mode)
	case m.Flag > VEPA:
		return fmt.Errorf("%w: flag %v", ErrMaster, m.Flag)
	case m.SourceMAC > Pass:
		return fmt.Errorf("%w: source MAC policy %v", ErrMaster, m.SourceMAC)
	case m.Mode == L3 && m.Punt == nil:
		return fmt.Errorf("%w: mode l3 without a punt queue", ErrMaster)
	case m.Flows != nil && m.Counters.Flows == nil:
		return fmt.Errorf("%w: flows without counters", ErrMaster)
	case m.Mode == L3S && m.Return == nil:
		return fmt.Errorf("%w: mode l3s without a return port", ErrMaster)
	}
	seen := make(map[uint16]string, len(m.Slaves))
	for _, s := range m.Slaves {
		if s.ID == 0 || s.ID > MaxSlaveID {
			return fmt.Errorf("%w: slave %s: id %d is not in 1..%d", ErrMaster, s.Name, s.ID, MaxSlaveID)
		}
		if s.Port == nil || s.Counters == nil {
			return fmt.Errorf("%w: slave %s: no port or no counters", ErrMaster, s.Name)
		}
		if other, ok := seen[s.ID]; ok {
			return fmt.Errorf("%w: slaves %s and %s: both have id %d", ErrMaster, other, s.Name, s.ID)
		}
		seen[s.ID] = s.Name
	}
	return nil
}
