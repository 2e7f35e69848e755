package api

import (
	"context"
	"fmt"
	"net/url"
)

// Flow is a connection that l3s may send past the host: one that the host's
// connection tracking calls established.
type Flow struct {
	Master string  `json:"link"`
	ID     uint32  `json:"id"`    // conntrack's
	Proto  string  `json:"proto"` // tcp, udp
	Orig   FlowWay `json:"orig"`  // as its first packet came
	Reply  FlowWay `json:"reply"`
}

// FlowWay is a flow's packets in one direction. Those of the host are conntrack's
// when it counts (net.netfilter.nf_conntrack_acct), else what ipvd gave it since it
// knows the flow.
type FlowWay struct {
	Src         string `json:"src"` // as they arrive: before NAT
	Dst         string `json:"dst"`
	Shortcut    bool   `json:"shortcut"` // they leave out the host now
	Packets     uint64 `json:"packets"`  // in all
	Bytes       uint64 `json:"bytes"`
	FastPackets uint64 `json:"fast_packets"` // of these, past the host
	FastBytes   uint64 `json:"fast_bytes"`
}

// FlowFlush asks that the host see every flow again at once.
type FlowFlush struct {
	Master string `json:"link,omitempty"` // empty: of all masters
}

// Check refuses a request that no daemon can meet. It wraps EINVAL.
func (r FlowFlush) Check() error {
	if r.Master == "" {
		return nil
	}
	return CheckIfName(r.Master)
}

// HostChange is something that ipvd changed in the host and puts back at its end.
type HostChange struct {
	Master string `json:"link"`
	Kind   string `json:"kind"` // sysctl, interface, route, conntrack
	What   string `json:"what"`
	Old    string `json:"old,omitempty"` // of a sysctl
	New    string `json:"new,omitempty"`
}

// String is the change as people write it.
func (c HostChange) String() string {
	if c.Old+c.New == "" {
		return fmt.Sprintf("%s %s", c.Kind, c.What)
	}
	return fmt.Sprintf("%s %s: %s -> %s", c.Kind, c.What, c.Old, c.New)
}

// Flows are the flows of all masters in l3s.
func (c *Client) Flows(ctx context.Context) (f []Flow, err error) {
	err = c.get(ctx, "flow", url.Values{}, &f)
	return f, err
}

// FlowFlush makes the host see every flow again.
func (c *Client) FlowFlush(ctx context.Context, r FlowFlush) error {
	return c.change(ctx, "DELETE", "flow", r, nil)
}

// Host is what the daemon changed in the host.
func (c *Client) Host(ctx context.Context) (h []HostChange, err error) {
	err = c.get(ctx, "host", url.Values{}, &h)
	return h, err
}
