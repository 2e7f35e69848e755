package takeover

import (
	"fmt"

	"github.com/safchain/ethtool"
	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
)

// mergingFeatures are the interface's features, as the kernel names them, by
// which several received frames become one that is longer than the MTU
// (net/ethtool/common.c, netdev_features_strings).
func mergingFeatures() []string {
	return []string{"rx-gro", "rx-gro-hw", "rx-gro-list", "rx-lro", "rx-udp-gro-forwarding"}
}

// merging gives those that are on and can be switched off.
func merging(ifname string) ([]string, error) {
	e, err := ethtool.NewEthtool()
	if err != nil {
		return nil, fmt.Errorf("read features: %w", err)
	}
	defer e.Close()
	states, err := e.FeaturesWithState(ifname)
	if err != nil {
		return nil, fmt.Errorf("read features: %w", err)
	}
	var on []string
	for _, name := range mergingFeatures() {
		if s := states[name]; s.Active && s.Available {
			on = append(on, name)
		}
	}
	return on, nil
}

// Unmerge makes the interface give frames as they come, for a driver that
// stands behind GRO and LRO: they are off until it is put back.
func (w *Wire) Unmerge() error {
	private, err := w.OpenNetns()
	if err != nil {
		return fmt.Errorf("wire %s: %w", w.rec.Name, err)
	}
	defer unix.Close(private)
	err = netns.Run(private, func() (err error) {
		w.rec.Merging, err = merging(w.rec.Name)
		return err
	})
	if err == nil {
		err = w.records.Save(w.rec) // first: a later process must know
	}
	if err == nil {
		err = setMerging(link.Link{NS: private, Index: w.index, Name: w.rec.Name}, w.rec.Merging, false)
	}
	if err != nil {
		return fmt.Errorf("wire %s: %w", w.rec.Name, err)
	}
	return nil
}

// setMerging switches features of the interface on or off.
func setMerging(l link.Link, names []string, on bool) error {
	if len(names) == 0 {
		return nil
	}
	change := map[string]bool{}
	for _, name := range names {
		change[name] = on
	}
	return netns.Run(l.NS, func() error {
		e, err := ethtool.NewEthtool()
		if err == nil {
			defer e.Close()
			err = e.Change(l.Name, change)
		}
		if err != nil {
			return fmt.Errorf("%s: set features %v to %t: %w", l.Name, names, on, err)
		}
		return nil
	})
}

// Merging gives the features by which an interface of this namespace merges received
// packets now; none when they cannot be read.
func Merging(ifname string) []string {
	on, err := merging(ifname)
	if err != nil {
		return nil
	}
	return on
}
