package takeover_test

import (
	"os/exec"
	"strings"
	"testing"

	"ipvd/cmd/internal/host/takeover"
)

// features are what ethtool says of an interface.
func features(t *testing.T, ns, ifname string) string {
	t.Helper()
	out, err := exec.Command("ip", "netns", "exec", ns, "ethtool", "-k", ifname).CombinedOutput()
	if err != nil {
		t.Fatalf("ethtool -k %s: %v: %s", ifname, err, out)
	}
	return string(out)
}

func TestFramesAreNotMergedMeanwhile(t *testing.T) {
	const on, off, fixed = "generic-receive-offload: on", "generic-receive-offload: off", "rx-gro-list: on"
	for _, unmerged := range []bool{true, false} {
		f := setUp(t)
		if out, err := exec.Command("ip", "netns", "exec", f.Name, "ethtool", "-K", "m0", "gro", "on", "rx-gro-list", "on").CombinedOutput(); err != nil {
			t.Fatalf("ethtool: %v: %s", err, out)
		}
		before := features(t, f.Name, "m0")
		if !strings.Contains(before, on) || !strings.Contains(before, fixed) {
			t.Fatalf("the features are not on: %s", before)
		}
		w, err := f.takeOver(takeover.Options{})
		f.try(err)
		if unmerged {
			f.try(w.Unmerge())
		}
		taken := features(t, w.Record().Netns, "m0")
		if strings.Contains(taken, off) != unmerged || strings.Contains(taken, fixed) == unmerged {
			t.Errorf("unmerged %t: while it is taken over: %s", unmerged, taken)
		}
		_, err = f.recover() // as after a kill: from the record alone
		f.try(err)
		if after := features(t, f.Name, "m0"); after != before {
			t.Errorf("unmerged %t: put back: got %s, want %s", unmerged, after, before)
		}
	}
}
