package takeover

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/host/sysctl"
	"ipvd/cmd/internal/store"
)

// ownSysctls are the interface's sysctls that differ from what a new interface
// gets: a move to another namespace loses them.
func ownSysctls(ifname string) ([]sysctl.Change, error) {
	var own []sysctl.Change
	for _, family := range []string{"ipv4", "ipv6"} {
		entries, err := os.ReadDir("/proc/sys/net/" + family + "/conf/" + ifname)
		if errors.Is(err, os.ErrNotExist) {
			continue // the family is off for this interface
		}
		if err != nil {
			return nil, fmt.Errorf("read sysctls: %w", err)
		}
		for _, e := range entries {
			if e.Name() == "mtu" || e.Name() == "mc_forwarding" {
				continue // follows the interface's MTU; is read-only
			}
			key := filepath.Join(family, "conf", ifname, e.Name())
			now, err := sysctl.Get(key)
			if err != nil {
				continue // stable_secret cannot be read while it is unset
			}
			std, err := sysctl.Get(filepath.Join(family, "conf/default", e.Name()))
			if err == nil && now != std {
				own = append(own, sysctl.Change{Key: key, Old: std, New: now})
			}
		}
	}
	return own, nil
}

// setSysctls sets the recorded sysctls for interface l, whatever it is called.
func setSysctls(l link.Link, rec *store.Wire) error {
	return netns.Run(l.NS, func() error {
		var errs []error
		for _, c := range rec.Sysctls {
			family, name := c.Key[:len("ipv4")], filepath.Base(c.Key)
			errs = append(errs, sysctl.Set(filepath.Join(family, "conf", l.Name, name), c.New))
		}
		return errors.Join(errs...)
	})
}
