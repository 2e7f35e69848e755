package compare

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ipvd/cmd/ipvconform/scenario"
)

// The rules of this file are about commands that succeed here and not with the
// kernel's driver, and about what they tell then.

// refusedByKernel reports the entries of a command that the kernel alone refuses,
// with one of these words.
func (s situation) refusedByKernel(e Entry, words ...string) bool {
	return e.Kind == Status && s.kernel.RC != nil && s.ours.RC != nil && *s.kernel.RC != 0 && *s.ours.RC == 0 &&
		slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s.kernel.Out, w) })
}

// says reports that the step's command matches.
func (s situation) says(e *regexp.Regexp) bool { return e.MatchString(s.step.Cmd) }

// alreadyAssigned is what the kernel's driver says of an address that another
// slave has.
const alreadyAssigned = "Address already assigned to an ipvlan device"

// addressConflict: the kernel's driver refuses an address; here it is seen when it
// is there, and for a moment shown.
func addressConflict(s situation, side Side, e Entry) bool {
	if e.Kind == Fact {
		return side == Ours && e.Field.Name == fieldAddr && strings.Contains(s.kernel.Out, alreadyAssigned)
	}
	return s.refusedByKernel(e, alreadyAssigned)
}

var setsMAC = regexp.MustCompile(`\blink\s+set\b.*\baddress\s`)

func slaveMAC(s situation, _ Side, e Entry) bool {
	return s.says(setsMAC) && s.refusedByKernel(e, "Operation not supported")
}

var stacks = regexp.MustCompile(`\btype\s+(macvlan|macvtap|vlan|bridge|bond|team)\b|\blink\s+set\b.*\bmaster\s`)

func upper(s situation, _ Side, e Entry) bool {
	return s.says(stacks) && s.refusedByKernel(e, "Device or resource busy", "Invalid argument", "VLANs not supported", "Operation not supported", "does not support")
}

var setsMTU = regexp.MustCompile(`\bmtu\s+(\d+)`)

// mostMTU is what a TAP takes: 64 KiB less its headers (drivers/net/tun.c,
// tun_net_initialize).
const mostMTU = 65521

func largestMTU(s situation, _ Side, e Entry) bool {
	m := setsMTU.FindStringSubmatch(s.step.Cmd)
	if m == nil || e.Kind != Status || *s.kernel.RC != 0 || *s.ours.RC == 0 {
		return false
	}
	n, err := strconv.Atoi(m[1])
	return err == nil && n > mostMTU && n <= 65535
}

var readsMTU6 = regexp.MustCompile(`ipv6[./]conf[./]\S+[./]mtu\b`)

// mtu6: the kernel's driver changes the MTU behind the stack's back.
func mtu6(s situation, _ Side, e Entry) bool {
	return s.says(readsMTU6) && e.Kind == Fact && (e.Field.Name == fieldLine || e.Field.Name == fieldKey)
}

// devID: the number that a driver puts into sysfs is 0 of a TAP.
func devID(s situation, side Side, e Entry) bool {
	if !strings.Contains(s.step.Cmd, "/dev_id") || e.Kind != Fact || e.Field.Name != fieldLine || !strings.HasPrefix(e.Field.Value, "0x") {
		return false
	}
	return side == Kernel || e.Field.Value == "0x0"
}

// noARPEarly: a link that was never up has no NOARP yet.
func noARPEarly(s situation, side Side, e Entry) bool {
	if side != Ours || e.Kind != Fact || e.Field.Name != fieldFlag || e.Field.Value != "NOARP" {
		return false
	}
	up := Field{e.Field.Of, fieldFlag, "UP"}
	return !slices.Contains(fields(s.ours.Out, true), up)
}

// linkLocalFact: the address that ipvd makes, its network, and neighbours in it.
func linkLocalFact(s situation, side Side, e Entry) bool {
	if s.scenario.LinkLocal || e.Kind != Fact || side != Ours {
		return false
	}
	switch e.Field.Name {
	case fieldAddr, fieldNeigh, fieldRoute:
		word, _, _ := strings.Cut(e.Field.Value, " ")
		if p, err := netip.ParsePrefix(word); err == nil {
			return p.Addr().IsLinkLocalUnicast()
		}
		a, err := netip.ParseAddr(word)
		return err == nil && a.Is6() && a.IsLinkLocalUnicast()
	}
	return false
}

var addsLink = regexp.MustCompile(`\blink\s+add\b.*\btype\s+ipv(?:lan|tap)\b`)

// secondMaster: a link that the kernel makes on an interface of any kind is made
// here on a master of the daemon's only, and is not there then.
func secondMaster(s situation, side Side, e Entry) bool {
	refused := func(cmd string) bool {
		m := regexp.MustCompile(`\blink\s+(\S+)`).FindAllStringSubmatch(cmd, -1)
		return addsLink.MatchString(cmd) && len(m) > 0 && !slices.ContainsFunc(m, func(m []string) bool { return m[1] == "eth0" || s.isSlaveName(m[1]) })
	}
	if e.Kind == Status {
		return refused(s.step.Cmd) && *s.kernel.RC == 0 && *s.ours.RC != 0
	}
	return side == Kernel && e.Kind == Fact && slices.ContainsFunc(append(s.before[:len(s.before):len(s.before)], s.step), func(b scenario.Step) bool {
		return refused(b.Cmd) && strings.Contains(b.Cmd, " "+e.Field.Of+" ")
	})
}

func (s situation) isSlaveName(name string) bool {
	return slices.ContainsFunc(s.scenario.Slaves, func(k scenario.Slave) bool { return k.Name == name })
}
