package store

import (
	"fmt"
	"net/netip"
	"time"

	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/host/sysctl"
	"ipvd/cmd/internal/kind"
)

// Master is a master and its settings.
type Master struct {
	Name   string `json:"name"`
	Wire   string `json:"wire"` // PCI address, devargs, or interface
	Mode   string `json:"mode"`
	Flag   string `json:"flag"`
	NextID int    `json:"next_id"`       // the id that the next slave gets if it is free
	MAC    string `json:"mac,omitempty"` // by which a wire is found that was renamed
}

// Key is the master's name.
func (m Master) Key() string { return m.Name }
func (Master) kind() string  { return "master" }

// Slave is a slave and where it was seen last.
type Slave struct {
	Master       string         `json:"master"`
	ID           int            `json:"id"` // unique within the master
	Name         string         `json:"name"`
	Kind         string         `json:"port_kind"` // a row of kind.All
	Netns        netns.ID       `json:"netns"`
	NetnsName    string         `json:"netns_name,omitempty"` // name or path, when the namespace had one
	IfIndex      int            `json:"ifindex,omitempty"`
	Alias        string         `json:"alias,omitempty"`
	MAC          string         `json:"mac"`
	MTU          int            `json:"mtu,omitempty"`
	Addrs        []netip.Prefix `json:"static_addrs,omitempty"` // set by request, not learned
	kind.Options                // what else was said of its port
}

// Key is `MASTER/ID`.
func (s Slave) Key() string { return fmt.Sprintf("%s/%d", s.Master, s.ID) }
func (Slave) kind() string  { return "slave" }

// Wire is a kernel interface that was taken over, and all that is needed to put
// it back. Addrs and Routes are bodies of rtnetlink messages as the kernel
// dumped them.
type Wire struct {
	Name    string          `json:"name"`
	Home    netns.ID        `json:"home"` // where it was taken from
	Index   int             `json:"ifindex"`
	Netns   string          `json:"netns"` // the private namespace's name under /run/netns
	MAC     string          `json:"mac"`
	MTU     int             `json:"mtu"`
	TxQLen  int             `json:"txqlen"`
	Up      bool            `json:"up"`
	NoARP   bool            `json:"noarp"`
	Addrs   [][]byte        `json:"addrs"`
	Routes  [][]byte        `json:"routes"`
	Sysctls []sysctl.Change `json:"sysctls"`           // its own that differ from the default (Old)
	Merging []string        `json:"merging,omitempty"` // features that were switched off, by ethtool's names
	Saved   time.Time       `json:"saved"`             // when Addrs and their lifetimes were read
}

// Key is `NAME@HOME`: names are unique in a namespace only.
func (w Wire) Key() string { return fmt.Sprintf("%s@%d", w.Name, w.Home.Ino) }
func (Wire) kind() string  { return "wire" }

// Host is what was changed in the host's settings for a master in mode l3s.
type Host struct {
	Master   string          `json:"master"`
	Home     netns.ID        `json:"home"`      // the namespace whose settings they are
	HostPort string          `json:"host_port"` // interfaces
	Return   string          `json:"return"`
	Sysctls  []sysctl.Change `json:"sysctls"`
}

// Key is `MASTER@HOME`.
func (h Host) Key() string { return fmt.Sprintf("%s@%d", h.Master, h.Home.Ino) }
func (Host) kind() string  { return "host" }
