package compare

import (
	"testing"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/matrix"
	"ipvd/cmd/ipvconform/scenario"
)

// arp is an ARP packet between two addresses.
func arp(dst, src string, op uint16, from, to string) scenario.Hex {
	return frame.Ether(dst, src, frame.TypeARP, frame.ARP(op, src, from, "00:00:00:00:00:00", to))
}

func TestDifferencesOfReachAreNarrow(t *testing.T) {
	const all, host, s0, s1, w = "ff:ff:ff:ff:ff:ff", "10.0.0.1", "10.0.0.10", "10.0.0.11", "10.0.0.254"
	none := scenario.Outcome{}
	at := func(port string) scenario.Step {
		f := udp(macM, macM, s0, "10.0.0.99")
		if port == "wire" {
			f = udp(macM, macW, w, "10.0.0.99")
		}
		return scenario.Step{ID: "it", At: port, Hex: scenario.Frames{f}}
	}
	got := func(f scenario.Hex) scenario.Outcome {
		return scenario.Outcome{Got: []scenario.Frame{{Port: "host", Dir: scenario.In, Hex: f}}}
	}
	command := func(cmd string) scenario.Step { return scenario.Step{ID: "it", At: "wire", Cmd: cmd} }
	of := func(cmd string, o scenario.Outcome) scenario.Outcome {
		c := answer{}.outcome(command(cmd))
		c.Seen = o.Seen
		return c
	}
	for _, c := range []struct {
		name, mode   string
		step         scenario.Step
		kernel, ours scenario.Outcome
		id           string
	}{
		{"to a slave", "l2", at("host"), none, seen("s0", udp(macM, macM, host, s0)), "host-reach"},
		{"to a slave in place of the wire", "l3", at("host"), seen("wire", udp(macM, macM, host, s0)), none, "host-reach"},
		{"the question for a slave", "l3", at("host"), seen("wire", arp(all, macM, 1, host, s0)), none, "host-reach"},
		{"the question for others", "l3", at("host"), seen("wire", arp(all, macM, 1, host, w)), none, ""},
		{"to others", "l3", at("host"), seen("wire", udp(macW, macM, host, w)), none, ""},
		{"to the host", "l3", at("s0"), none, got(udp(macM, macM, s0, host)), "host-reach"},
		{"as if from the host itself", "l3", at("s0"), socket("host", host, host), got(udp(macM, macM, host, host)), "host-reach"},
		{"as if from the host itself, from the wire", "l3", at("wire"), socket("host", host, host), none, ""},
		{"for others to the host", "l3", at("s0"), none, got(udp(macM, macM, s0, w)), ""},
		{"a slave's question for the host", "l2", at("s0"), none, got(arp(all, macM, 1, s0, host)), "host-reach"},
		{"a slave's question for others", "l2", at("s0"), none, got(arp(all, macM, 1, s0, w)), ""},
		{"another's question for the host", "l2", at("wire"), none, got(arp(all, macW, 1, w, host)), ""},
		{"between slaves", "l2", at("s0"), none, seen("s1", udp(macM, macM, s0, s1)), ""},
		{"at a socket", "l3", at("host"), none, socket("s0", host, s0), "host-reach"},
		{"at another socket", "l3", at("host"), none, socket("s1", host, w), ""},
		{"an answer", "l3", at("wire"), none, seen("wire", arp(macW, macM, 2, s0, w)), "l3-proxy"},
		{"an answer in l2", "l2", at("wire"), none, seen("wire", arp(macW, macM, 2, s0, w)), ""},
		{"an answer for the host", "l3", at("wire"), none, seen("wire", arp(macW, macM, 2, host, w)), ""},
		{"a question that nobody gets", "l3", at("wire"), seen("s0", arp(all, macW, 1, w, s0)), none, "l3-proxy"},
		{"a question for the host that it does not get", "l3s", at("wire"), got(arp(all, macW, 1, w, host)), none, ""},
		{"what waited for the answer", "l3", command("ping"), of("ping", none), of("ping", seen("s0", udp(macM, macW, w, s0))), "l3-proxy"},
		{"what is lost", "l3", command("ping"), of("ping", seen("s0", udp(macM, macW, w, s0))), of("ping", none), ""},
		{"what waits no longer", "l3", command("ip neigh replace"), of("ip neigh replace", seen("s0", udp(macM, macW, w, s0))), of("ip neigh replace", none), "l3-proxy"},
	} {
		// The recorder has watched the host's protocol handlers.
		c.kernel.Got, c.ours.Got = append([]scenario.Frame{}, c.kernel.Got...), append([]scenario.Frame{}, c.ours.Got...)
		s := matrix.Lab(c.mode, "bridge")
		if r := framesBy(s, true, c.step, c.kernel, c.ours); !explainedBy(r, c.id) {
			t.Errorf("%s: got %s, want id %q", c.name, r.Details(), c.id)
		}
		if r := framesBy(s, false, c.step, c.kernel, c.ours); len(r.Unexplained) == 0 {
			t.Errorf("%s: explained with --compat kernel by %s", c.name, r.Details())
		}
		s = matrix.Lab(c.mode, "vepa")
		if r := framesBy(s, true, c.step, c.kernel, c.ours); c.id == "host-reach" && len(r.Unexplained) == 0 {
			t.Errorf("%s: explained in vepa by %s", c.name, r.Details())
		}
	}
}
