package volley

import (
	"testing"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

const macAll = "ff:ff:ff:ff:ff:ff"

// discovery is a message of neighbour discovery about target.
func discovery(src, dst string, typ byte, target string) []byte {
	m := append([]byte{typ, 0, 0, 0, 0, 0, 0, 0}, frame.IPv6(target, target, 0, 0, nil)[8:24]...)
	p := frame.IPv6(src, dst, wire.ProtoICMPv6, 255, m)
	icmp := p[wire.IPv6Len:]
	sum := ^wire.Fold(wire.Sum(icmp, wire.PseudoSum6(p, wire.ProtoICMPv6, len(icmp))))
	icmp[2], icmp[3] = byte(sum>>8), byte(sum)
	return frame.Ether(macB, macA, frame.TypeIPv6, p)
}

func askARP(from, to string) []byte {
	return frame.Ether(macAll, macA, frame.TypeARP, frame.ARP(wire.ARPRequest, macA, from, "00:00:00:00:00:00", to))
}

func answerARP(from, to string) []byte {
	return frame.Ether(macA, macB, frame.TypeARP, frame.ARP(wire.ARPReply, macB, from, macA, to))
}

func TestAnAnswerBelongsToItsQuestion(t *testing.T) {
	const solicited = "ff02::1:ff00:2" // of v6B
	ask, probe := discovery(v6A, solicited, wire.NDNeighborSolicit, v6B), discovery("::", solicited, wire.NDNeighborSolicit, v6B)
	for _, c := range []struct {
		name      string
		sent, got []byte
		want      bool
	}{
		{"ARP", askARP(ipA, ipB), answerARP(ipB, ipA), true},
		{"ARP, padded", append(askARP(ipA, ipB), make([]byte, 18)...), answerARP(ipB, ipA), true},
		{"ARP, a tagged question", frame.Tagged(askARP(ipA, ipB), frame.TypeVLAN, 0), answerARP(ipB, ipA), true},
		{"ARP, a probe", askARP("0.0.0.0", ipB), answerARP(ipB, "0.0.0.0"), true},
		{"ARP, of another", askARP(ipA, ipB), answerARP("10.0.0.9", ipA), false},
		{"ARP, for another", askARP(ipA, ipB), answerARP(ipB, "10.0.0.9"), false},
		{"ARP, the other way round", askARP(ipA, ipB), answerARP(ipA, ipB), false},
		{"neighbour discovery", ask, discovery(v6B, v6A, wire.NDNeighborAdvert, v6B), true},
		{"neighbour discovery, a probe", probe, discovery(v6B, "ff02::1", wire.NDNeighborAdvert, v6B), true},
		{"neighbour discovery, a probe's answer to one", probe, discovery(v6B, v6A, wire.NDNeighborAdvert, v6B), false},
		{"neighbour discovery, of another", ask, discovery(v6B, v6A, wire.NDNeighborAdvert, "fd00::9"), false},
		{"neighbour discovery, a router's", ask, discovery(v6B, v6A, wire.NDRouterAdvert, v6B), false},
	} {
		f := newFlight([]Shot{{"wire", c.sent}}, []int{0})
		f.saw(scenario.Frame{Port: "wire", Dir: scenario.In, Hex: c.got}, false)
		if got := len(f.outcomes[0].Seen) == 1; got != c.want || got == (len(f.strays) == 1) {
			t.Errorf("%s: got known %v and %d strays, want %v", c.name, got, len(f.strays), c.want)
		}
	}
	f := newFlight([]Shot{{"host", ask}}, []int{0})
	f.took(scenario.Delivery{Port: "host", Src: v6B, Dst: v6A}, true, discovery(v6B, v6A, wire.NDNeighborAdvert, v6B)[14+wire.IPv6Len:])
	if len(f.outcomes[0].UDP) != 1 || len(f.strays) != 0 {
		t.Errorf("at a raw socket: got %d deliveries and %d strays, want 1 and none", len(f.outcomes[0].UDP), len(f.strays))
	}
}

func TestAQuestionAndWhatLooksLikeItsAnswerAreFiredApart(t *testing.T) {
	shots := []Shot{{"wire", askARP(ipA, ipB)}, {"s0", answerARP(ipB, ipA)}, {"wire", append(askARP(ipA, ipB), 1, 2, 3)}}
	if parts := partition(shots, 10); len(parts) != 3 {
		t.Errorf("got the parts %v, want 3", parts)
	}
}
