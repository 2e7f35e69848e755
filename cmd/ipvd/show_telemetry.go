package main

import (
	"context"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strconv"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/config"
	"ipvd/pmd/dpdk"
)

// filePrefix distinguishes the DPDK processes of a machine: a daemon has its control
// socket to itself, and so what is made of its path.
func filePrefix(socket string) string {
	if socket == config.Default().Socket {
		return "ipvd"
	}
	return fmt.Sprintf("ipvd-%08x", crc32.ChecksumIEEE([]byte(socket)))
}

// startTelemetry adds the daemon's commands to DPDK's telemetry socket, unless the
// EAL was told to have none.
func (d *daemon) startTelemetry() error {
	if d.rt.TelemetrySocket() == "" {
		d.log.Info().Msg("DPDK's telemetry socket is off")
		return nil
	}
	return d.rt.Telemetry([]dpdk.Command{
		{Name: "/ipvd/links", Answer: d.telemetryLinks,
			Help: "Masters and slaves (MASTER/ID), 512 at most. Parameters: how many to leave out, 0 if not given"},
		{Name: "/ipvd/link", Answer: d.telemetryLink, Help: "A link and its counters. Parameters: MASTER, MASTER/ID or a name"},
		{Name: "/ipvd/stats", Answer: d.telemetryStats,
			Help: "Counters of the data plane that are not 0. Parameters: stage, slave or queue, as ipvctl stats has it; all together if not given"},
		{Name: "/ipvd/verify", Answer: d.telemetryVerify, Help: "The account of packets: ok is 1 if it balances"},
		{Name: "/ipvd/status", Answer: d.telemetryStatus, Help: "What runs, and each worker's steps"},
	})
}

// stopTelemetry ends it before what it reads goes away.
func (d *daemon) stopTelemetry() {
	if d.rt != nil {
		d.rt.StopTelemetry()
	}
}

func (d *daemon) telemetryLinks(ctx context.Context, param string) (a dpdk.Answer, err error) {
	skip := uint64(0)
	if param != "" {
		if skip, err = strconv.ParseUint(param, 10, 31); err != nil {
			return a, fmt.Errorf("how many links to leave out: %q is no number", param)
		}
	}
	links, err := d.Links(ctx, api.Caller{}, api.LinkFilter{})
	if err != nil {
		return a, err
	}
	a.List = []string{}
	for _, l := range links[min(int(skip), len(links)):] {
		a.List = append(a.List, linkKey(l))
	}
	return a, nil
}

// linkKey tells a link from all others: MASTER, or MASTER/ID.
func linkKey(l api.Link) string {
	if l.Link == "" {
		return l.IfName
	}
	return l.Link + "/" + strconv.Itoa(l.ID)
}

func (d *daemon) telemetryLink(ctx context.Context, param string) (a dpdk.Answer, err error) {
	if param == "" {
		return a, fmt.Errorf("which link? as in /ipvd/link,eth0/1; /ipvd/links lists them")
	}
	links, err := d.Links(ctx, api.Caller{}, api.LinkFilter{Name: param, Stats: true})
	if err != nil {
		return a, err
	}
	if len(links) > 1 {
		return a, fmt.Errorf("%d links are called %s: ask for one of them as %s", len(links), param, linkKey(links[0]))
	}
	l := links[0]
	a.Dict = []dpdk.Entry{dpdk.Text("link", linkKey(l)), dpdk.Text("name", l.IfName), dpdk.Text("kind", l.PortKind),
		dpdk.Text("netns", l.Netns), dpdk.Text("state", l.State), dpdk.Text("operstate", l.OperState),
		dpdk.Text("address", l.Address), dpdk.Number("mtu", uint64(l.MTU)), dpdk.Text("mode", l.MMode), dpdk.Text("flag", l.MFlag)}
	if s := l.Stats64; s != nil {
		a.Dict = append(a.Dict, dpdk.Number("rx_packets", s.RX.Packets), dpdk.Number("rx_bytes", s.RX.Bytes),
			dpdk.Number("rx_dropped", s.RX.Dropped), dpdk.Number("rx_errors", s.RX.Errors),
			dpdk.Number("tx_packets", s.TX.Packets), dpdk.Number("tx_bytes", s.TX.Bytes),
			dpdk.Number("tx_dropped", s.TX.Dropped), dpdk.Number("tx_errors", s.TX.Errors))
	}
	addrs, err := d.Addrs(ctx, api.Caller{}, api.AddrFilter{})
	list := []string{}
	for _, address := range addrs {
		if l.Link != "" && address.Master == l.Link && address.ID == l.ID && len(list) < 64 {
			list = append(list, address.Local)
		}
	}
	a.Dict = append(a.Dict, dpdk.List("addresses", list))
	return a, err
}

func (d *daemon) telemetryStats(ctx context.Context, where string) (a dpdk.Answer, err error) {
	counters, err := d.Stats(ctx, false)
	if err != nil {
		return a, err
	}
	sums, found := map[string]uint64{}, false
	for _, c := range counters {
		if where == "" || where == c.Where {
			sums[c.Name] += c.Packets
			found = true
		}
	}
	if !found && where != "" {
		return a, fmt.Errorf("%q has no counter that is not 0; ipvctl stats lists those that have", where)
	}
	return dpdk.Answer{Dict: numbers("", sums)}, nil
}

func (d *daemon) telemetryVerify(ctx context.Context, _ string) (a dpdk.Answer, err error) {
	v, err := d.Verify(ctx)
	if err != nil {
		return a, err
	}
	a.Dict = []dpdk.Entry{flag("ok", v.OK), flag("at_rest", v.AtRest), dpdk.Number("received", v.Received), dpdk.Number("copied", v.Copied),
		dpdk.Number("delivered", v.Delivered), dpdk.Number("dropped", v.Dropped), dpdk.Number("mbufs_in_use", uint64(max(v.MbufsInUse, 0)))}
	difference := dpdk.Number("difference", uint64(v.Difference))
	if v.Difference < 0 { // DPDK's numbers are not
		difference = dpdk.Text("difference", strconv.FormatInt(v.Difference, 10))
	}
	a.Dict = append(a.Dict, difference)
	a.Dict = append(a.Dict, numbers("dropped/", v.Reasons)...)
	return a, nil
}

func (d *daemon) telemetryStatus(ctx context.Context, _ string) (a dpdk.Answer, err error) {
	s, err := d.Status(ctx)
	if err != nil {
		return a, err
	}
	a.Dict = []dpdk.Entry{dpdk.Text("version", s.Version), dpdk.Number("pid", uint64(s.PID)), dpdk.Number("uptime_seconds", uint64(s.Uptime)),
		dpdk.Text("poll", s.Poll), dpdk.List("masters", s.Masters), dpdk.Number("pool_mbufs", uint64(s.PoolSize))}
	for i, w := range s.Load {
		worker := fmt.Sprintf("worker%d_", i)
		a.Dict = append(a.Dict, dpdk.Number(worker+"cpu", uint64(w.CPU)), dpdk.Number(worker+"steps", w.Steps),
			dpdk.Number(worker+"busy", w.Busy), dpdk.Number(worker+"packets", w.Packets),
			dpdk.Number(worker+"faults", w.Faults))
	}
	return a, nil
}

// numbers are entries by name, after prefix.
func numbers(prefix string, of map[string]uint64) []dpdk.Entry {
	all := []dpdk.Entry{}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		all = append(all, dpdk.Number(prefix+name, of[name]))
	}
	return all
}

// flag is an entry that is 1 or 0.
func flag(name string, on bool) dpdk.Entry {
	if on {
		return dpdk.Number(name, 1)
	}
	return dpdk.Number(name, 0)
}
