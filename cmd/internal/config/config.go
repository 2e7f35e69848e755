// Package config is what ipvd is told at its start: flags, environment
// variables, a file, and the arguments that DPDK takes, read into one checked
// Config. A flag is a key of the file by being a flag.
package config

import "ipvd/cmd/internal/api"

// Config is the daemon's configuration after Command has checked it.
type Config struct {
	File     string               // path of the file that was read; empty: none
	Declared []api.DeclaredMaster // what the file says of Masters, in its order

	Masters       []Master // at least one; names and wires are unique
	HostInterface string   // host port's name; empty: the master's. Only with a single master
	Force         bool     // take over the interface that carries the default route
	WireDriver    string   // of kernel interfaces: auto, af_xdp or af_packet

	Mode        string // of a new master: l2, l3 or l3s
	Flag        string // of a new master: bridge, private or vepa
	Compat      string // none, or kernel: answer as the kernel's driver where that is possible
	Offloads    string // whether slaves leave checksums and segmentation to ipvd: on or off
	GRO         string // whether packets are merged before a TAP gets them: on or off
	L3Path      string // how l3 routes: fast, or host by the kernel's output path
	Shortcuts   string // l3s: whether established flows leave out the host: on or off
	LocalHost   string // l3s: whether packets between slaves take the turn through the host: on or off
	SourceMAC   string // what becomes of a slave's foreign source MAC: rewrite, drop or pass
	HostReach   string // whether host and slaves reach each other in l2 and l3: on or off
	L3Proxy     string // whether ARP and ND for slaves' addresses are answered in l3 and l3s: on or off
	MTU         int    // bytes of an L3 packet; 0: the wire's
	Promiscuous bool   // receive frames for foreign MACs

	Workers []int    // CPUs, a worker on each; ascending, never empty
	Poll    string   // what a worker does while no packets come: busy (polls on) or adaptive (sleeps)
	Look    int      // µs; with adaptive, how often queues that cannot wake a worker are looked at
	Burst   int      // most packets that a queue gives in a step
	Pool    int      // mbufs
	Memory  int      // MiB for DPDK when there are no hugepages
	EAL     []string // DPDK's own arguments, unchecked

	Socket    string // absolute path of the control socket
	Group     string // group that may use the socket
	StateDir  string // absolute path of what survives a restart
	Ephemeral bool   // keep nothing, and remove every interface at the end

	Metrics   string // where Prometheus finds metrics: ADDRESS:PORT or unix:PATH; empty: nowhere
	LogLevel  string // trace, debug, info, warn or error
	LogFormat string // json or console
}

// Default is the configuration without any flag. It names no master and no
// worker yet.
func Default() Config {
	return Config{
		WireDriver: "auto", Mode: "l3", Flag: "bridge", Compat: "none", SourceMAC: "rewrite", Offloads: "on", GRO: "on",
		HostReach: "on", L3Proxy: "on", L3Path: "fast", Shortcuts: "on", LocalHost: "off",
		Poll: "adaptive", Look: 1000, Burst: 64, Pool: 16384, Memory: 128,
		Socket: "/run/ipvd.sock", Group: "ipvd", StateDir: "/var/lib/ipvd",
		LogLevel: "info", LogFormat: "json",
	}
}
