package main

import (
	"slices"
	"strings"
)

// longFlags lets the flags of ip(8) be written as there, with one dash and cut
// short: -br, -details, -json, -stat.
func longFlags(args []string) []string {
	out := slices.Clone(args)
	for i, a := range out {
		if a == "--" {
			break
		}
		if long := longFlag(a); long != "" {
			out[i] = long
		}
	}
	return out
}

// longFlag is the flag that a means, "" when it is none of ip's, or a single letter.
func longFlag(a string) string {
	word, ok := strings.CutPrefix(a, "-")
	if !ok || len(word) < 2 {
		return ""
	}
	for _, name := range []string{"brief", "details", "json", "pretty", "stats", "netns"} {
		if strings.HasPrefix(name, word) || name == "stats" && strings.HasPrefix("statistics", word) {
			return "--" + name
		}
	}
	return ""
}
