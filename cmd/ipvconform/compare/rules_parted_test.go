package compare

import (
	"testing"

	"ipvd/cmd/ipvconform/matrix"
	"ipvd/cmd/ipvconform/scenario"
)

// done is a step and what it gave on either side.
type done struct {
	step         scenario.Step
	kernel, ours scenario.Outcome
}

// command is a step that runs one.
func command(at, cmd string, kernel, ours answer) done {
	step := scenario.Step{ID: "a command at " + at, At: at, Cmd: cmd}
	return done{step, kernel.outcome(step), ours.outcome(step)}
}

// last compares a step that follows another with ipvd's defaults, and gives what
// explains the last one alone.
func last(mode string, first, then done) Report {
	then.step.ID = "the last"
	s := matrix.Lab(mode, "bridge")
	s.Steps = []scenario.Step{first.step, then.step}
	then.kernel.ID, then.kernel.At, then.ours.ID, then.ours.At = then.step.ID, then.step.At, then.step.ID, then.step.At
	side := func(a, b scenario.Outcome) []scenario.Result {
		return []scenario.Result{{Name: s.Name, Steps: []scenario.Outcome{a, b}}}
	}
	all := Results([]scenario.Scenario{s}, side(first.kernel, then.kernel), side(first.ours, then.ours), true)
	none := answer{}.outcome(then.step)
	before := Results([]scenario.Scenario{s}, side(first.kernel, none), side(first.ours, none), true)
	for id, n := range before.Listed {
		if all.Listed[id] -= n; all.Listed[id] == 0 {
			delete(all.Listed, id)
		}
	}
	return all
}

func TestWhatFollowsFromDifferencesIsNarrow(t *testing.T) {
	ok, no, none := answer{}, answer{rc: 2}, scenario.Outcome{}
	twin := command("s1", "ip addr add 10.0.0.10/24 dev s1", answer{2, assigned}, ok)
	peer := command("s0", "ip addr add 10.0.0.56 peer 10.0.0.57 dev s0", ok, ok)
	mac := command("s0", "ip link set s0 address 02:00:00:00:00:99", answer{2, refused}, ok)
	const unlike = "ipvctl: eth0 has mode l2 bridge for all its 3 slaves, not l3 bridge: " + otherMode + ", or say force"
	mode := command("host", "ip link add link eth0 name x0 type ipvlan mode l3", ok, answer{2, unlike})
	plain := command("s1", "ip link show s1", ok, ok)
	frame := func(kernel, ours scenario.Outcome) done {
		return done{scenario.Step{At: "wire", Hex: scenario.Frames{udp(macM, macW, "10.0.0.254", "10.0.0.99")}}, kernel, ours}
	}
	to := func(port, addr string) scenario.Outcome { return seen(port, udp(macM, macW, "10.0.0.254", addr)) }
	const gone = "Device \"x0\" does not exist."
	of := func(mac string) answer {
		return answer{0, "3: s0: <UP> mtu 1500 qdisc x state UP\n    link/ether " + mac + " brd ff:ff:ff:ff:ff:ff\n"}
	}
	in := func(mode string) answer {
		return answer{0, "3: s1: <UP> mtu 1500 qdisc x state UP\n    ipvlan mode " + mode + " bridge\n"}
	}
	for _, c := range []struct {
		name        string
		first, then done
		id          string
	}{
		{"a packet for the twin's address", twin, frame(to("s0", "10.0.0.10"), to("s1", "10.0.0.10")), "address-conflict"},
		{"a packet for another address", twin, frame(to("s0", "10.0.0.11"), to("s1", "10.0.0.11")), ""},
		{"a packet for an address without a twin", plain, frame(to("s0", "10.0.0.10"), to("s1", "10.0.0.10")), ""},
		{"the twin's address is shown", twin, command("s1", "ip -br addr show s1", answer{0, "s1 UP 10.0.0.11/24"}, answer{0, "s1 UP 10.0.0.11/24 10.0.0.10/24"}), "address-conflict"},
		{"another address is shown", twin, command("s1", "ip -br addr show s1", answer{0, "s1 UP 10.0.0.11/24"}, answer{0, "s1 UP 10.0.0.11/24 10.0.0.12/24"}), ""},
		{"the twin's address cannot be added again", twin, command("s1", "ip addr add 10.0.0.10/24 dev s1", ok, answer{2, "Error: ipv4: Address already assigned."}), "address-conflict"},
		{"another address cannot be added", twin, command("s1", "ip addr add 10.0.0.12/24 dev s1", ok, answer{2, "Error: ipv4: Address already assigned."}), ""},
		{"a packet for a peer", peer, frame(to("s0", "10.0.0.57"), none), "peer-address"},
		{"a packet for its other end", peer, frame(none, to("s0", "10.0.0.56")), "peer-address"},
		{"a packet for no peer", peer, frame(none, to("s0", "10.0.0.58")), ""},
		{"the MAC is shown", mac, command("s0", "ip link show s0", of(macM), of("02:00:00:00:00:99")), "slave-mac"},
		{"a MAC is shown that nobody has set", plain, command("s0", "ip link show s0", of(macM), of("02:00:00:00:00:99")), ""},
		{"the mode is shown", mode, command("s1", "ip -d link show s1", in("l3"), in("l2")), "mode-change"},
		{"a mode that nobody has set", plain, command("s1", "ip -d link show s1", in("l3"), in("l2")), ""},
		{"the link is not there", mode, command("host", "ip link set x0 up", ok, answer{1, gone}), "mode-change"},
		{"a link that nobody refused is not there", plain, command("host", "ip link set x0 up", ok, answer{1, gone}), ""},
		{"another refusal", mode, command("host", "ip link set eth0 up", ok, no), ""},
		{"a broadcast in the other mode", mode, frame(none, to("s0", "10.0.0.10")), "mode-change"},
	} {
		if r := last("l2", c.first, c.then); !explainedBy(r, c.id) {
			t.Errorf("%s: got %s, want id %q", c.name, r.Details(), c.id)
		}
	}
}

func TestMACOfTheMasterIsTheLatest(t *testing.T) {
	set := command("host", "ip link set eth0 address 02:00:00:00:00:aa", answer{}, answer{})
	f := udp(macM, macW, "10.0.0.254", "10.0.0.10")
	old := done{scenario.Step{At: "wire", Hex: scenario.Frames{f}}, seen("s0", f), scenario.Outcome{}}
	if r := last("l2", set, old); !explainedBy(r, "foreign-mac") {
		t.Errorf("a frame for the old MAC: got %s, want foreign-mac", r.Details())
	}
	if r := last("l2", command("host", "true", answer{}, answer{}), old); !explainedBy(r, "") {
		t.Errorf("a frame for the MAC: got %s, want it unexplained", r.Details())
	}
}
