package scenario

// Result is what a scenario gave.
type Result struct {
	Name    string    `json:"name"`
	Mode    string    `json:"mode"`
	Flag    string    `json:"flag"`
	Steps   []Outcome `json:"steps"`
	SetupS  float64   `json:"setup_s,omitempty"` // seconds
	TotalS  float64   `json:"total_s,omitempty"`
	Kernel  string    `json:"kernel,omitempty"` // release of the kernel it ran on
	Subject string    `json:"subject,omitempty"`
	Error   string    `json:"error,omitempty"` // why the scenario ended early
}

// Outcome is what a step gave.
type Outcome struct {
	ID    string     `json:"id"`
	At    string     `json:"at"`
	Error string     `json:"error,omitempty"` // of the sending system call, as strerror(3) says it
	RC    *int       `json:"rc,omitempty"`    // exit status of a command
	Out   string     `json:"out,omitempty"`   // what the command printed
	Seen  []Frame    `json:"seen"`            // what the taps of all ports saw
	Got   []Frame    `json:"got,omitempty"`   // what the protocol handlers of the stacks got, behind every driver's own handler
	UDP   []Delivery `json:"udp"`             // what reached a socket
	Notes []Note     `json:"notes,omitempty"`
	// Delta are counters that changed, by port and name.
	Delta map[string]map[string]int64 `json:"delta,omitempty"`
}

// Frame is a frame that was seen at a port.
type Frame struct {
	Port string  `json:"port"`
	Dir  string  `json:"dir"`  // in or out, as the port's stack sees it
	Type string  `json:"type"` // host, broadcast, multicast, otherhost or outgoing
	Hex  Hex     `json:"hex"`
	TCI  *uint16 `json:"vlan_tci,omitempty"` // of a tag that the kernel took off
}

// In and Out are the values of Frame.Dir.
const (
	In  = "in"
	Out = "out"
)

// Delivery is a datagram that reached a socket.
type Delivery struct {
	Port  string `json:"port"`
	Src   string `json:"src,omitempty"`
	SPort int    `json:"sport,omitempty"`
	Dst   string `json:"dst,omitempty"`
	TTL   int    `json:"ttl,omitempty"`
	Len   int    `json:"len"`
	Data  string `json:"data,omitempty"` // the first bytes, one character each
}
