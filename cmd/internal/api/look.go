package api

import (
	"slices"
	"strings"

	"golang.org/x/net/bpf"
)

// Look is what requests to look at packets have in common.
type Look struct {
	ID      string               `json:"id"`                // chosen by the client, to end it by: see Unlook
	Dev     string               `json:"dev,omitempty"`     // slave, MASTER/ID, or MASTER/wire, /host, /punt, /return; a master's name is its wire; empty: all
	Netns   string               `json:"netns,omitempty"`   // where a slave's name is looked up first; empty: the caller's
	Program []bpf.RawInstruction `json:"program,omitempty"` // accepts a frame when it returns more than 0; empty: any
	Count   int                  `json:"count,omitempty"`   // packets after which it ends; 0: none
}

// Capture asks for copies of packets, as pcapng.
type Capture struct {
	Look
	Direction string `json:"direction,omitempty"` // in: received by ipvd from Dev; out: sent to it; empty: both, unless Stage or Drop is set
	Stage     string `json:"stage,omitempty"`     // also as they enter this stage, named as in the graph
	Drop      string `json:"drop,omitempty"`      // also when dropped for this reason, or for any
	Snap      int    `json:"snaplen,omitempty"`   // bytes; 0: MaxSnap
}

// Trace asks for the way of packets that come by Dev, as lines of JSON, a Path each.
type Trace struct{ Look }

// Unlook ends a capture or trace, whose answer then ends as it should.
type Unlook struct {
	ID string `json:"id"`
}

// LookEnd is what a capture or trace tells at its end.
type LookEnd struct {
	Packets uint64 `json:"packets"`         // told
	Lost    uint64 `json:"lost"`            // seen, but the client or the daemon did not keep up
	Error   string `json:"error,omitempty"` // why it ended before it should
}

// Explain asks what would become of frames that come by Dev. Nothing is sent. Either
// Frames are given or Src and Dst, of which the daemon makes a frame.
type Explain struct {
	Dev     string   `json:"dev"` // as Look.Dev, of which it is one port
	Netns   string   `json:"netns,omitempty"`
	Frames  [][]byte `json:"frames,omitempty"` // from the Ethernet header on
	Src     string   `json:"src,omitempty"`    // IPv4 or IPv6
	Dst     string   `json:"dst,omitempty"`
	Proto   string   `json:"proto,omitempty"` // udp, tcp, icmp (of either version), arp (a request), or a number; empty: udp
	SrcPort int      `json:"sport,omitempty"` // of udp and tcp
	DstPort int      `json:"dport,omitempty"`
}

// Path is the way of a packet through the data plane.
type Path struct {
	Time    string     `json:"time,omitempty"` // RFC 3339; empty: it never was
	Worker  int        `json:"worker"`
	From    string     `json:"from"`    // the port that it came by
	Length  int        `json:"length"`  // bytes
	Frame   []byte     `json:"frame"`   // the first of them
	Summary string     `json:"summary"` // for people
	Steps   []PathStep `json:"steps"`
	More    int        `json:"more,omitempty"` // steps that are not told
}

// PathStep is a stage on a packet's way, with what it did, or the packet's end.
type PathStep struct {
	Depth   int    `json:"depth"`             // of stages in stages
	Stage   string `json:"stage,omitempty"`   // that got the packet
	To      string `json:"to,omitempty"`      // the port that it was queued on
	Dropped string `json:"dropped,omitempty"` // why
	Meaning string `json:"meaning,omitempty"` // of that reason
	Where   string `json:"where,omitempty"`   // counters that count the drop
	Changed string `json:"changed,omitempty"` // the packet, since the step before
}

// MaxSnap is the longest frame, in bytes.
const MaxSnap = 1 << 16

// AnyReason is a Capture.Drop.
const AnyReason = "any"

const (
	maxProgram = 4096 // instructions (linux/bpf_common.h, BPF_MAXINSNS)
	maxFrames  = 1024
)

func (l Look) check(what string) error {
	switch {
	case l.ID == "":
		return refuse("%s: it has no id", what)
	case l.Count < 0:
		return refuse("%s: count %d is negative", what, l.Count)
	case len(l.Program) > maxProgram:
		return refuse("%s: filter of %d instructions, more than %d", what, len(l.Program), maxProgram)
	case l.Dev == "":
		return nil
	}
	return checkLink(l.Dev)
}

// Check refuses a request that no daemon can meet. It wraps EINVAL.
func (r Capture) Check() error {
	if r.Snap < 0 || r.Snap > MaxSnap {
		return refuse("capture: snap length %d is not between 0 and %d bytes", r.Snap, MaxSnap)
	}
	if err := checkWord("direction", r.Direction, []string{"in", "out"}); err != nil {
		return err
	}
	return r.check("capture")
}

// Check refuses a request that no daemon can meet. It wraps EINVAL.
func (r Trace) Check() error { return r.check("trace") }

// Check refuses a request that no daemon can meet. It wraps EINVAL.
func (r Unlook) Check() error { return Look{ID: r.ID}.check("end of a capture or trace") }

// Check refuses a request that no daemon can meet. It wraps EINVAL.
func (r Explain) Check() error {
	if r.Dev == "" {
		return refuse("explain: no port that the packet comes by")
	}
	if err := checkLink(r.Dev); err != nil {
		return err
	}
	if len(r.Frames) > maxFrames {
		return refuse("explain: %d frames, more than %d", len(r.Frames), maxFrames)
	}
	if (len(r.Frames) > 0) == (r.Src != "" || r.Dst != "") || (r.Src == "") != (r.Dst == "") {
		return refuse("explain: want either frames or a source and a destination")
	}
	for _, port := range []int{r.SrcPort, r.DstPort} {
		if port < 0 || port > 65535 {
			return refuse("explain: port %d is not between 0 and 65535", port)
		}
	}
	return nil
}

// PathStepName is a stage without its master's name, for people.
func PathStepName(stage string) string {
	words := strings.Fields(stage)
	return strings.Join(words[min(1, len(words)):], " ")
}

// Ends are the steps of p that end the packet or a copy of it.
func (p *Path) Ends() []PathStep {
	return slices.DeleteFunc(slices.Clone(p.Steps), func(s PathStep) bool { return s.Stage != "" })
}
