package compare

import (
	"net/netip"
	"regexp"
	"strings"

	"ipvd/cmd/ipvconform/scenario"
)

// parted is what ipvd's defaults have made different in the steps so far, where the
// kernel's driver does or refuses what a command asks for: what comes after is
// different as well.
type parted struct {
	mode, flag string // ipvd's own, since they have parted
	asked      bool   // a command set a mode in a way that parts them
	refused    bool   // a link add that the kernel carried out
	// Addresses of slaves that the kernel's driver refused, with the slave's name;
	// ends of addresses with a peer; addresses of links that are not there.
	twins        map[netip.Addr]string
	peers, wants map[netip.Addr]bool
	macs         map[string]bool // slaves whose MAC was changed
}

// otherMode is what ipvctl says when it refuses a link add for its mode.
const otherMode = "leave the mode out, change it with `link set`"

var (
	addsPeer = regexp.MustCompile(`\baddr\s+add\s+(\S+)\s+peer\s+(\S+)`)
	modeOnly = regexp.MustCompile(`\btype\s+ipv(?:lan|tap)\s+mode\s+(?:l2|l3s|l3)\b(?:\s*$|\s*[;&|])`)
)

// newParted is for a scenario's beginning.
func newParted(mode, flag string) *parted {
	return &parted{mode: mode, flag: flag, twins: map[netip.Addr]string{}, peers: map[netip.Addr]bool{},
		wants: map[netip.Addr]bool{}, macs: map[string]bool{}}
}

// take notes what a step has made different.
func (p *parted) take(step scenario.Step, kernel, ours scenario.Outcome) {
	if kernel.RC == nil || ours.RC == nil {
		return
	}
	p.takeMode(step, *ours.RC == 0, strings.Contains(ours.Out, otherMode))
	for _, m := range addsPeer.FindAllStringSubmatch(step.Cmd, -1) {
		note(p.peers, m[1])
		note(p.peers, m[2])
	}
	here := *kernel.RC != 0 && *ours.RC == 0
	if setsMAC.MatchString(step.Cmd) && here {
		p.macs[step.At] = true
	}
	for _, m := range addsAddr.FindAllStringSubmatch(step.Cmd, -1) {
		switch {
		case strings.Contains(kernel.Out, alreadyAssigned) && here:
			if a, ok := bareAddr(m[1]); ok {
				p.twins[a] = step.At
			}
		case p.refused && *kernel.RC == 0 && *ours.RC != 0:
			note(p.wants, m[1])
		}
	}
}

// takeMode follows ipvd's mode and flag: without a word for them they stay.
func (p *parted) takeMode(step scenario.Step, done, refused bool) {
	adds := addsLink.MatchString(step.Cmd)
	p.refused = p.refused || refused
	p.asked = p.asked || refused || modeOnly.MatchString(step.Cmd) || adds && !strings.Contains(step.Cmd, " mode ")
	if !done || refused || !adds && !setsKind.MatchString(step.Cmd) {
		return
	}
	for _, m := range setsMode.FindAllStringSubmatch(step.Cmd, -1) {
		p.mode, p.flag = or(m[1], p.mode), or(m[2], p.flag)
	}
}

func note(set map[netip.Addr]bool, text string) {
	if a, ok := bareAddr(text); ok {
		set[a] = true
	}
}

// bareAddr is an address without the length of its prefix.
func bareAddr(text string) (netip.Addr, bool) {
	text, _, _ = strings.Cut(text, "/")
	a, err := netip.ParseAddr(text)
	return a, err == nil
}
