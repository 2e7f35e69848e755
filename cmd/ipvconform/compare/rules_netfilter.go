package compare

import (
	"slices"
	"strings"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

// forward: in l3s packets pass the host's FORWARD in place of INPUT and OUTPUT,
// and then a slave's own hooks.
func forward(s situation, side Side, e Entry) bool {
	if s.mode != "l3s" || e.Kind != Counted {
		return false
	}
	chain := e.Text
	if family, of, ok := strings.Cut(e.Text, "."); ok && (family == "ipt4" || family == "ipt6") {
		chain = of
	}
	switch {
	case e.Port == scenario.Host && side == Kernel:
		return chain == "INPUT" || chain == "OUTPUT"
	case e.Port == scenario.Host:
		return chain == "PREROUTING" || chain == "FORWARD" || chain == "POSTROUTING" || chain == conntracked && s.forwardsMore()
	case isSlave(e.Port) && side == Ours:
		return chain == "PREROUTING" || chain == "INPUT" || chain == conntracked
	}
	return false
}

// forwardsMore reports that the host has forwarded a packet that the kernel's driver
// has let neither in nor out.
func (s situation) forwardsMore() bool {
	ours, kernel := s.ours.Delta[scenario.Host], s.kernel.Delta[scenario.Host]
	return ours["ipt4.FORWARD"]+ours["ipt6.FORWARD"] > kernel["ipt4.INPUT"]+kernel["ipt6.INPUT"]+kernel["ipt4.OUTPUT"]+kernel["ipt6.OUTPUT"]
}

// rejoined: where conntrack joins fragments, the host forwards them in the memory
// that its protocol handlers were shown.
func rejoined(s situation, _ Side, e Entry) bool {
	if s.mode != "l3s" || !s.scenario.IPTables || e.Kind != Reached || e.Frame.Type() != wire.TypeIPv4 {
		return false
	}
	p, ok := wire.ParseIPv4(e.Frame.Payload(), len(e.Frame)-wire.EthernetLen)
	return ok && p.Fragment()
}

// countedAfter: what a frame that is explained counts where it came to, and what a
// stack that did not get one does not count.
func (s situation) countedAfter(e Entry) (id string) {
	if e.Kind != Counted {
		return ""
	}
	i := slices.IndexFunc(s.found, func(f Finding) bool { return f.Entry.Port == e.Port })
	if i < 0 {
		return ""
	}
	return s.found[i].ID
}
