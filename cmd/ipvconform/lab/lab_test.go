package lab

import (
	"maps"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/scenario"
)

func TestGroupReportsAreNoise(t *testing.T) {
	const macA, macB = "02:00:00:00:00:01", "02:00:00:00:00:02"
	mld := append([]byte{58, 0, 5, 2, 0, 0, 1, 0}, frame.ICMPv6("fe80::1", "ff02::16", 143, make([]byte, 4))...)
	for _, c := range []struct {
		name string
		f    []byte
		want bool
	}{
		{"IGMP", frame.Ether(macB, macA, frame.TypeIPv4, frame.IPv4{Src: "10.0.0.1", Dst: "224.0.0.22", Proto: 2}.Packet(make([]byte, 8))), true},
		{"MLD", frame.Ether(macB, macA, frame.TypeIPv6, frame.IPv6("fe80::1", "ff02::16", 0, 1, mld)), true},
		{"UDP", frame.Ether(macB, macA, frame.TypeIPv4, frame.IPv4{Src: "10.0.0.1", Dst: "10.0.0.2", Proto: 17}.Packet(make([]byte, 8))), false},
		{"solicitation", frame.Ether(macB, macA, frame.TypeIPv6, frame.Solicit("fd00::1", "fd00::2", "fd00::2", macA)), false},
		{"runt", make([]byte, 14), false},
	} {
		if got := Noise(c.f); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestDifferenceHoldsWhatChanged(t *testing.T) {
	before := map[string]map[string]int64{"s0": {"rx": 1, "tx": 2}, "s1": {"rx": 5}}
	after := map[string]map[string]int64{"s0": {"rx": 4, "tx": 2, "new": 1}, "s1": {"rx": 5}}
	got := difference(before, after)
	if len(got) != 1 || !maps.Equal(got["s0"], map[string]int64{"rx": 3, "new": 1}) {
		t.Errorf("got %v, want s0's rx 3 and new 1", got)
	}
}

func TestErrorsReadAsTheCLibrarys(t *testing.T) {
	for errno, want := range map[unix.Errno]string{unix.ENOBUFS: "No buffer space available", unix.ENETUNREACH: "Network is unreachable"} {
		if got := ErrorText(errno); got != want {
			t.Errorf("%d: got %q, want %q", errno, got, want)
		}
	}
}

func TestSysctlKeysMayHaveDotsOrSlashes(t *testing.T) {
	for key, want := range map[string]string{"net.ipv4.ip_forward": "net/ipv4/ip_forward", "net/ipv4/conf/eth0.5/proxy_arp": "net/ipv4/conf/eth0.5/proxy_arp"} {
		if got := sysctlPath(key); got != want {
			t.Errorf("%s: got %s, want %s", key, got, want)
		}
	}
}

func TestPortThatIsNotThereIsAnError(t *testing.T) {
	l := &Lab{Scenario: scenario.Scenario{}, ns: map[string]int{}}
	if err := l.stimulate(scenario.Step{ID: "x", At: "s9"}, &scenario.Outcome{}); err == nil {
		t.Error("stimulus at s9: got no error")
	}
	if err := l.In("s9", func() error { return nil }); err == nil {
		t.Error("namespace of s9: got no error")
	}
	if !slices.Equal(l.Scenario.Ports(), []string{"host", "wire"}) {
		t.Errorf("ports: got %v", l.Scenario.Ports())
	}
}
