package sets

import (
	"ipvd/cmd/ipvconform/matrix"
	"ipvd/cmd/ipvconform/scenario"
)

// netfilter counts what passes which hook, in the host and in the slaves.
func netfilter() (all []scenario.Scenario) {
	wanted := map[string]bool{}
	for _, id := range []string{"w.udp4.s0", "w.udp4.s1", "w.udp4.host", "w.udp4.unknown", "w.udp4.bc255", "w.ping4.s0", "w.ping4.host", "w.frag4.s0",
		"w.udp6.s0", "w.ping6.s0", "s0.stack.udp4.s1", "s0.stack.udp4.host", "s0.stack.udp4.out", "s0.stack.udp4.offlink", "s0.stack.udp4.out.ttl1",
		"s0.stack.udp6.s1", "s0.stack.udp6.out", "s2.stack.udp4.out", "s0.raw.udp4.s1.dmM", "s0.raw.udp4.out.dmW", "host.stack.udp4.out"} {
		wanted[id] = true
	}
	for _, mode := range modes() {
		s := lab("netfilter", mode, "bridge")
		s.IPTables = true
		for _, step := range matrix.Steps() {
			if wanted[step.ID] {
				s.Steps = append(s.Steps, step)
			}
		}
		s.Steps = append(s.Steps, translated()...)
		all = append(all, s)
	}
	return all
}

// translated are flows that the host's NAT changes, and answers to them.
func translated() []scenario.Step {
	var l list
	l.cmd("host", "iptables-legacy -t nat -A POSTROUTING -s "+s0v4+" -o eth0 -j MASQUERADE")
	l.udp("s0 > wire, masqueraded", "s0", scenario.Datagram{Dst: wire4, Port: 9998})
	l.udp("s0 > s1, masqueraded", "s0", scenario.Datagram{Dst: s1v4})
	return l
}
