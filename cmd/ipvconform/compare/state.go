package compare

import (
	"regexp"

	"ipvd/cmd/ipvconform/scenario"
)

// state is what commands change for the steps after them.
type state struct {
	mode, flag string
	down       bool // the host's interface of the master
}

var (
	setsMode  = regexp.MustCompile(`\btype\s+ipv(?:lan|tap)\b(?:\s+mode\s+(l2|l3s|l3))?(?:\s+(bridge|private|vepa))?`)
	setsHost  = regexp.MustCompile(`\blink\s+set\s+(?:dev\s+)?eth0\b.*\b(up|down)\b`)
	showsLink = regexp.MustCompile(`\blink\s+(?:show|list|ls)\b`)
)

// after is the state after a command that the kernel let succeed: ip sends a flag
// with every mode, and a link without a mode is made in l3 (ip/iplink_ipvlan.c;
// ipvlan_main.c, ipvlan_link_new).
func (st state) after(step scenario.Step, kernel scenario.Outcome) state {
	if kernel.RC == nil || *kernel.RC != 0 {
		return st
	}
	if step.At == scenario.Host {
		for _, m := range setsHost.FindAllStringSubmatch(step.Cmd, -1) {
			st.down = m[1] == "down"
		}
	}
	if showsLink.MatchString(step.Cmd) && !addsLink.MatchString(step.Cmd) && !setsKind.MatchString(step.Cmd) {
		return st
	}
	for _, m := range setsMode.FindAllStringSubmatch(step.Cmd, -1) {
		mode, flag := m[1], m[2]
		if mode == "" && addsLink.MatchString(step.Cmd) {
			mode = "l3"
		}
		if m[1] != "" && flag == "" {
			flag = "bridge"
		}
		st.mode, st.flag = or(mode, st.mode), or(flag, st.flag)
	}
	return st
}

var setsKind = regexp.MustCompile(`\blink\s+(?:set|change)\b.*\btype\s+ipv`)

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
