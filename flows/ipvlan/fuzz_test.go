package ipvlan

import (
	"testing"

	"ipvd/flows/wire"
)

// FuzzPath runs any frame, from every side, through a master in any mode, flag
// and policy. Nothing may panic, no packet may be lost (the lab checks the
// pool when it ends), and the account must be even.
func FuzzPath(f *testing.F) {
	for _, frame := range [][]byte{
		ether(macM, macW, wire.TypeIPv4, ip4("10.0.0.254", "10.0.0.11")),
		ether(macM, macM, wire.TypeIPv6, udp6("fd00::11", "fd00::12")),
		ether(macAll, macX, wire.TypeARP, arp(wire.ARPRequest, macX, "10.0.0.11", "10.0.0.12")),
		ether(macNodes6, macX, wire.TypeIPv6, ns("fd00::11", "ff02::1", "fd00::12", macX)),
		ether(macNodes6, macW, wire.TypeIPv6, dad("fd00::11")),
		tagged(0, broadcast(macW, 60)),
		make([]byte, 3),
		nil,
	} {
		for choose := range uint8(27) {
			f.Add(frame, choose)
		}
	}
	var labs [27]*lab
	for i := range labs {
		labs[i] = newLab(f, Mode(i%3), Flag(i/3%3), 3, with(func(m *Master) { m.SourceMAC = SourceMAC(i / 9) }))
		// Modes, flags and policies come in threes: every other one has these.
		if i%2 == 1 {
			reachable()(labs[i])
			labs[i].m.L3Proxy = true
			if err := labs[i].st.Swap(labs[i].build); err != nil {
				f.Fatal(err)
			}
		}
	}
	f.Fuzz(func(t *testing.T, frame []byte, choose uint8) {
		if len(frame) > 4000 {
			return
		}
		l := labs[int(choose)%len(labs)]
		for _, at := range []string{"WIRE", "HOST", "RETURN", "S1", "S2"} {
			if at == "RETURN" && l.m.Mode != L3S {
				continue
			}
			before, answers := l.st.Account(), l.answers()
			l.ports[at].Inject(0, frame)
			l.st.Step()
			l.st.Flush()
			if d := l.st.Account().Difference(); d != 0 {
				t.Fatalf("from %s in %v %v: account differs by %d", at, l.m.Mode, l.m.Flag, d)
			}
			got, sent := l.outcome(before)
			if got == "" {
				t.Fatalf("from %s in %v %v: neither sent nor dropped", at, l.m.Mode, l.m.Flag)
			}
			if sent[at] != nil && at != "S1" && at != "S2" && l.answers() == answers {
				t.Fatalf("from %s in %v %v: came back", at, l.m.Mode, l.m.Flag)
			}
		}
	})
}
