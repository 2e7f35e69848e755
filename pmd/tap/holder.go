package tap

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// holder describes a process that has a TAP called name open, for an error
// text: ` by pid 12 (ipvd)`, or nothing when none is visible. Names are unique
// in a namespace only, so it may be a process with a namesake.
func holder(name string) string {
	files, _ := filepath.Glob("/proc/[0-9]*/fdinfo/[0-9]*")
	for _, file := range files {
		fdinfo := filepath.Dir(file)
		proc := filepath.Dir(fdinfo)
		if target, err := os.Readlink(filepath.Join(proc, "fd", filepath.Base(file))); err != nil || target != tunPath {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil || !slices.Contains(strings.Split(string(text), "\n"), "iff:\t"+name) {
			continue
		}
		comm, _ := os.ReadFile(filepath.Join(proc, "comm"))
		return fmt.Sprintf(" by pid %s (%s)", filepath.Base(proc), strings.TrimSpace(string(comm)))
	}
	return ""
}
