package compare

import (
	"slices"
	"strings"
	"testing"

	"ipvd/cmd/ipvconform/matrix"
	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/ipvlan"
)

// golden is the folder of what the kernel's driver did.
const golden = "../../../flows/ipvlan/testdata/"

// kernels are the recorded results.
func kernels(t *testing.T) []scenario.Result {
	t.Helper()
	r, err := scenario.Load[scenario.Result](golden + "matrix.results.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// step is a step of a result, to be changed.
func step(t *testing.T, all []scenario.Result, name, id string) *scenario.Outcome {
	t.Helper()
	for i := range all {
		if all[i].Name == name {
			if o := outcome(all[i], -1, id); o != nil {
				return o
			}
		}
	}
	t.Fatalf("no step %s %s", name, id)
	return nil
}

func TestEqualResultsHaveNoDifference(t *testing.T) {
	r := Results(matrix.Scenarios(), kernels(t), kernels(t), false)
	if got, want := r.Summary("conformance"), "conformance: 1377 steps, 0 listed differences, 0 unexplained"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhatIsWrongIsUnexplained(t *testing.T) {
	in := func(o *scenario.Outcome, port string) int {
		i := slices.IndexFunc(o.Seen, func(f scenario.Frame) bool { return f.Port == port && f.Dir == scenario.In })
		if i < 0 {
			t.Fatalf("%s: nothing came in at %s", o.ID, port)
		}
		return i
	}
	for _, c := range []struct {
		name, scenario, step string
		spoil                func(o *scenario.Outcome)
	}{
		{"a frame is lost", "l2-bridge", "w.udp4.s0", func(o *scenario.Outcome) { i := in(o, "s0"); o.Seen = slices.Delete(o.Seen, i, i+1) }},
		{"a frame came to another", "l2-bridge", "w.udp4.s0", func(o *scenario.Outcome) { o.Seen[in(o, "s0")].Port = "s1" }},
		{"a frame came twice", "l2-bridge", "s0.raw.bc255", func(o *scenario.Outcome) { o.Seen = append(o.Seen, o.Seen[in(o, "s1")]) }},
		{"a byte changed", "l2-bridge", "s0.raw.udp4.out.dmW", func(o *scenario.Outcome) { i := in(o, "wire"); o.Seen[i].Hex[40] ^= 1 }},
		{"the TTL changed", "l3-bridge", "s0.raw.udp4.out.dmW", func(o *scenario.Outcome) { o.Seen[in(o, "wire")].Hex[22]-- }},
		{"a joined group is lost", "l2-bridge", "w.udp4.mc-joined-s0", func(o *scenario.Outcome) { i := in(o, "s0"); o.Seen = slices.Delete(o.Seen, i, i+1) }},
		{"a socket got nothing", "l3s-bridge", "w.udp4.s0", func(o *scenario.Outcome) { o.UDP = nil }},
		{"the host's stack got more", "l3-bridge", "w.udp4.s0", func(o *scenario.Outcome) {
			o.Got = append(o.Got, scenario.Frame{Port: scenario.Host, Dir: scenario.In, Hex: o.Seen[in(o, "s0")].Hex})
		}},
		{"sending failed", "l2-bridge", "s0.stack.udp4.out", func(o *scenario.Outcome) { o.Error = "No buffer space available" }},
	} {
		ours := kernels(t)
		c.spoil(step(t, ours, c.scenario, c.step))
		r := Results(matrix.Scenarios(), kernels(t), ours, false)
		if len(r.Unexplained) == 0 || r.Unexplained[0].Step != c.step || !strings.HasSuffix(r.Summary("conformance"), " 1 unexplained") {
			t.Errorf("%s: got %v, want step %s unexplained", c.name, r.Details(), c.step)
		}
	}
}

func TestWhatIsRandomDoesNotCount(t *testing.T) {
	ours := kernels(t)
	o := step(t, ours, "l2-bridge", "s0.stack.udp4.out")
	for i := range o.Seen {
		p := o.Seen[i].Hex[14:]
		p[4] ^= 1
		sum := uint32(p[10])<<8 | uint32(p[11])
		if p[4]&1 == 1 {
			sum -= 0x100
		} else {
			sum += 0x100
		}
		p[10], p[11] = byte(sum>>8), byte(sum)
	}
	if r := Results(matrix.Scenarios(), kernels(t), ours, false); len(r.Unexplained) > 0 {
		t.Errorf("another IPv4 id: got %s", r.Details())
	}
}

func TestMissingResultsAreUnexplained(t *testing.T) {
	ours := kernels(t)
	ours[0].Steps = ours[0].Steps[:150]
	ours[8].Name = "other"
	r := Results(matrix.Scenarios(), kernels(t), ours, false)
	if want := "conformance: 1377 steps, 0 listed differences, 156 unexplained"; r.Summary("conformance") != want {
		t.Errorf("got %q, want %q", r.Summary("conformance"), want)
	}
}

func TestEveryRuleIsAListedDifference(t *testing.T) {
	var listed []string
	for _, d := range ipvlan.Differences() {
		listed = append(listed, d.ID)
	}
	for _, id := range IDs() {
		if !slices.Contains(listed, id) {
			t.Errorf("rule %s is none of the listed differences %v", id, listed)
		}
	}
	// No answer that is compared shows these.
	noRule := []string{"address-delay", "l3-multipath", "l3s-offload", "local-bytes", "master-removed", "replicate-limit", "special-address"}
	for _, id := range listed {
		if slices.Contains(IDs(), id) == slices.Contains(noRule, id) {
			t.Errorf("difference %s: got a rule: %v, want the opposite", id, slices.Contains(IDs(), id))
		}
	}
}

func TestDefaultsMayDifferWhereCompatMayNot(t *testing.T) {
	ours := kernels(t)
	o := step(t, ours, "l2-bridge", "w.udp4.s0.wrongmac")
	o.Seen = slices.DeleteFunc(o.Seen, func(f scenario.Frame) bool { return f.Port == "s0" })
	if r := Results(matrix.Scenarios(), kernels(t), ours, true); len(r.Unexplained) > 0 || r.Listed["foreign-mac"] != 1 {
		t.Errorf("defaults: got %s, want foreign-mac in one step", r.Details())
	}
	if r := Results(matrix.Scenarios(), kernels(t), ours, false); len(r.Unexplained) != 1 || len(r.Listed) > 0 {
		t.Errorf("compat: got %s, want one frame unexplained", r.Details())
	}
}

func TestHandlersCountIfBothSidesWatchedThem(t *testing.T) {
	s := matrix.Lab("l2", "bridge")
	s.Steps = []scenario.Step{{ID: "one", At: "wire"}, {ID: "two", At: "wire"}}
	got := scenario.Frame{Port: scenario.Host, Dir: scenario.In, Hex: make([]byte, 60)}
	heard := []scenario.Outcome{{ID: "one", At: "wire", Got: []scenario.Frame{got}}, {ID: "two", At: "wire"}}
	quiet := []scenario.Outcome{{ID: "one", At: "wire"}, {ID: "two", At: "wire"}}
	for _, c := range []struct {
		name         string
		kernel, ours []scenario.Outcome
		want         int
	}{{"only ipvd's were watched", quiet, heard, 0}, {"only the kernel's got it", heard, quiet, 1}, {"both got it", heard, heard, 0}} {
		r := Results([]scenario.Scenario{s}, []scenario.Result{{Name: s.Name, Steps: c.kernel}}, []scenario.Result{{Name: s.Name, Steps: c.ours}}, false)
		if len(r.Unexplained) != c.want {
			t.Errorf("%s: got %v, want %d findings", c.name, r.Unexplained, c.want)
		}
	}
}
