package iproute

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
)

// linkArgs are the arguments of `link add` and `link set`.
type linkArgs struct {
	name, named, lower, netns, mtu string   // name stands bare or after dev, named after name
	others                         []string // settings that an interface of any kind has
	kind                           string
	ofKind                         []string // what follows the kind
}

// parseLink reads what follows the verb. All that follows `type KIND` is the
// kind's (ip/iplink.c, iplink_parse).
func parseLink(args []string) (a linkArgs) {
	alone := []string{"up", "down", "nomaster", "novrf"}
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		if slices.Contains(alone, word) || len(args) == 0 {
			a.bare(word, slices.Contains(alone, word))
			continue
		}
		value := args[0]
		switch word {
		case "dev":
			a.name = value
		case "name":
			a.named = value
		case "link":
			a.lower = value
		case "netns":
			a.netns = value
		case "mtu":
			a.mtu = value
		case "type":
			a.kind, a.ofKind = value, args[1:]
			return a
		default:
			if !slices.Contains(settings(), word) {
				a.bare(word, false)
				continue
			}
			a.others = append(a.others, word, value)
		}
		args = args[1:]
	}
	return a
}

// bare takes a word without a value: a setting, or the interface's name.
func (a *linkArgs) bare(word string, setting bool) {
	if setting || a.name != "" {
		a.others = append(a.others, word)
		return
	}
	a.name = word
}

// settings are words of `link` with a value.
func settings() []string {
	return []string{"index", "address", "broadcast", "brd", "txqueuelen", "qlen", "txqlen", "numtxqueues", "numrxqueues",
		"gso_max_size", "gso_max_segs", "gro_max_size", "link-netns", "link-netnsid", "alias", "group", "master", "mode", "state", "promisc",
		"multicast", "allmulticast", "arp", "dynamic", "trailers", "carrier", "protodown", "addrgenmode", "vrf"}
}

// atCreation are settings of a new link that its driver does not use
// (ipvlan_main.c, ipvlan_link_new) or that are drawn from the master.
func atCreation() []string {
	return []string{"index", "address", "numtxqueues", "numrxqueues", "gso_max_size", "gso_max_segs", "gro_max_size", "link-netns", "link-netnsid"}
}

// ours is what an alias says: the master and, for a slave, its id.
func ours(alias string) (master, id string, ok bool) {
	rest, ok := strings.CutPrefix(alias, "ipvd:")
	master, id, _ = strings.Cut(rest, ":")
	if _, err := strconv.ParseUint(id, 10, 16); err != nil {
		id = "" // `return`: l3s' interface
	}
	return master, id, ok
}

// slave is MASTER/ID of the slave that is called name here; ok is false for
// another interface, and for none.
func slave(name string) (key string, ok bool) {
	_, s, err := link.ByName(netns.Here, name)
	if err != nil {
		return "", false
	}
	master, id, ok := ours(s.Alias)
	return master + "/" + id, ok && id != ""
}

// errNoMaster is for links on interfaces that are no master.
var errNoMaster = errors.New("ipvd has no such master")

// add makes a slave.
func (t Tool) add(l line) (int, error) {
	a := parseLink(l.args)
	if a.named != "" {
		a.name, a.named = a.named, ""
	}
	if _, ok := slave(a.name); ok && l.verb == "replace" {
		return t.set(l)
	}
	_, lower, err := link.ByName(netns.Here, a.lower)
	if err != nil {
		return exitUsage, fmt.Errorf("cannot find device %q: %w", a.lower, err)
	}
	master, _, ok := ours(lower.Alias)
	if !ok {
		return exitRefused, fmt.Errorf("link %s: %w", a.lower, errNoMaster)
	}
	words := []string{"link", "add", "link", master, "name", a.name, "type", "ipvlan"}
	for _, w := range []struct{ key, value string }{{"mtu", a.mtu}, {"netns", a.netns}} {
		if w.value != "" {
			words = append(words, w.key, w.value)
		}
	}
	if status := t.control(append(words, ofKind(a.ofKind)...)...); status != 0 {
		return status, nil
	}
	return t.settle(a)
}

// settle does what the kernel takes with a new link: settings of any interface.
func (t Tool) settle(a linkArgs) (int, error) {
	var rest []string
	for i := 0; i < len(a.others); i++ {
		if slices.Contains(atCreation(), a.others[i]) {
			i++
			continue
		}
		rest = append(rest, a.others[i])
	}
	if len(rest) == 0 {
		return 0, nil
	}
	set := append([]string{"link", "set", "dev", a.name}, rest...)
	if a.netns != "" {
		set = append([]string{"-n", a.netns}, set...)
	}
	return t.pass(set...), nil
}

// ofKind are the words of type ipvlan in full.
func ofKind(args []string) (words []string) {
	for i, w := range args {
		full := first(w, "mode", "private", "vepa", "bridge")
		if full == "" || i > 0 && words[i-1] == "mode" {
			full = w
		}
		words = append(words, full)
	}
	return words
}

// set changes mode and flag of a slave's master, and what else the line says.
func (t Tool) set(l line) (int, error) {
	a := parseLink(l.args)
	key, ok := slave(a.name)
	if !ok {
		return t.pass(l.words()...), nil
	}
	set := append([]string{"link", "set", "dev", a.name}, a.others...)
	for _, w := range []struct{ key, value string }{{"mtu", a.mtu}, {"name", a.named}, {"netns", a.netns}} {
		if w.value != "" {
			set = append(set, w.key, w.value)
		}
	}
	if len(set) > 4 {
		if status := t.pass(set...); status != 0 {
			return status, nil
		}
	}
	if len(a.ofKind) == 0 {
		return 0, nil // nothing is sent to the driver (ip/iplink.c, iplink_modify)
	}
	return t.control(append([]string{"link", "set", key, "type", "ipvlan"}, ofKind(a.ofKind)...)...), nil
}

// remove removes a slave, or leaves the line to ip.
func (t Tool) remove(l line) (int, error) {
	key, ok := slave(parseLink(l.args).name)
	if !ok {
		return t.pass(l.words()...), nil
	}
	return t.control("link", "delete", key), nil
}
