package compare

import (
	"testing"

	"ipvd/cmd/ipvconform/matrix"
	"ipvd/cmd/ipvconform/scenario"
)

func TestPingsWithoutARouteAreExplained(t *testing.T) {
	const all, mac, host, near, far = "ff:ff:ff:ff:ff:ff", "02:00:00:00:00:01", "10.0.0.1", "10.0.0.254", "192.0.2.9"
	ping := func(at, dst string) scenario.Step { return scenario.Step{ID: "it", At: at, Cmd: "ping -c 1 " + dst} }
	of := func(step scenario.Step, frames ...scenario.Hex) scenario.Outcome {
		o := answer{}.outcome(step)
		for _, f := range frames {
			o.Seen = append(o.Seen, seen("wire", f).Seen...)
		}
		return o
	}
	for _, c := range []struct {
		name, mode    string
		step          scenario.Step
		kernel, ours  []scenario.Hex
		before        []scenario.Step
		wantExplained bool
	}{
		{"the question for it", "l3", ping("s0", far), []scenario.Hex{arp(all, mac, 1, host, far)}, nil, nil, true},
		{"on the link", "l3", ping("s0", near), []scenario.Hex{arp(all, mac, 1, host, near)}, nil, nil, false},
		{"about another", "l3", ping("s0", far), []scenario.Hex{arp(all, mac, 1, host, near)}, nil, nil, false},
		{"in l2", "l2", ping("s0", far), []scenario.Hex{arp(all, mac, 1, host, far)}, nil, nil, false},
		{"of the host", "l3", ping("host", far), []scenario.Hex{arp(all, mac, 1, host, far)}, nil, nil, false},
		{"ours alone", "l3", ping("s0", far), nil, []scenario.Hex{arp(all, mac, 1, host, far)}, nil, false},
		{"ours, made again", "l3", ping("s0", far), nil, []scenario.Hex{arp(all, mac, 1, host, far)}, []scenario.Step{ping("s0", far)}, true},
	} {
		r := framesBy(matrix.Lab(c.mode, "bridge"), true, c.step, of(c.step, c.kernel...), of(c.step, c.ours...), c.before...)
		if got := len(r.Unexplained) == 0; got != c.wantExplained {
			t.Errorf("%s: explained %t, want %t: %s", c.name, got, c.wantExplained, r.Details())
		}
	}
}
