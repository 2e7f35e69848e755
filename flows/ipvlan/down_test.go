package ipvlan

import (
	"testing"

	"ipvd/flows/wire"
)

func TestNothingPassesTheWireWhileTheMasterIsDown(t *testing.T) {
	isDown := with(func(m *Master) { m.Down = true })
	v4 := func(dst wire.MAC, from, to string) []byte { return ether(dst, macM, wire.TypeIPv4, ip4(from, to)) }
	in := ether(macM, macW, wire.TypeIPv4, ip4("10.0.0.254", "10.0.0.11"))
	all := ether(macAll, macW, wire.TypeIPv4, ip4("10.0.0.254", "10.0.0.255"))
	for _, c := range []struct {
		name, at string
		mode     Mode
		frame    []byte
		want     string
	}{
		{"to a slave", "WIRE", L2, in, "drop:master_down"},
		{"to a slave", "WIRE", L3, in, "drop:master_down"},
		{"to a slave", "WIRE", L3S, in, "drop:master_down"},
		{"to all", "WIRE", L2, all, "drop:master_down"},
		{"from a slave", "S1", L2, v4(macW, "10.0.0.11", "10.0.0.254"), "drop:master_down"},
		{"from a slave to all", "S1", L2, v4(macAll, "10.0.0.11", "10.0.0.255"), "S2 S3 drop:master_down"},
		{"from the host", "HOST", L3, v4(macW, "10.0.0.1", "10.0.0.254"), "drop:master_down"},
		{"to a sibling", "S1", L2, v4(macM, "10.0.0.11", "10.0.0.12"), "S2"},
		{"to a sibling", "S1", L3, v4(macM, "10.0.0.11", "10.0.0.12"), "S2"},
	} {
		l := newLab(t, c.mode, Bridge, 3, isDown)
		if got, _ := l.send(c.at, c.frame); got != c.want {
			t.Errorf("%s in %v: got %s, want %s", c.name, c.mode, got, c.want)
		}
	}
}
