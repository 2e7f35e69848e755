package matrix

import (
	"net/netip"
	"strings"
	"testing"
)

func TestMatrixHasEveryStimulusInAllNineCombinations(t *testing.T) {
	all := Scenarios()
	names := map[string]bool{}
	for _, s := range all {
		names[s.Name] = true
		if len(s.Steps) != 153 {
			t.Errorf("%s: got %d steps, want 153", s.Name, len(s.Steps))
		}
	}
	if len(names) != 9 {
		t.Errorf("got scenarios %v, want 9", names)
	}
}

func TestEveryStepIsOneStimulusAtAStation(t *testing.T) {
	s := Lab("l2", "bridge")
	ports := strings.Join(s.Ports(), " ")
	ids := map[string]bool{}
	for _, step := range Steps() {
		if ids[step.ID] {
			t.Errorf("step %s is there twice", step.ID)
		}
		ids[step.ID] = true
		if !strings.Contains(ports, step.At) {
			t.Errorf("step %s is at %q, want one of %s", step.ID, step.At, ports)
		}
		if (len(step.Hex) > 0) == (step.UDP != nil) {
			t.Errorf("step %s has %d frames and datagram %v, want one of both", step.ID, len(step.Hex), step.UDP)
		}
		if step.UDP != nil {
			if _, err := netip.ParseAddr(step.UDP.Dst); err != nil {
				t.Errorf("step %s: destination: %v", step.ID, err)
			}
		}
	}
}

func TestSlavesOfL2KnowTheirNeighboursAndNotThemselves(t *testing.T) {
	for _, s := range Lab("l2", "bridge").Slaves {
		if s.Neigh[wire4] != macW {
			t.Errorf("%s: router is at %q, want %s", s.Name, s.Neigh[wire4], macW)
		}
		for _, a := range s.Addrs {
			own, _, _ := strings.Cut(a, "/")
			if _, ok := s.Neigh[own]; ok {
				t.Errorf("%s is its own neighbour: %v", s.Name, s.Neigh)
			}
		}
	}
	for _, s := range Lab("l3", "bridge").Slaves {
		if s.Neigh != nil {
			t.Errorf("%s in l3 has neighbours %v, want none", s.Name, s.Neigh)
		}
	}
}
