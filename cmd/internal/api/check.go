package api

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/kind"
)

const (
	minMTU = 68    // RFC 791, section 3.2
	maxMTU = 65535 // ETH_MAX_MTU, include/uapi/linux/if_ether.h
)

// Modes are the words for a master's mode, the kernel's default first.
func Modes() []string { return []string{"l3", "l3s", "l2"} }

// Flags are the words for a master's flag, the kernel's default first.
func Flags() []string { return []string{"bridge", "private", "vepa"} }

// CheckIfName refuses a name that the kernel refuses for an interface
// (dev_valid_name, net/core/dev.c). It wraps EINVAL.
func CheckIfName(name string) error {
	switch {
	case name == "":
		return refuse("interface name is empty")
	case len(name) >= unix.IFNAMSIZ:
		return refuse("interface name %q has %d bytes, more than %d", name, len(name), unix.IFNAMSIZ-1)
	case name == "." || name == "..":
		return refuse("interface name %q is reserved", name)
	}
	for _, c := range name {
		if c == utf8.RuneError || c == '/' || c == ':' || unicode.IsSpace(c) || !unicode.IsPrint(c) {
			return refuse("interface name %q has %q in it", name, c)
		}
	}
	return nil
}

// Check refuses a request that no daemon can meet. It wraps EINVAL.
func (r LinkAdd) Check() error {
	if err := CheckIfName(r.Name); err != nil {
		return err
	}
	if r.Master == "" {
		return refuse("link add %s: no link to put it on", r.Name)
	}
	if err := CheckIfName(r.Master); err != nil {
		return err
	}
	if r.MTU != 0 && (r.MTU < minMTU || r.MTU > maxMTU) {
		return refuse("link add %s: mtu %d is not between %d and %d", r.Name, r.MTU, minMTU, maxMTU)
	}
	if err := kind.Check(r.Kind, r.Options); err != nil {
		return refuse("link add %s: %v", r.Name, err)
	}
	return checkMode(r.Mode, r.Flag)
}

// Check refuses a request that no daemon can meet. It wraps EINVAL.
func (r LinkDel) Check() error { return checkLink(r.Name) }

// Check refuses a request that no daemon can meet. It wraps EINVAL.
func (r LinkSet) Check() error {
	if err := checkLink(r.Name); err != nil {
		return err
	}
	if r.Mode == "" && r.Flag == "" {
		return refuse("link set %s: nothing to set", r.Name)
	}
	return checkMode(r.Mode, r.Flag)
}

// Check refuses a request that no daemon can meet. It wraps EINVAL.
func (r AddrChange) Check() error {
	if err := checkLink(r.Name); err != nil {
		return err
	}
	if _, err := r.Prefix(); err != nil {
		return err
	}
	return nil
}

// Prefix is the address with its prefix length, the address's whole length
// when there is none. Its error wraps EINVAL.
func (r AddrChange) Prefix() (netip.Prefix, error) {
	if strings.Contains(r.Addr, "/") {
		p, err := netip.ParsePrefix(r.Addr)
		if err != nil {
			return p, refuse("address %q is not ADDRESS/LENGTH", r.Addr)
		}
		return p, nil
	}
	a, err := netip.ParseAddr(r.Addr)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, refuse("address %q is neither IPv4 nor IPv6", r.Addr)
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// checkLink takes an interface's name, or MASTER/ID.
func checkLink(name string) error {
	master, _, _ := strings.Cut(name, "/")
	return CheckIfName(master)
}

func checkMode(mode, flag string) error {
	if err := checkWord("mode", mode, Modes()); err != nil {
		return err
	}
	return checkWord("flag", flag, Flags())
}

func checkWord(what, word string, choices []string) error {
	if word == "" || slices.Contains(choices, word) {
		return nil
	}
	return refuse("%s %q is unknown, want %s", what, word, strings.Join(choices, ", "))
}

func refuse(format string, args ...any) error {
	return &Refusal{Text: fmt.Sprintf(format, args...), Errno: unix.EINVAL}
}
