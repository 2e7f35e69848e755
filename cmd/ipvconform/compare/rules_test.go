package compare

import (
	"testing"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/matrix"
	"ipvd/cmd/ipvconform/scenario"
)

// answer is what a command gives: its status and output.
type answer struct {
	rc  int
	out string
}

func (a answer) outcome(step scenario.Step) scenario.Outcome {
	return scenario.Outcome{ID: step.ID, At: step.At, RC: &a.rc, Out: a.out}
}

// ofCommands compares what a command gave in a scenario of a mode; before are
// commands that succeeded before it.
func ofCommands(mode, at, cmd string, kernel, ours answer, before ...scenario.Step) Report {
	s := matrix.Lab(mode, "bridge")
	s.Steps = append(before, scenario.Step{ID: "it", At: at, Cmd: cmd})
	var k, o scenario.Result
	k.Name, o.Name = s.Name, s.Name
	for _, step := range before {
		k.Steps, o.Steps = append(k.Steps, answer{}.outcome(step)), append(o.Steps, answer{}.outcome(step))
	}
	last := s.Steps[len(s.Steps)-1]
	k.Steps, o.Steps = append(k.Steps, kernel.outcome(last)), append(o.Steps, ours.outcome(last))
	return Results([]scenario.Scenario{s}, []scenario.Result{k}, []scenario.Result{o}, false)
}

// explainedBy reports that all that differs is explained by id; an empty id: none is.
func explainedBy(r Report, id string) bool {
	if id == "" {
		return len(r.Unexplained) > 0
	}
	return len(r.Unexplained) == 0 && len(r.Listed) == 1 && r.Listed[id] == 1
}

const (
	assigned = "Error: Address already assigned to an ipvlan device."
	refused  = "RTNETLINK answers: Operation not supported"
	busy     = "RTNETLINK answers: Device or resource busy"
	s1Down   = "5: s1: <BROADCAST> mtu 1500 qdisc noop state DOWN mode DEFAULT"
	s1NoARP  = "5: s1: <BROADCAST,NOARP> mtu 1500 qdisc noop state DOWN mode DEFAULT"
	s1Up     = "5: s1: <BROADCAST,UP> mtu 1500 qdisc x state UP mode DEFAULT"
	s1UpARP  = "5: s1: <BROADCAST,NOARP,UP> mtu 1500 qdisc x state UP mode DEFAULT"
)

func TestDifferencesOfCommandsAreNarrow(t *testing.T) {
	no := answer{rc: 2}
	for _, c := range []struct {
		name, at, cmd string
		kernel, ours  answer
		id            string
	}{
		{"conflict", "s1", "ip addr add 10.0.0.10/24 dev s1", answer{2, assigned}, answer{}, "address-conflict"},
		{"another refusal of an address", "s1", "ip addr add 10.0.0.10/24 dev s1", answer{2, "RTNETLINK answers: File exists"}, answer{}, ""},
		{"conflict that ipvd alone sees", "s1", "ip addr add 10.0.0.10/24 dev s1", answer{}, answer{2, assigned}, ""},
		{"MAC", "s0", "ip link set s0 address 02:00:00:00:00:99", answer{2, refused}, answer{}, "slave-mac"},
		{"the same refusal of an MTU", "s0", "ip link set s0 mtu 1400", answer{2, refused}, answer{}, ""},
		{"macvlan", "host", "ip link add link eth0 name mv0 type macvlan", answer{2, busy}, answer{}, "upper"},
		{"another slave", "host", "ip link add link eth0 name x0 type ipvlan", answer{2, busy}, answer{}, ""},
		{"greatest MTU", "s0", "ip link set s0 mtu 65535", answer{}, no, "mtu-limit"},
		{"great MTU", "s0", "ip link set s0 mtu 9000", answer{}, no, ""},
		{"MTU of IPv6", "s0", "cat /proc/sys/net/ipv6/conf/s0/mtu", answer{0, "9000\n"}, answer{0, "1300\n"}, "mtu-ipv6"},
		{"MTU", "s0", "cat /sys/class/net/s0/mtu", answer{0, "9000\n"}, answer{0, "1300\n"}, ""},
		{"dev_id", "s0", "cat /sys/class/net/s0/dev_id", answer{0, "0x1\n"}, answer{0, "0x0\n"}, "tap-device"},
		{"wrong dev_id", "s0", "cat /sys/class/net/s0/dev_id", answer{0, "0x1\n"}, answer{0, "0x2\n"}, ""},
		{"NOARP before up", "s1", "ip link show s1", answer{0, s1Down}, answer{0, s1NoARP}, "noarp-early"},
		{"NOARP after up", "s1", "ip link show s1", answer{0, s1Up}, answer{0, s1UpARP}, ""},
		{"no NOARP", "s1", "ip link show s1", answer{0, s1NoARP}, answer{0, s1Down}, ""},
		{"a link-local address", "s0", "ip -br addr show s0", answer{0, "s0@if2 UP 10.0.0.1/24"}, answer{0, "s0 UNKNOWN 10.0.0.1/24 fe80::1/64"}, "link-local"},
		{"another address", "s0", "ip -br addr show s0", answer{0, "s0@if2 UP"}, answer{0, "s0 UP fd00::1/64"}, ""},
		{"a second master", "host", "ip link add link d0 name x0 type ipvlan", answer{}, no, "second-master"},
		{"the first master", "host", "ip link add link eth0 name x0 type ipvlan", answer{}, no, ""},
		{"mode", "s0", "ip -d link show s0", answer{0, "ipvlan  mode l2 bridge addrgenmode none"}, answer{0, "ipvlan  mode l3 bridge addrgenmode none"}, ""},
		{"words of an error", "s0", "ip addr add x dev s0", answer{1, "one"}, answer{255, "two"}, "none"},
	} {
		r := ofCommands("l2", c.at, c.cmd, c.kernel, c.ours)
		if c.id == "none" {
			if len(r.Unexplained)+len(r.Listed) > 0 {
				t.Errorf("%s: got %s, want no difference", c.name, r.Details())
			}
		} else if !explainedBy(r, c.id) {
			t.Errorf("%s: got %s, want id %q", c.name, r.Details(), c.id)
		}
	}
}

// ofFrames compares a step of a scenario that sends a frame; the sides' outcomes
// need not say which step.
func ofFrames(mode string, step scenario.Step, kernel, ours scenario.Outcome, before ...scenario.Step) Report {
	return framesBy(matrix.Lab(mode, "bridge"), false, step, kernel, ours, before...)
}

// framesBy is ofFrames in a scenario, with ipvd's defaults or without.
func framesBy(s scenario.Scenario, defaults bool, step scenario.Step, kernel, ours scenario.Outcome, before ...scenario.Step) Report {
	s.Steps = append(before, step)
	k, o := scenario.Result{Name: s.Name}, scenario.Result{Name: s.Name}
	for _, b := range before {
		k.Steps, o.Steps = append(k.Steps, answer{}.outcome(b)), append(o.Steps, answer{}.outcome(b))
	}
	kernel.ID, kernel.At, ours.ID, ours.At = step.ID, step.At, step.ID, step.At
	k.Steps, o.Steps = append(k.Steps, kernel), append(o.Steps, ours)
	return Results([]scenario.Scenario{s}, []scenario.Result{k}, []scenario.Result{o}, defaults)
}

const macM, macW = "02:00:00:00:00:01", "02:00:00:00:00:fe"

func udp(dst, src, from, to string) scenario.Hex {
	return frame.Ether(dst, src, frame.TypeIPv4, frame.IPv4{Src: from, Dst: to, Proto: 17}.Packet(frame.UDP(from, to, 5555, 7777, []byte("x"))))
}

func seen(port string, f scenario.Hex) scenario.Outcome {
	return scenario.Outcome{Seen: []scenario.Frame{{Port: port, Dir: scenario.In, Hex: f}}}
}

func socket(port, src, dst string) scenario.Outcome {
	return scenario.Outcome{UDP: []scenario.Delivery{{Port: port, Src: src, SPort: 5555, Dst: dst, TTL: 64, Len: 1}}}
}

func TestDifferencesOfFramesAreNarrow(t *testing.T) {
	none := scenario.Outcome{}
	wire := func(f scenario.Hex) scenario.Step {
		return scenario.Step{ID: "it", At: "wire", Hex: scenario.Frames{f}}
	}
	slave := func(f scenario.Hex) scenario.Step { return scenario.Step{ID: "it", At: "s0", Hex: scenario.Frames{f}} }
	drop := func(at, chain string) scenario.Step {
		return scenario.Step{ID: "rule", At: at, Cmd: "iptables-legacy -A " + chain + " -j DROP"}
	}
	redirect := frame.Ether(macW, macM, frame.TypeIPv4, frame.IPv4{Src: "10.0.0.1", Dst: "10.0.0.254", Proto: 1}.Packet(frame.ICMP(5, 0, make([]byte, 32))))
	routing := scenario.Step{ID: "routing", At: "host", Cmd: "sysctl -w net.ipv4.ip_forward=1"}
	snat := scenario.Step{ID: "snat", At: "host", Cmd: "iptables-legacy -t nat -A POSTROUTING -s 10.0.0.10 -j SNAT --to 10.0.0.1"}
	flush := scenario.Step{ID: "flush", At: "host", Cmd: "iptables-legacy -F"}
	in := udp(macM, macW, "10.0.0.254", "10.0.0.10")
	out := udp(macW, macM, "10.0.0.10", "10.0.0.254")
	joined, unjoined := udp(frame.GroupMAC("239.1.1.1"), macW, "10.0.0.254", "239.1.1.1"), udp(frame.GroupMAC("239.9.9.9"), macW, "10.0.0.254", "239.9.9.9")
	for _, c := range []struct {
		name, mode   string
		step         scenario.Step
		kernel, ours scenario.Outcome
		id           string
		before       []scenario.Step
	}{
		{"a group that nobody joined", "l2", wire(unjoined), none, seen("s0", unjoined), "multicast-filter", nil},
		{"a group that was joined", "l2", wire(joined), none, seen("s0", joined), "", nil},
		{"a group that does not come", "l2", wire(unjoined), seen("s0", unjoined), none, "", nil},
		{"a redirect of a host that routes", "l2", wire(in), none, seen("wire", redirect), "none", []scenario.Step{routing}},
		{"a redirect of another", "l2", wire(in), none, seen("wire", redirect), "", nil},
		{"INPUT of the host", "l3s", wire(in), none, socket("s0", "10.0.0.254", "10.0.0.10"), "forward", []scenario.Step{drop("host", "INPUT")}},
		{"INPUT of the host in l3", "l3", wire(in), none, socket("s0", "10.0.0.254", "10.0.0.10"), "", []scenario.Step{drop("host", "INPUT")}},
		{"rules that are gone", "l3s", wire(in), none, socket("s0", "10.0.0.254", "10.0.0.10"), "", []scenario.Step{drop("host", "INPUT"), flush}},
		{"INPUT of another", "l3s", wire(in), socket("s0", "10.0.0.254", "10.0.0.10"), none, "", []scenario.Step{drop("s1", "INPUT")}},
		{"INPUT of the slave", "l3s", wire(in), socket("s0", "10.0.0.254", "10.0.0.10"), none, "forward", []scenario.Step{drop("s0", "INPUT")}},
		{"OUTPUT of the host", "l3s", slave(out), none, seen("wire", out), "forward", []scenario.Step{drop("host", "OUTPUT")}},
		{"an answer to a packet that FORWARD has dropped", "l3s", wire(in), none, socket("host", "10.0.0.254", "10.0.0.1"), "forward", []scenario.Step{snat, drop("host", "FORWARD")}},
		{"an answer to a packet that was translated", "l3s", wire(in), none, socket("host", "10.0.0.254", "10.0.0.1"), "", []scenario.Step{snat}},
		{"the host's address", "l3s", wire(in), socket("s1", "10.0.0.254", "10.0.0.1"), socket("host", "10.0.0.254", "10.0.0.1"), "l3s-host-address", nil},
		{"the host's address, to the host alone", "l3s", wire(in), none, socket("host", "10.0.0.254", "10.0.0.1"), "", nil},
		{"another's address", "l3s", wire(in), socket("s1", "10.0.0.254", "10.0.0.9"), socket("host", "10.0.0.254", "10.0.0.9"), "", nil},
		{"a packet from the host's address", "l3s", wire(udp(macM, macW, "10.0.0.1", "10.0.0.10")), socket("s0", "10.0.0.1", "10.0.0.10"), none, "l3s-refused", nil},
		{"a packet that is lost", "l3s", wire(in), socket("s0", "10.0.0.254", "10.0.0.10"), none, "", nil},
		{"a packet that does not leave", "l3s", slave(out), seen("wire", out), none, "", nil},
	} {
		r := ofFrames(c.mode, c.step, c.kernel, c.ours, c.before...)
		if c.id == "none" {
			if len(r.Unexplained)+len(r.Listed) > 0 {
				t.Errorf("%s: got %s, want no difference", c.name, r.Details())
			}
		} else if !explainedBy(r, c.id) {
			t.Errorf("%s: got %s, want id %q", c.name, r.Details(), c.id)
		}
	}
}

func TestNetfiltersCountersAreCompared(t *testing.T) {
	count := func(port, name string, n int64) scenario.Outcome {
		return scenario.Outcome{Delta: map[string]map[string]int64{port: {name: n, "rx": 7}}}
	}
	none := scenario.Outcome{}
	for _, c := range []struct {
		name, mode   string
		kernel, ours scenario.Outcome
		id           string
	}{
		{"INPUT of the host", "l3s", count("host", "ipt4.INPUT", 1), none, "forward"},
		{"FORWARD of the host", "l3s", none, count("host", "ipt4.FORWARD", 1), "forward"},
		{"INPUT of a slave", "l3s", none, count("s0", "ipt6.INPUT", 1), "forward"},
		{"INPUT of the host, here alone", "l3s", none, count("host", "ipt4.INPUT", 1), ""},
		{"FORWARD of the host, in l3", "l3", none, count("host", "ipt4.FORWARD", 1), ""},
		{"OUTPUT of a slave", "l3s", none, count("s0", "ipt4.OUTPUT", 1), ""},
		{"less in PREROUTING", "l3s", count("host", "ipt4.PREROUTING", 2), count("host", "ipt4.PREROUTING", 1), ""},
		{"connections", "l2", count("host", "conntrack", 1), none, ""},
	} {
		s := matrix.Lab(c.mode, "bridge")
		s.IPTables = true
		s.Steps = []scenario.Step{{ID: "it", At: "wire", Hex: scenario.Frames{make([]byte, 60)}}}
		c.kernel.ID, c.ours.ID = "it", "it"
		r := Results([]scenario.Scenario{s}, []scenario.Result{{Name: s.Name, Steps: []scenario.Outcome{c.kernel}}}, []scenario.Result{{Name: s.Name, Steps: []scenario.Outcome{c.ours}}}, false)
		if !explainedBy(r, c.id) {
			t.Errorf("%s: got %s, want id %q", c.name, r.Details(), c.id)
		}
	}
}

func TestFieldsOfWhatCommandsPrint(t *testing.T) {
	const addr = "3: s0@if2: <BROADCAST,UP,M-DOWN> mtu 1500 qdisc noqueue state UNKNOWN group default qlen 1000\n" +
		"    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff link-netns h\n    inet 10.0.0.10/24 brd 10.0.0.255 scope global s0\n       valid_lft forever\n" +
		"    inet6 fd00::10/64 scope global tentative \n"
	for out, want := range map[string]string{
		addr: "s0 flag BROADCAST, s0 flag UP, s0 mtu 1500, s0 state UP, s0 mac 02:00:00:00:00:01, s0 address 10.0.0.10/24, s0 address fd00::10/64 tentative",
		`[{"ifname":"s0","flags":["UP"],"mtu":1400,"operstate":"UP","link_type":"ether","address":"02:00:00:00:00:01","linkinfo":{"info_kind":"ipvlan","info_data":{"mode":"l3","vepa":true}},"addr_info":[{"local":"10.0.0.1","prefixlen":8}]}]`: "s0 address 10.0.0.1/8, s0 flag UP, s0 ipvlan mode l3 vepa, s0 mac 02:00:00:00:00:01, s0 mtu 1400, s0 state UP",
		"s1@if2  LOWERLAYERDOWN 10.0.0.56 peer 10.0.0.57/32 fd00::1/64\n":           "s1 state DOWN, s1 address 10.0.0.56 peer 10.0.0.57/32, s1 address fd00::1/64",
		"10.0.0.11 dev w0 lladdr 02:00:00:00:00:01 STALE\n10.0.0.9 dev w0 FAILED\n": "w0 neighbour 10.0.0.11 known 02:00:00:00:00:01, w0 neighbour 10.0.0.9 unknown",
		"3 packets transmitted, 2 received, 33% packet loss, time 5ms":              "ping 2 of 3",
		"default via 10.0.0.1 dev s0  metric 5":                                     "route default via 10.0.0.1 dev s0 metric 5",
		"net.ipv4.ip_forward = 1\n":                                                 "sysctl net.ipv4.ip_forward = 1",
		"42\n":                                                                      "line 42",
		"two\nlines of text\n":                                                      "",
	} {
		got := ""
		for i, f := range fields(out, true) {
			if i > 0 {
				got += ", "
			}
			got += f.String()
		}
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", out, got, want)
		}
	}
	if f := fields("some error", false); len(f) > 0 {
		t.Errorf("of a command that failed: got %v, want nothing", f)
	}
}

func TestWhatProgramsDrawDoesNotCount(t *testing.T) {
	step := scenario.Step{ID: "it", At: "s0", Cmd: "ping -c 1 10.0.0.254"}
	ping := func(id byte, data string) scenario.Outcome {
		o := answer{}.outcome(step)
		f := frame.Ether(macW, macM, frame.TypeIPv4, frame.IPv4{Src: "10.0.0.10", Dst: "10.0.0.254", Proto: 1}.Packet(frame.ICMP(8, 0, append([]byte{id, 1, 0, 1}, data...))))
		o.Seen = []scenario.Frame{{Port: "wire", Dir: scenario.In, Hex: f}}
		return o
	}
	if r := ofFrames("l2", step, ping(1, "abcd"), ping(2, "efgh")); len(r.Unexplained) > 0 {
		t.Errorf("another echo: got %s", r.Details())
	}
	if r := ofFrames("l2", step, ping(1, "abcd"), ping(1, "abcde")); len(r.Unexplained) != 2 {
		t.Errorf("a longer echo: got %s, want two findings", r.Details())
	}
}

func TestModeOfAStepIsWhatCommandsHaveSet(t *testing.T) {
	now := state{mode: "l2", flag: "bridge"}
	ok, failed := answer{}, answer{rc: 2}
	for _, c := range []struct {
		cmd        string
		kernel     answer
		mode, flag string
	}{
		{"ip link set s0 type ipvlan mode l3s vepa", ok, "l3s", "vepa"},
		{"ip link set s0 type ipvlan mode l2", failed, "l3s", "vepa"},
		{"ip link set s0 type ipvlan private", ok, "l3s", "private"},
		{"ip link show type ipvlan", ok, "l3s", "private"},
		{"ip link set s0 type ipvlan mode l2; ip link show s0", ok, "l2", "bridge"},
		{"ip link add link eth0 name x0 type ipvlan", ok, "l3", "bridge"},
	} {
		step := scenario.Step{At: "host", Cmd: c.cmd}
		if now = now.after(step, c.kernel.outcome(step)); now.mode != c.mode || now.flag != c.flag {
			t.Errorf("after %s: got %s %s, want %s %s", c.cmd, now.mode, now.flag, c.mode, c.flag)
		}
	}
}

func TestSegmentsOfAConnectionCountOnce(t *testing.T) {
	step := scenario.Step{ID: "it", At: "s0", Cmd: "iperf3 -c 10.0.0.254"}
	segment := func(flags byte, port uint16, data int) scenario.Frame {
		b := append(frame.SYN("10.0.0.10", "10.0.0.254", port, 80), make([]byte, data)...)
		b[13] = flags
		return scenario.Frame{Port: "wire", Dir: scenario.In, Hex: frame.Ether(macW, macM, frame.TypeIPv4, frame.IPv4{Src: "10.0.0.10", Dst: "10.0.0.254", Proto: 6}.Packet(b))}
	}
	of := func(frames ...scenario.Frame) scenario.Outcome {
		o := answer{}.outcome(step)
		o.Seen = frames
		return o
	}
	kernel := of(segment(2, 40000, 0), segment(0x10, 40000, 9000), segment(0x11, 40000, 0))
	if r := ofFrames("l2", step, kernel, of(segment(2, 50000, 0), segment(0x10, 50000, 1400), segment(0x18, 50000, 1400))); len(r.Unexplained) > 0 {
		t.Errorf("other sizes: got %s", r.Details())
	}
	if r := ofFrames("l2", step, kernel, of(segment(2, 50000, 0), segment(4, 50000, 0))); len(r.Unexplained) != 2 {
		t.Errorf("a reset in place of data: got %s, want two findings", r.Details())
	}
}
