package compare

import (
	"net/netip"
	"slices"
	"strings"

	"ipvd/cmd/ipvconform/scenario"
)

// The rules of this file are about what follows in a scenario from a command that
// ipvd's defaults have answered otherwise: see parted.

// ends are the addresses that an entry of packets or datagrams has, and the target
// of a question or an answer about neighbours.
func ends(e Entry) (all []netip.Addr) {
	if e.Kind == Socket {
		src, _ := netip.ParseAddr(e.Data.Src)
		dst, _ := netip.ParseAddr(e.Data.Dst)
		return []netip.Addr{src, dst}
	}
	if src, dst, ok := addresses(e.Frame); ok {
		all = append(all, src, dst)
	}
	if asker, target, ok := neighbours(e.Frame); ok {
		all = append(all, asker, target)
	}
	return all
}

// twinAddress: an address that two slaves have is on both, and its packets go to the
// one that had it first, also those that the other would have answered.
func twinAddress(s situation, side Side, e Entry) bool {
	p := s.parted
	twin := func(a netip.Addr) bool { return p.twins[a] != "" }
	switch e.Kind {
	case Fact:
		if e.Field.Name == fieldPing {
			return s.followsFrom("address-conflict")
		}
		a, ok := bareAddr(e.Field.Value)
		return side == Ours && e.Field.Name == fieldAddr && ok && twin(a)
	case Status:
		added := addsAddr.FindStringSubmatch(s.step.Cmd)
		if added == nil {
			return s.followsFrom("address-conflict")
		}
		a, ok := bareAddr(added[1])
		return ok && twin(a) && *s.kernel.RC == 0 && strings.Contains(s.ours.Out, "already assigned")
	}
	if slices.ContainsFunc(ends(e), twin) {
		return true
	}
	// The slave takes its second address for a source, and not the first.
	has := false
	for _, at := range p.twins {
		has = has || at == s.step.At
	}
	return has && side == Kernel && s.step.Cmd != "" && slices.ContainsFunc(ends(e), func(a netip.Addr) bool { return s.hasNamed(s.step.At, a) })
}

// hasNamed reports an address of the slave of that name.
func (s situation) hasNamed(name string, a netip.Addr) bool {
	return slices.ContainsFunc(s.scenario.Slaves, func(k scenario.Slave) bool { return k.Name == name && has(k.Station, a) })
}

// followsFrom reports that other entries of the step were explained by id.
func (s situation) followsFrom(id string) bool {
	return slices.ContainsFunc(s.found, func(f Finding) bool { return f.ID == id })
}

// peerAddress: of an address with a peer the slave has the address itself.
func peerAddress(s situation, _ Side, e Entry) bool {
	return slices.ContainsFunc(ends(e), func(a netip.Addr) bool { return s.parted.peers[a] })
}

// keptMAC: a slave has the MAC that it was given.
func keptMAC(s situation, _ Side, e Entry) bool {
	return e.Kind == Fact && e.Field.Name == fieldMAC && isSlave(e.Port) && s.parted.macs[e.Field.Of]
}

// modeChange: ipvd refuses a link of another mode, after which there is no such
// link, and does not change its mode and flag where the kernel's driver does.
func modeChange(s situation, side Side, e Entry) bool {
	p := s.parted
	parted := p.mode != s.mode || p.flag != s.flag
	switch e.Kind {
	case Status:
		return p.refused && *s.kernel.RC == 0 && s.lacksLink()
	case Fact:
		if isSlave(e.Port) || side == Ours {
			ofMode := e.Field.Name == fieldMode || e.Field.Name == fieldFlag && e.Field.Value == "NOARP"
			return p.asked && ofMode
		}
		return p.refused && s.lacksLink() && !s.isSlaveName(e.Field.Of) && e.Field.Of != "eth0"
	}
	return parted || slices.ContainsFunc(ends(e), func(a netip.Addr) bool { return p.wants[a] })
}

// lacksLink reports that the step's command misses a link here, or is refused one.
func (s situation) lacksLink() bool {
	return slices.ContainsFunc([]string{otherMode, "does not exist", "Cannot find device"}, func(w string) bool { return strings.Contains(s.ours.Out, w) })
}
