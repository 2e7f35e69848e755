package l3s

import (
	"testing"

	"ipvd/cmd/internal/host/hosttest"
	"ipvd/cmd/internal/host/sysctl"
	"ipvd/cmd/internal/store"
)

// The kernel of the test may have force_forwarding, so the way for older ones
// is tested by itself.
func TestForwardingForAllKeepsHostsListeningAndRoutersRouting(t *testing.T) {
	ns := hosttest.NewNS(t)
	for _, name := range []string{"host", "router", "deaf", "ret"} {
		ns.TAP(name)
	}
	before := [][2]string{ // in this order: the switch for all writes the others
		{allForwarding, "0"}, {"ipv6/conf/default/forwarding", "1"},
		{"ipv6/conf/host/accept_ra", "1"}, {"ipv6/conf/host/forwarding", "0"},
		{"ipv6/conf/router/accept_ra", "1"}, {"ipv6/conf/router/forwarding", "1"},
		{"ipv6/conf/deaf/accept_ra", "0"}, {"ipv6/conf/deaf/forwarding", "0"},
	}
	during := [][2]string{
		{allForwarding, "1"}, {"ipv6/conf/host/accept_ra", "2"}, {"ipv6/conf/deaf/accept_ra", "0"},
		{"ipv6/conf/router/forwarding", "1"}, {"ipv6/conf/router/accept_ra", "1"},
	}
	var plan []sysctl.Change
	ns.Do(func() error {
		for _, kv := range before {
			if err := sysctl.Set(kv[0], kv[1]); err != nil {
				return err
			}
		}
		wanted, err := forwardAll("ret")
		if err != nil {
			return err
		}
		if plan, err = sysctl.Plan(wanted); err != nil {
			return err
		}
		return sysctl.Apply(plan)
	})
	wantSysctls(t, ns, "while it forwards", during)
	ns.Do(func() error { return sysctl.Restore(plan) })
	wantSysctls(t, ns, "put back", before)
}

func wantSysctls(t *testing.T, ns hosttest.NS, when string, want [][2]string) {
	t.Helper()
	for _, kv := range want {
		if got := ns.Sysctl(kv[0]); got != kv[1] {
			t.Errorf("%s: %s is %s, want %s", when, kv[0], got, kv[1])
		}
	}
}

func TestForwardingForAllThatIsOnIsLeftAlone(t *testing.T) {
	ns := hosttest.NewNS(t)
	ns.TAP("host")
	ns.Do(func() error {
		if err := sysctl.Set(allForwarding, "1"); err != nil {
			return err
		}
		wanted, err := forwardAll("ret")
		if len(wanted) != 0 {
			t.Errorf("got %v, want no change", wanted)
		}
		return err
	})
}

func TestWhatMastersShareIsLeftToTheLast(t *testing.T) {
	ns := hosttest.NewNS(t)
	for _, name := range []string{"m0", "ret0", "m1", "ret1"} {
		ns.TAP(name)
	}
	dir, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	all := sysctl.Change{Key: allForwarding, Old: "0", New: "1"}
	own := sysctl.Change{Key: "ipv4/conf/m0/forwarding", Old: "0", New: "1"}
	other := sysctl.Change{Key: "ipv4/conf/m1/forwarding", Old: "0", New: "1"}
	ns.Do(func() error { return sysctl.Apply([]sysctl.Change{all, own, other}) })
	first := store.Host{Master: "a", HostPort: "m0", Return: "ret0", Sysctls: []sysctl.Change{own, all}}
	last := store.Host{Master: "b", HostPort: "m1", Return: "ret1", Sysctls: []sysctl.Change{other}}
	for _, rec := range []store.Host{first, last} {
		if err := dir.Hosts.Save(rec); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		rec                 store.Host
		all, own, otherWant string
	}{{first, "1", "0", "1"}, {last, "0", "0", "0"}} {
		ns.Do(func() error { return Recover(step.rec, dir.Hosts) })
		for key, want := range map[string]string{all.Key: step.all, own.Key: step.own, other.Key: step.otherWant} {
			if got := ns.Sysctl(key); got != want {
				t.Errorf("after master %s: %s is %s, want %s", step.rec.Master, key, got, want)
			}
		}
	}
}
