package lab

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/ipvconform/scenario"
)

// made matches what a command of ip(8) makes: `link add … type KIND`.
var made = regexp.MustCompile(`\blink\s+add\b[^;&|\n]*?\stype\s+(\w+)`)

// Kinds are the types of interface that a scenario makes, the driver's own
// aside.
func Kinds(s scenario.Scenario) []string {
	var kinds []string
	add := func(kind string) {
		if kind != "" && !strings.HasPrefix(kind, "ipvlan") && !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	commands := append(slices.Clone(s.Prepare), s.Setup...)
	for _, step := range s.Steps {
		commands = append(commands, scenario.Command{Cmd: step.Cmd})
	}
	for _, c := range commands {
		for _, m := range made.FindAllStringSubmatch(c.Cmd, -1) {
			add(m[1])
		}
	}
	for _, slave := range s.Slaves {
		add(slave.Type)
	}
	return kinds
}

// Missing are those of a scenario's kinds that the running kernel does not
// have. It needs root.
func Missing(s scenario.Scenario) (missing []string, err error) {
	kinds := Kinds(s)
	if len(kinds) == 0 {
		return nil, nil
	}
	name := fmt.Sprintf("ipvc%d-kinds", os.Getpid())
	if err := netns.Create(name); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, netns.Delete(name)) }()
	fd, err := netns.Open(name)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	err = netns.Run(fd, func() error {
		for _, kind := range kinds {
			has, err := hasKind(kind)
			if err != nil {
				return err
			}
			if !has {
				missing = append(missing, kind)
			}
		}
		return nil
	})
	return missing, err
}

// hasKind tries to make an interface. A kernel that has the kind may still
// refuse, since a VLAN needs an id; one that has not says EOPNOTSUPP
// (net/core/rtnetlink.c, __rtnl_newlink).
func hasKind(kind string) (bool, error) {
	a := netlink.NewLinkAttrs()
	a.Name = "probe"
	l := &netlink.GenericLink{LinkAttrs: a, LinkType: kind}
	err := netlink.LinkAdd(l)
	if err == nil {
		return true, netlink.LinkDel(l)
	}
	if errors.Is(err, unix.EPERM) {
		return false, fmt.Errorf("ask for interfaces of type %s: %w", kind, err)
	}
	return !errors.Is(err, unix.EOPNOTSUPP), nil
}
