package ipvlan

import (
	"testing"

	"ipvd/flows/wire"
	"ipvd/pmd/pmdtest"
)

// load makes every port receive without end: traffic that visits each stage
// and several drop reasons.
func (l *lab) load() {
	v4 := func(dst, src wire.MAC, from, to string) []byte { return ether(dst, src, wire.TypeIPv4, ip4(from, to)) }
	l.ports["WIRE"].Replay(0,
		v4(macM, macW, "10.0.0.254", "10.0.0.11"), v4(macM, macW, "10.0.0.254", "10.0.0.12"),
		v4(macM, macW, "10.0.0.254", "10.0.0.99"), v4(macAll, macW, "10.0.0.254", "10.0.0.255"),
		ether(macAll, macW, wire.TypeARP, arp(wire.ARPRequest, macW, "10.0.0.254", "10.0.0.11")),
		v4(macX, macW, "10.0.0.254", "10.0.0.11"), tagged(0, v4(macM, macW, "10.0.0.254", "10.0.0.13")))
	l.ports["S1"].Replay(0,
		v4(macM, macM, "10.0.0.11", "10.0.0.12"), v4(macW, macX, "10.0.0.11", "10.0.0.254"),
		ether(macAll, macX, wire.TypeARP, arp(wire.ARPRequest, macX, "10.0.0.11", "10.0.0.254")),
		ether(macNodes6, macX, wire.TypeIPv6, ns("fd00::11", "ff02::1", "fd00::12", macX)))
	l.ports["HOST"].Replay(0, v4(macW, macM, "10.0.0.1", "10.0.0.254"), v4(macM, macM, "10.0.0.1", "10.0.0.11"),
		ether(macAll, macM, wire.TypeARP, arp(wire.ARPRequest, macM, "10.0.0.1", "10.0.0.12")))
	l.ports["RETURN"].Replay(0, v4(macW, macM, "10.0.0.1", "10.0.0.12"), v4(macW, macM, "10.0.0.1", "10.0.0.99"))
}

func TestAStepAllocatesNothing(t *testing.T) {
	for _, mode := range []Mode{L2, L3, L3S} {
		for _, flag := range []Flag{Bridge, Private, VEPA} {
			l := newLabOf(t, pmdtest.PortOptions{Discard: true}, mode, flag, 3, reachable(), with(func(m *Master) { m.L3Proxy, m.Answers = true, new(Allowance) }))
			l.m.Answers.Refill(1 << 40)
			l.load()
			l.st.Step()
			if n := testing.AllocsPerRun(100, func() { l.st.Step() }); n != 0 {
				t.Errorf("%v %v: %v allocations a step, want 0", mode, flag, n)
			}
			if mode != L2 && l.answers() == 0 {
				t.Errorf("%v %v: nobody was answered, so that the stage was not measured", mode, flag)
			}
			l.st.Flush()
			if d := l.st.Account().Difference(); d != 0 {
				t.Errorf("%v %v: account differs by %d", mode, flag, d)
			}
		}
	}
}
