package sysctl_test

import (
	"errors"
	"os"
	"testing"

	"ipvd/cmd/internal/host/hosttest"
	"ipvd/cmd/internal/host/sysctl"
)

const (
	forwarding = "ipv4/conf/t0/forwarding"
	redirects  = "ipv4/conf/t0/send_redirects"
)

func TestApplyAndRestoreExactly(t *testing.T) {
	ns := hosttest.NewNS(t)
	ns.TAP("t0")
	old := ns.Sysctl(forwarding)
	want := []sysctl.Change{{Key: forwarding, New: "1"}, {Key: redirects, New: ns.Sysctl(redirects)}}
	var plan []sysctl.Change
	ns.Do(func() (err error) {
		plan, err = sysctl.Plan(want)
		return err
	})
	if len(plan) != 1 || plan[0] != (sysctl.Change{Key: forwarding, Old: old, New: "1"}) {
		t.Fatalf("plan %v, want only %s from %s to 1", plan, forwarding, old)
	}
	if got := ns.Sysctl(forwarding); got != old {
		t.Errorf("planning changed %s to %s", forwarding, got)
	}
	ns.Do(func() error { return sysctl.Apply(plan) })
	if got := ns.Sysctl(forwarding); got != "1" {
		t.Errorf("applied: got %s, want 1", got)
	}
	for range 2 {
		ns.Do(func() error { return sysctl.Restore(plan) })
		if got := ns.Sysctl(forwarding); got != old {
			t.Errorf("restored: got %s, want %s", got, old)
		}
	}
}

func TestRestoreLeavesWhatOthersChanged(t *testing.T) {
	ns := hosttest.NewNS(t)
	ns.TAP("t0")
	ns.Do(func() error {
		if err := sysctl.Set("ipv4/conf/t0/rp_filter", "1"); err != nil {
			return err
		}
		return sysctl.Restore([]sysctl.Change{{Key: "ipv4/conf/t0/rp_filter", Old: "0", New: "2"}})
	})
	if got := ns.Sysctl("ipv4/conf/t0/rp_filter"); got != "1" {
		t.Errorf("got %s, want 1 as set by somebody else", got)
	}
}

func TestMissingSysctl(t *testing.T) {
	ns := hosttest.NewNS(t)
	gone := "ipv4/conf/not-there/forwarding"
	ns.Do(func() error { return sysctl.Restore([]sysctl.Change{{Key: gone, Old: "0", New: "1"}}) })
	ns.Do(func() error {
		if _, err := sysctl.Plan([]sysctl.Change{{Key: gone, New: "1"}}); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("plan: got %v, want ErrNotExist", err)
		}
		if err := sysctl.Set(gone, "1"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("set: got %v, want ErrNotExist", err)
		}
		return nil
	})
}
