package volley

import (
	"net/netip"

	"ipvd/cmd/ipvconform/lab"
	"ipvd/cmd/ipvconform/scenario"
)

// flight is a part of the shots that is under way.
type flight struct {
	shots    []Shot
	part     []int
	outcomes map[int]*scenario.Outcome
	of       map[string]int // shot by key
	probes   map[string]*probe
	strays   []scenario.Frame
}

func newFlight(shots []Shot, part []int) *flight {
	f := &flight{shots: shots, part: part, outcomes: map[int]*scenario.Outcome{}, of: map[string]int{}, probes: map[string]*probe{}}
	for _, i := range part {
		f.outcomes[i] = &scenario.Outcome{At: shots[i].At, Seen: []scenario.Frame{}, UDP: []scenario.Delivery{}}
		for _, k := range keysOf(shots[i].Frame) {
			f.of[k] = i
		}
	}
	return f
}

// saw takes a frame that a tap or a handler gave.
func (f *flight) saw(frame scenario.Frame, reached bool) {
	if p, ok := f.probes[probeKey(frame.Hex)]; ok {
		p.seen[frame.Port] = true
		return
	}
	o := f.outcomeOf(frame)
	switch {
	case o == nil:
		if !lab.Noise(frame.Hex) {
			f.strays = append(f.strays, frame)
		}
	case reached:
		o.Got = append(o.Got, frame)
	default:
		o.Seen = append(o.Seen, frame)
	}
}

// outcomeOf finds the shot that a frame comes from; the whole frame says more
// than the packet in it, and that more than whom it answers.
func (f *flight) outcomeOf(frame scenario.Frame) *scenario.Outcome {
	keys := append([]string{wholeKey + string(frame.Hex)}, packetKeys(frame.Hex)...)
	for _, k := range append(keys, neighbourKeys(frame.Hex)...) {
		if i, ok := f.of[k]; ok {
			return f.outcomes[i]
		}
	}
	return nil
}

// took takes what a raw socket gave. What came with a routing header does not
// count.
func (f *flight) took(d scenario.Delivery, v6 bool, packet []byte) {
	if p, ok := f.probes[probeKey(packet)]; ok {
		p.seen[d.Port] = true
		return
	}
	for _, k := range []string{deliveryKey(d, v6, packet), advertKey(d, v6, packet)} {
		if i, ok := f.of[k]; ok {
			f.outcomes[i].UDP = append(f.outcomes[i].UDP, d)
			return
		}
	}
	if _, ok := f.of[routeKey+addressBytes(d.Src)+string(packet)]; ok && v6 {
		return
	}
	f.strays = append(f.strays, scenario.Frame{Port: d.Port, Dir: scenario.In, Type: "raw", Hex: append(addressOf(d), packet...)})
}

// store puts the part's outcomes into an answer.
func (f *flight) store(a *Answer) {
	for i, o := range f.outcomes {
		a.Outcomes[i] = *o
	}
}

// addressOf is what tells a raw delivery from others beside its bytes.
func addressOf(d scenario.Delivery) []byte { return []byte(addressBytes(d.Src) + addressBytes(d.Dst)) }

func addressBytes(s string) string {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return ""
	}
	b := a.WithZone("").As16()
	return string(b[:])
}
