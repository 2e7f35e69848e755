package ipvlan

import (
	"ipvd/flows"
	"ipvd/pmd"
)

// Slave is a master's slave, a value of the control plane like Master.
type Slave struct {
	ID       uint16 // dev_id, 1 to MaxSlaveID
	Name     string
	Port     pmd.Port
	MTU      int // of its interface, in bytes
	Turn     int // which worker polls it, modulo their number; its id until Balance
	Counters *flows.CounterSet
	Learn    *Learner // nil: nobody wants to know what its frames tell of its addresses
}

// NewSlave makes a slave of master with counters for workers workers.
func NewSlave(master string, id uint16, name string, port pmd.Port, mtu, workers int) *Slave {
	return &Slave{ID: id, Name: name, Port: port, MTU: mtu, Turn: int(id),
		Counters: flows.NewCounterSet(master+"/"+name, workers, counterSpecs())}
}

// SlaveStats are the numbers that `ip -s link` shows of an ipvlan device.
type SlaveStats struct {
	RxPackets, RxBytes, RxErrors, RxDropped, Multicast uint64
	TxPackets, TxBytes, TxErrors, TxDropped            uint64
}

// Stats are the slave's numbers as its own side of the port sees them: what we
// send to it is received. As in ipvlan (ipvlan_main.c, ipvlan_get_stats64),
// errors of reception count as dropped too, and a group frame that was lost
// counts as sent. TxBytes, unlike the kernel's, include frames dropped.
func (s *Slave) Stats() SlaveStats {
	var rx, tx pmd.QueueStats
	for _, q := range s.Port.Tx() {
		rx = rx.Add(q.Stats())
	}
	for _, q := range s.Port.Rx() {
		tx = tx.Add(q.Stats())
	}
	st := SlaveStats{RxPackets: rx.Packets, RxBytes: rx.Bytes, RxErrors: rx.Full + rx.TooBig + rx.Refused,
		Multicast: s.Counters.Load(multicast), TxBytes: tx.Bytes, TxErrors: tx.Errors}
	for i, r := range DropReasons() {
		if r.SlaveTx {
			st.TxDropped += s.Counters.Load(i)
		}
		if r.SlaveRx {
			st.RxErrors += s.Counters.Load(i)
		}
	}
	st.RxDropped = st.RxErrors
	st.TxPackets = tx.Packets - min(st.TxDropped, tx.Packets)
	return st
}
