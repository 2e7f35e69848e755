package build

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestDescribeSaysWhatIsKnown(t *testing.T) {
	vcs := []debug.BuildSetting{{Key: "vcs.revision", Value: "4addf37"}, {Key: "vcs.time", Value: "2026-11-26T12:00:00Z"}}
	for _, c := range []struct {
		info *debug.BuildInfo
		libs []string
		want string
	}{
		{&debug.BuildInfo{}, nil, "v1"},
		{&debug.BuildInfo{GoVersion: "go1.26.8"}, []string{"DPDK 22.11.7"}, "v1 (Go 1.26.8, DPDK 22.11.7)"},
		{&debug.BuildInfo{GoVersion: "go1.26.8", Settings: vcs}, nil, "v1 (commit 4addf37 of 2026-11-26, Go 1.26.8)"},
		{&debug.BuildInfo{Settings: append(vcs, debug.BuildSetting{Key: "vcs.modified", Value: "true"})}, nil,
			"v1 (commit 4addf37 of 2026-11-26 and changes)"},
	} {
		if got := describe("v1", c.info, c.libs); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if got := Describe("v2"); !strings.HasPrefix(got, "v2 (") || !strings.Contains(got, strings.TrimPrefix(runtime.Version(), "go")) {
		t.Errorf("this test says it is %q, want v2 and Go's version", got)
	}
}
