// Package api is what ipvd and ipvctl say to each other: JSON over HTTP on a
// unix socket. Requests and replies are the types of this file; a request that
// fails is answered with an Error.
package api

import "ipvd/cmd/internal/kind"

// Error is the body of every reply that is not 2xx.
type Error struct {
	Error string `json:"error"`          // what was attempted on what, with the bad value
	Code  string `json:"code,omitempty"` // symbolic errno where one fits: EEXIST, EBUSY, EADDRINUSE, ENODEV, EINVAL
}

// LinkAdd asks for a new slave: `link add link MASTER NAME type ipvlan …`.
type LinkAdd struct {
	Master string `json:"link"`            // master's name
	Name   string `json:"ifname"`          // slave's name in the target namespace
	Mode   string `json:"mode,omitempty"`  // l2, l3, l3s; empty keeps the master's
	Flag   string `json:"flag,omitempty"`  // bridge, private, vepa; empty keeps the master's
	Force  bool   `json:"force,omitempty"` // change the master's mode for all its slaves
	Kind   string `json:"kind,omitempty"`  // a row of kind.All; empty: tap
	MTU    int    `json:"mtu,omitempty"`   // bytes; 0: the master's
	Netns  string `json:"netns,omitempty"` // name, path or pid; empty: the caller's
	kind.Options
}

// LinkDel asks to remove a slave, by name or `MASTER/ID`.
type LinkDel struct {
	Name  string `json:"ifname"`
	Netns string `json:"netns,omitempty"` // where the name is to be looked up; empty: the caller's, then any
}

// LinkSet changes the mode and flag of a slave's master, or of a master.
type LinkSet struct {
	Name  string `json:"ifname"`
	Netns string `json:"netns,omitempty"`
	Mode  string `json:"mode,omitempty"`
	Flag  string `json:"flag,omitempty"`
}

// LinkFilter says which links `link show` wants, and how much of them.
type LinkFilter struct {
	Name    string // empty: all
	Netns   string // name, path or pid; empty: all
	Master  string // slaves of this master; empty: all
	Details bool   // with LinkInfo
	Stats   bool   // with Stats64
}

// Stats64 are a link's counters with the names of `ip -j -s link show`.
type Stats64 struct {
	RX struct {
		Bytes     uint64 `json:"bytes"`
		Packets   uint64 `json:"packets"`
		Errors    uint64 `json:"errors"`
		Dropped   uint64 `json:"dropped"`
		Multicast uint64 `json:"multicast"`
	} `json:"rx"`
	TX struct {
		Bytes   uint64 `json:"bytes"`
		Packets uint64 `json:"packets"`
		Errors  uint64 `json:"errors"`
		Dropped uint64 `json:"dropped"`
	} `json:"tx"`
}

// Link is a master or a slave, with the field names of `ip -j -d -s link show`
// where the thing is the same.
type Link struct {
	IfIndex   int       `json:"ifindex"`        // in its own namespace; 0: no kernel interface
	IfName    string    `json:"ifname"`         // as it is called now
	Link      string    `json:"link,omitempty"` // slave: its master
	Flags     []string  `json:"flags"`          // UP, LOWER_UP, NOARP, …
	MTU       int       `json:"mtu"`
	OperState string    `json:"operstate"` // UP, DOWN, LOWERLAYERDOWN, UNKNOWN
	Address   string    `json:"address"`
	LinkInfo  *LinkInfo `json:"linkinfo,omitempty"` // with -d
	Stats64   *Stats64  `json:"stats64,omitempty"`  // with -s
	// What the kernel's driver has no word for.
	ID       int    `json:"dev_id"`              // slave: 1 to 65533; master: 0
	Netns    string `json:"netns,omitempty"`     // name or path if known, else net:[inode]
	PortKind string `json:"port_kind"`           // a row of kind.All; master: its wire's driver
	Wire     string `json:"wire,omitempty"`      // master: PCI address, devargs or interface
	State    string `json:"state,omitempty"`     // ok, or what is wrong with it
	MMode    string `json:"mode"`                // the master's mode
	MFlag    string `json:"mode_flag"`           // the master's flag
	Addrs    int    `json:"addresses,omitempty"` // slave: how many are active
}

// LinkInfo is what -d adds.
type LinkInfo struct {
	Kind string `json:"info_kind"` // ipvlan, or ipvlan-master
	Data struct {
		Mode string `json:"mode"`
		Flag string `json:"mode_flag"`
	} `json:"info_data"`
}

// Addr is an address of a slave.
type Addr struct {
	Link   string `json:"ifname"`
	Master string `json:"link"`
	ID     int    `json:"dev_id"`
	Family string `json:"family"` // inet, inet6
	Local  string `json:"local"`  // without prefix length
	State  string `json:"state"`  // active, inactive (link is down), conflict
	Owner  string `json:"owner,omitempty"`
	Source string `json:"source"` // kernel (of the namespace's interface), learned (from frames) or static
}

// AddrChange asks to add or remove an address: `addr add ADDR/LEN dev NAME`.
type AddrChange struct {
	Name  string `json:"ifname"`
	Netns string `json:"netns,omitempty"`
	Addr  string `json:"local"` // address with optional /prefix length
}

// AddrFilter says which addresses `addr show` wants.
type AddrFilter struct {
	Name  string // a slave; empty: all
	Netns string // name, path or pid; empty: all
}

// Counter is one counter of the data plane.
type Counter struct {
	Where   string   `json:"where"`             // stage, slave or queue
	Name    string   `json:"name"`              // what is counted, or the drop reason
	Kind    string   `json:"kind"`              // in, copied, out, dropped, info
	Packets uint64   `json:"packets"`           // over all workers
	Workers []uint64 `json:"workers,omitempty"` // with -d
}

// Account is received + copied = delivered + dropped. At rest Difference is 0;
// while packets are in flight it is their number.
type Account struct {
	Received   uint64            `json:"received"`
	Copied     uint64            `json:"copied"`
	Delivered  uint64            `json:"delivered"`
	Dropped    uint64            `json:"dropped"`
	Difference int64             `json:"difference"`
	Reasons    map[string]uint64 `json:"reasons"`      // drops by reason
	MbufsInUse int               `json:"mbufs_in_use"` // outside pools and worker caches
}

// Verify is the account, and what stands behind it.
type Verify struct {
	Account
	OK       bool      `json:"ok"`      // difference 0 in two readings with no packet between
	AtRest   bool      `json:"at_rest"` // there were two readings with no packet between
	Counters []Counter `json:"counters"`
	// Rows are the account by slave, port and stage, and what belongs to none of
	// them; the workers' own follow. Those of the former add up to the account.
	Rows []AccountRow `json:"rows"`
	// Explanation says what a difference comes from, as far as that can be told.
	Explanation []string `json:"explanation,omitempty"`
}

// AccountRow is a part of the account.
type AccountRow struct {
	Kind      string `json:"kind"`  // slave, port, stage, rest or worker
	Where     string `json:"where"` // its name
	Received  uint64 `json:"received"`
	Copied    uint64 `json:"copied"`
	Delivered uint64 `json:"delivered"` // always 0 of a worker: several may send on one queue
	Dropped   uint64 `json:"dropped"`   // of a worker: by stages
}

// Status says what runs.
type Status struct {
	Version string   `json:"version"`
	PID     int      `json:"pid"`
	Masters []string `json:"masters"`
	Workers []int    `json:"workers"` // CPUs
	Uptime  float64  `json:"uptime"`  // seconds
	Poll    string   `json:"poll"`    // busy or adaptive
	Load    []Worker `json:"load"`    // of each worker
	// PoolSize is how many mbufs the packet pool has.
	PoolSize int `json:"pool_size"`
	// Telemetry is the path of DPDK's telemetry socket, empty without one.
	Telemetry string `json:"telemetry,omitempty"`
}

// Worker is what a worker has done since it was started.
type Worker struct {
	CPU    int    `json:"cpu"`
	Steps  uint64 `json:"steps"`
	Busy   uint64 `json:"busy"`   // steps that received packets
	Faults uint64 `json:"faults"` // panics that it has survived
	// Packets is how many the steps received. BurstCounts is the histogram: cell i
	// counts steps with at most 1<<i packets that are in no cell before it; the last
	// one all others with packets.
	Packets     uint64   `json:"packets"`
	BurstCounts []uint64 `json:"burst_counts"`
	Sleeps      uint64   `json:"sleeps"`
	// Asleep is the share of its time that it slept, 0 to 1.
	Asleep float64 `json:"asleep"`
	Slept  float64 `json:"slept"` // seconds
	// How long after it was due it ran again, in microseconds: bounds that are at
	// most twice the exact values.
	WakeP50 float64 `json:"wake_p50_us"`
	WakeP99 float64 `json:"wake_p99_us"`
	// WakeCounts is the histogram: cell i counts wakes under 1<<i microseconds that
	// are in no cell before it; the last one all others.
	WakeCounts []uint64 `json:"wake_counts"`
}
