// Package build says what a program was built from.
package build

import (
	"runtime/debug"
	"strings"
)

// Describe is the text of --version: version, as the linker has set it, and what
// it was built from. libraries are names and versions, as "DPDK 22.11.7".
func Describe(version string, libraries ...string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return describe(version, info, libraries)
}

func describe(version string, info *debug.BuildInfo, libraries []string) string {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	var parts []string
	if commit := settings["vcs.revision"]; commit != "" {
		day, _, _ := strings.Cut(settings["vcs.time"], "T")
		if settings["vcs.modified"] == "true" {
			day += " and changes"
		}
		parts = append(parts, strings.TrimSpace("commit "+commit+" of "+day))
	}
	if info.GoVersion != "" {
		parts = append(parts, "Go "+strings.TrimPrefix(info.GoVersion, "go"))
	}
	if parts = append(parts, libraries...); len(parts) == 0 {
		return version
	}
	return version + " (" + strings.Join(parts, ", ") + ")"
}
