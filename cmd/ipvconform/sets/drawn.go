package sets

import (
	"fmt"
	"math/rand/v2"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/scenario"
)

// drawnSteps is how many steps a drawn scenario has.
const drawnSteps = 25

// drawn are steps drawn at random, the same ones for equal seeds: every kind of
// stimulus at every port, for addresses that somebody has or nobody.
func drawn(mode, flag string, seed uint64) scenario.Scenario {
	s := oddLab("drawn", mode, flag, 4)
	s.Slaves[3].Addrs = []string{"172.20.2.4/16", "10.77.0.4/24"}
	d := dice{rand.New(rand.NewPCG(seed, uint64(len(flag))))}
	for i := range drawnSteps {
		s.Steps = append(s.Steps, d.step(i))
	}
	return s
}

// dice draws.
type dice struct{ *rand.Rand }

func (d dice) of(words ...string) string { return words[d.IntN(len(words))] }

func (d dice) address() string {
	return d.of("172.20.2.1", "172.20.2.2", "172.20.2.3", "172.20.2.4", "10.77.0.4", "172.20.1.1", "172.20.9.9", "172.20.2.200", "203.0.113.9",
		"172.20.255.255", "255.255.255.255", "224.0.0.1", "239.3.3.3", "127.0.0.1")
}

func (d dice) mac() string {
	return d.of(oddM, oddM, oddM, oddW, macAll, frame.GroupMAC("224.0.0.1"), frame.GroupMAC("239.3.3.3"), "01:80:c2:00:00:0e")
}

func (d dice) step(i int) scenario.Step {
	slave := fmt.Sprintf("web-%d.x", d.IntN(4))
	s := scenario.Step{ID: fmt.Sprintf("%d", i), At: slave}
	switch d.IntN(6) {
	case 0, 1:
		s.At = scenario.Wire
		s.Hex = scenario.Frames{d.frame(oddW)}
	case 2:
		s.Hex = scenario.Frames{d.frame(oddM)}
	case 3:
		s.At = d.of(slave, slave, scenario.Host)
		s.UDP = &scenario.Datagram{Dst: d.address(), TTL: []int{0, 0, 1, 7}[d.IntN(4)]}
	case 4:
		s.Hex = scenario.Frames{d.frame(oddM), d.frame(oddM)}
	default:
		s.Cmd = d.of("ip link set "+slave+" down; ip link set "+slave+" up; ip route replace default dev "+slave,
			"ip -br addr show "+slave, "ip -d link show "+slave, "ping -c 1 -W 1 "+d.address(),
			"ip addr add 172.20.3."+fmt.Sprint(d.IntN(3)+1)+"/32 dev "+slave, "ip addr del 172.20.3."+fmt.Sprint(d.IntN(3)+1)+"/32 dev "+slave)
	}
	return s
}

// frame is one of a few kinds, right in its checksums.
func (d dice) frame(src string) []byte {
	dst, from, to := d.mac(), d.address(), d.address()
	switch d.IntN(6) {
	case 0:
		return arp(dst, src, uint16(d.IntN(2)+1), src, from, noMAC, to)
	case 1:
		return echo4(dst, src, from, to)
	case 2:
		return frame.Ether(dst, src, 0x88b5, make([]byte, 46))
	}
	return udp4(dst, src, from, to)
}
