package compare

import (
	"regexp"
	"strings"

	"ipvd/cmd/ipvconform/scenario"
)

// chains are the chains of iptables that have rules of commands, as
// PORT/TABLE/CHAIN.
type chains map[string]bool

var (
	changesTable = regexp.MustCompile(`\bip6?tables(?:-legacy|-nft)?\b([^;&|]*)`)
	namesTable   = regexp.MustCompile(`-t\s+(\w+)`)
	addsRule     = regexp.MustCompile(`(?:^|\s)-[AI]\s+(\w+)`)
	setsPolicy   = regexp.MustCompile(`(?:^|\s)-P\s+(\w+)\s+(\w+)`)
	flushes      = regexp.MustCompile(`(?:^|\s)-F(?:\s+([A-Z]+))?`)
)

// filters are the chains with rules when a step is done.
func (s situation) filters() chains {
	c := chains{}
	for _, command := range s.scenario.Setup {
		c.take(command.At, command.Cmd)
	}
	for _, step := range s.before {
		c.take(step.At, step.Cmd)
	}
	c.take(s.step.At, s.step.Cmd)
	return c
}

func (c chains) take(at, cmd string) {
	for _, m := range changesTable.FindAllStringSubmatch(cmd, -1) {
		table := "filter"
		if t := namesTable.FindStringSubmatch(m[1]); t != nil {
			table = t[1]
		}
		prefix := at + "/" + table + "/"
		if rule := addsRule.FindStringSubmatch(m[1]); rule != nil {
			c[prefix+rule[1]] = true
		}
		if policy := setsPolicy.FindStringSubmatch(m[1]); policy != nil {
			c[prefix+policy[1]] = policy[2] == "DROP"
		}
		if chain := flushes.FindStringSubmatch(m[1]); chain != nil {
			c.flush(prefix, chain[1])
		}
	}
}

// flush forgets the rules of a chain, or of a table's.
func (c chains) flush(prefix, chain string) {
	for name := range c {
		if strings.HasPrefix(name, prefix+chain) {
			delete(c, name)
		}
	}
}

// any reports a chain of this name at a port, in any table.
func (c chains) any(at string, names ...string) bool {
	for name, has := range c {
		for _, chain := range names {
			if has && strings.HasPrefix(name, at+"/") && strings.HasSuffix(name, "/"+chain) {
				return true
			}
		}
	}
	return false
}

// filtered: rules of commands act in l3s where packets pass here, and not where the
// kernel's driver lets them pass.
func filtered(s situation, side Side, e Entry) bool {
	toSlave := isSlave(e.Port) && (e.Kind == Socket || e.Kind == Arrived)
	toWire := e.Port == scenario.Wire && e.Kind == Arrived
	c := s.filters()
	if s.mode == "l3s" && side == Ours && e.Kind == Socket && e.Port == scenario.Host {
		// Where FORWARD has kept a packet from being translated, its answer is the host's.
		return s.translates() && c.any(scenario.Host, "FORWARD")
	}
	if s.mode != "l3s" || !toSlave && !toWire {
		return false
	}
	if side == Ours {
		return toSlave && c.any(scenario.Host, "INPUT") || toWire && c.any(scenario.Host, "OUTPUT")
	}
	return c.any(scenario.Host, "FORWARD") || toSlave && c.any(e.Port, "INPUT", "PREROUTING")
}

// translates reports that the host has rules of NAT.
func (s situation) translates() bool {
	for name, has := range s.filters() {
		if has && strings.HasPrefix(name, scenario.Host+"/nat/") {
			return true
		}
	}
	return false
}
