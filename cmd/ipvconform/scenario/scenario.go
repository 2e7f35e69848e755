// Package scenario holds what conformance runs exchange, as JSON: a Scenario
// says which stations there are and what happens to them, a Result what was
// seen then. The kernel's driver and ipvd run the same scenarios.
//
// The stations are the wire, the host whose eth0 is the master, and the slaves,
// each in a network namespace of its own, and each called a port after where
// frames are sent and captured.
package scenario

// Names of the ports that are no slave's.
const (
	Wire = "wire" // the master's peer
	Host = "host" // the master's own stack
)

// Scenario is a topology and the steps done to it, in order.
type Scenario struct {
	Name   string          `json:"name"`
	Mode   string          `json:"mode"`           // l2, l3 or l3s
	Flag   string          `json:"flag,omitempty"` // bridge, private or vepa; empty: bridge
	Master Station         `json:"master"`
	Wire   Station         `json:"wire"`
	Slaves []Slave         `json:"slaves"`
	Sysctl map[string]Text `json:"sysctl,omitempty"` // "PORT/KEY" to value
	Setup  []Command       `json:"setup,omitempty"`  // run before the first step
	Steps  []Step          `json:"steps"`

	// Prepare is run before there is a driver: it may put other interfaces in
	// the place of the veth's ends, the host's eth0 and the wire's w0.
	Prepare []Command `json:"prepare,omitempty"`

	LinkLocal bool  `json:"linklocal,omitempty"`  // stations have fe80:: addresses
	IPTables  bool  `json:"iptables,omitempty"`   // counters of the mangle chains and conntrack
	Counters  *bool `json:"counters,omitempty"`   // false: no Delta
	KeepNoise bool  `json:"keep_noise,omitempty"` // IGMP and MLD are reported as well
	Raw       bool  `json:"raw,omitempty"`        // packets that reach a stack's protocols are reported as deliveries without ports
	WaitMS    int   `json:"wait_ms,omitempty"`    // how long nothing must be seen for a step to end; 0: 30
	SettleMS  int   `json:"settle_ms,omitempty"`  // the same after the setup; 0: 300
}

// Station is how a port's interface is set up, in iproute2's words.
type Station struct {
	MAC    string            `json:"mac,omitempty"`
	Addrs  []string          `json:"addrs,omitempty"`  // "10.0.0.1/24"
	Routes []string          `json:"routes,omitempty"` // what follows `ip route add`
	Neigh  map[string]string `json:"neigh,omitempty"`  // permanent neighbours, IP address to MAC
}

// Slave is a station whose interface belongs to the master.
type Slave struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"` // of the link; empty: ipvlan
	Station
	Join []string `json:"join,omitempty"` // multicast groups
}

// Command is a shell command in the namespace of a port.
type Command struct {
	At    string `json:"at"`
	Cmd   string `json:"cmd"`
	Check *bool  `json:"check,omitempty"` // false: it may fail
}

// Step is one stimulus: frames, a datagram or a command, at a port.
type Step struct {
	ID        string    `json:"id"`
	At        string    `json:"at"`
	Hex       Frames    `json:"hex,omitempty"`
	Proto     *int      `json:"proto,omitempty"` // protocol told to the packet socket; nil: the frame's ethertype
	UDP       *Datagram `json:"udp,omitempty"`
	Cmd       string    `json:"cmd,omitempty"`
	KeepNeigh bool      `json:"keep_neigh,omitempty"` // neighbours learned before are kept
	WaitMS    int       `json:"wait_ms,omitempty"`
}

// Datagram is sent through the port's own stack.
type Datagram struct {
	Dst  string `json:"dst"`
	Port int    `json:"dport,omitempty"` // 0: 7777, where every station listens
	Src  string `json:"src,omitempty"`   // need not be the station's; then from port 5555
	TTL  int    `json:"ttl,omitempty"`   // 0: the stack's
	Data string `json:"data,omitempty"`  // empty: "x"
}

// UDPPort is where every station but the wire listens.
const UDPPort = 7777

// FlagWord is the flag, which is bridge unless named.
func (s *Scenario) FlagWord() string {
	if s.Flag == "" {
		return "bridge"
	}
	return s.Flag
}

// Ports are the names of all ports: host, wire and the slaves.
func (s *Scenario) Ports() []string {
	names := []string{Host, Wire}
	for _, slave := range s.Slaves {
		names = append(names, slave.Name)
	}
	return names
}
