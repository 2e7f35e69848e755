package api

import (
	"fmt"
	"net/netip"
	"slices"
)

// DeclaredMaster is a master as a configuration file declares it.
type DeclaredMaster struct {
	Name   string          `json:"name"`
	Mode   string          `json:"mode,omitempty"` // empty: whatever the master has
	Flag   string          `json:"flag,omitempty"` // empty: whatever the master has
	Slaves []DeclaredSlave `json:"slaves,omitempty"`
}

// DeclaredSlave is a slave as a configuration file declares it.
type DeclaredSlave struct {
	// Link says what the slave is. Without Netns it is made in the daemon's own
	// namespace, and whoever moves or renames it from there may do so. Mode, Flag
	// and Force are never set.
	Link LinkAdd `json:"link"`

	Addrs []netip.Prefix `json:"addresses,omitempty"` // that it has, perhaps among others
	Down  bool           `json:"down,omitempty"`      // its interface is not set up
}

// String names the slave for people.
func (s DeclaredSlave) String() string {
	if s.Link.Netns == "" {
		return fmt.Sprintf("slave %s of %s", s.Link.Name, s.Link.Master)
	}
	return fmt.Sprintf("slave %s of %s in netns %s", s.Link.Name, s.Link.Master, s.Link.Netns)
}

// Same reports whether both declare the same slave, perhaps with other options:
// names are unique in a namespace only.
func (s DeclaredSlave) Same(o DeclaredSlave) bool {
	return s.Link.Master == o.Link.Master && s.Link.Name == o.Link.Name && s.Link.Netns == o.Link.Netns
}

// Equal reports whether both declare the same slave with the same options and
// addresses.
func (s DeclaredSlave) Equal(o DeclaredSlave) bool {
	return s.Link == o.Link && s.Down == o.Down && slices.Equal(s.Addrs, o.Addrs)
}
