package ipvlan

import "ipvd/flows"

// Reason is why a packet was dropped, and the index of its counter in every
// counter set of this package.
type Reason int

// The reasons. DropReasons has a name and a meaning for each.
const (
	Runt Reason = iota
	ForeignMAC
	NoSlave
	ForeignSource
	PrivateSibling
	PauseFrame
	L3Group
	L3NotIP
	L3BadHeader
	L3Destination
	TooLong
	ReplicateFull
	NoMbuf
	MasterDown
	AnswerLimit
	NoRoute
	RouteBlackhole
	RouteUnreachable
	RouteProhibited
	NeighbourFailed
	NeighbourQueue
	L3TooBig
	numReasons
)

// Further counters of every set, behind those of the reasons.
const (
	copied    = int(numReasons) + iota // references made by replicate
	multicast                          // group frames delivered to a slave
	answered                           // questions for a slave's MAC that were answered for it
	learnLost                          // addresses seen that nobody took in time
	icmpError                          // errors made for a slave in l3
	numCounters
)

// DropReason describes a Reason.
type DropReason struct {
	Name    string // of its counter, as in foreign_mac
	Meaning string // one line
	// SlaveTx says that `ip -s link` shows the drop as the sending slave's
	// tx_dropped. The kernel counts a lost group frame as sent.
	SlaveTx bool
	// SlaveRx says that it shows it as the receiving slave's rx_errors.
	SlaveRx bool
}

// DropReasons describes every reason, in the order of the constants.
func DropReasons() [numReasons]DropReason {
	return [numReasons]DropReason{
		Runt:             {Name: "runt", Meaning: "shorter than an Ethernet header", SlaveTx: true},
		ForeignMAC:       {Name: "foreign_mac", Meaning: "from the wire, for a unicast MAC that is not the master's"},
		NoSlave:          {Name: "no_slave", Meaning: "for an address whose slave is not attached, or that no slave has", SlaveTx: true},
		ForeignSource:    {Name: "foreign_source", Meaning: "from a slave that uses a MAC other than the master's", SlaveTx: true},
		PrivateSibling:   {Name: "private", Meaning: "from a slave to a sibling, with flag private", SlaveTx: true},
		PauseFrame:       {Name: "pause", Meaning: "MAC control frame from a slave"},
		L3Group:          {Name: "l3_group", Meaning: "from a slave to a group MAC, in l3 and l3s", SlaveTx: true},
		L3NotIP:          {Name: "l3_not_ip", Meaning: "from a slave, neither IPv4 nor IPv6, in l3 and l3s", SlaveTx: true},
		L3BadHeader:      {Name: "l3_bad_header", Meaning: "from a slave with a malformed IP header, in l3 and l3s", SlaveTx: true},
		L3Destination:    {Name: "l3_destination", Meaning: "from a slave to an IPv4 multicast or broadcast address, in l3 and l3s", SlaveTx: true},
		TooLong:          {Name: "too_long", Meaning: "between slaves, or to the host, and longer than the receiver's MTU", SlaveRx: true},
		ReplicateFull:    {Name: "replicate_full", Meaning: "group frame not given to slaves: over the limit of a step"},
		NoMbuf:           {Name: "no_mbuf", Meaning: "no buffer for a copy that can be written", SlaveTx: true},
		MasterDown:       {Name: "master_down", Meaning: "from or to the wire while the master is down"},
		AnswerLimit:      {Name: "answer_limit", Meaning: "question from the wire for a slave's MAC, over the limit of answers, in l3 and l3s"},
		NoRoute:          {Name: "no_route", Meaning: "from a slave, in l3, without a route by the master", SlaveTx: true},
		RouteBlackhole:   {Name: "blackhole", Meaning: "from a slave, in l3, for which the host has a blackhole route or rule", SlaveTx: true},
		RouteUnreachable: {Name: "unreachable", Meaning: "from a slave, in l3, for which the host has an unreachable route or rule", SlaveTx: true},
		RouteProhibited:  {Name: "prohibited", Meaning: "from a slave, in l3, for which the host has a prohibit route or rule", SlaveTx: true},
		NeighbourFailed:  {Name: "neighbour_failed", Meaning: "from a slave, in l3, for a neighbour that does not answer", SlaveTx: true},
		NeighbourQueue:   {Name: "neighbour_queue", Meaning: "from a slave, in l3, for a neighbour whose queue is full until it answers", SlaveTx: true},
		L3TooBig:         {Name: "l3_too_big", Meaning: "from a slave, in l3, longer than the route's MTU, and not to be fragmented", SlaveTx: true},
	}
}

// counterSpecs is the layout of every counter set of this package.
func counterSpecs() []flows.CounterSpec {
	specs := make([]flows.CounterSpec, numCounters)
	for i, r := range DropReasons() {
		specs[i] = flows.CounterSpec{Name: r.Name, Kind: flows.Dropped}
	}
	specs[copied] = flows.CounterSpec{Name: "copied", Kind: flows.Copied}
	specs[multicast] = flows.CounterSpec{Name: "multicast", Kind: flows.Info}
	specs[learnLost] = flows.CounterSpec{Name: "learn_lost", Kind: flows.Info}
	specs[answered] = flows.CounterSpec{Name: "answered", Kind: flows.Info}
	specs[icmpError] = flows.CounterSpec{Name: "icmp_error", Kind: flows.In}
	return specs
}
