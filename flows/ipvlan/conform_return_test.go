package ipvlan

import (
	"bytes"
	"testing"

	"ipvd/flows/wire"
)

// routedToSlave is a frame from the wire as the golden host routes it to the
// return interface, and as its slave must get it.
func routedToSlave(frame []byte) (routed, want []byte) {
	routed, want = bytes.Clone(frame), bytes.Clone(frame)
	wire.Ethernet(routed).SetDst(macW)
	wire.Ethernet(routed).SetSrc(macReturn)
	wire.Ethernet(want).SetSrc(macM)
	return turnedBack(routed), want
}

// whole reports an IP packet for the master's MAC that is no fragment.
func whole(frame []byte) bool {
	e := wire.Ethernet(frame)
	if e.Dst() != macM || e.Type() == wire.TypeVLAN {
		return false
	}
	p, ok := wire.ParseIPv4(e.Payload(), len(frame)-wire.EthernetLen)
	return e.Type() == wire.TypeIPv6 || ok && !p.Fragment()
}

func TestHostsRoutingReachesTheSlaveThatTheKernelReached(t *testing.T) {
	reached := map[string]int{}
	results := golden[goldenResult](t, "matrix.results.json.gz")
	for i, s := range golden[goldenScenario](t, "matrix.scenarios.json.gz") {
		if s.Mode != "l3s" {
			continue
		}
		l := newGoldenLab(t, s)
		for _, step := range results[i].Steps {
			r := replay{s: s, step: step}
			in := r.entered(isWire)
			if len(in) != 1 || !whole(in[0]) || len(step.UDP) != 1 || step.UDP[0].Port == hostPort {
				continue
			}
			routed, want := routedToSlave(in[0])
			got, sent := l.send("RETURN", routed)
			port := labPort(step.UDP[0].Port)
			if got != port || !bytes.Equal(sent[port][0], want) {
				t.Errorf("%s %s: got %q\n% x\nwant %q\n% x", s.Name, step.ID, got, sent[port], port, want)
			}
			reached[port]++
		}
	}
	for _, port := range []string{"Ss0", "Ss1", "Ss2"} {
		if reached[port] == 0 {
			t.Errorf("no stimulus reached %s", port)
		}
	}
}
