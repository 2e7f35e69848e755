package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ipvd/flows/ipvlan"
	"ipvd/flows/route"
	"ipvd/flows/route/mirror"
	"ipvd/perf/measure"
	"ipvd/perf/report"
)

const (
	routeChanges = 400
	changeWithin = 5 * time.Second // a change that takes longer is lost
)

// routeChange tells how long a change of the kernel's routes takes to reach
// whoever looks one up, beside a million others, and how long these take to be
// read.
func routeChange(b *bench) (rows []report.Row, err error) {
	n := 1 << 20
	if b.quick {
		n = 1 << 17
	}
	l, err := b.newLab()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	if err := in(l.host, "ip", "addr", "add", "10.0.0.1/24", "dev", "eth0"); err != nil {
		return nil, err
	}
	if err := addRoutes(l.host, prefixes(n)); err != nil {
		return nil, err
	}
	var took []float64
	read := time.Duration(0)
	err = inside(l.host, func() error {
		fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open the thread's network namespace: %w", err)
		}
		defer unix.Close(fd)
		r, begin := ipvlan.NewRouting(), time.Now()
		m, err := mirror.Open(fd, mirror.Config{Device: "eth0", FIB: r.FIB})
		if err != nil {
			return err
		}
		defer m.Close()
		read = time.Since(begin)
		took, err = changes(r.FIB)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(took)
	p99 := took[len(took)*99/100]
	value := measure.Stat{Median: p99, Min: took[0], Max: took[len(took)-1]}
	sec := read.Seconds()
	return []report.Row{
		report.New("route/change", "", value, "ms (p99)", len(took)).AtMost(10),
		report.New("route/load", "", measure.Stat{Median: sec, Min: sec, Max: sec}, fmt.Sprintf("s for %d routes", n), 1),
	}, nil
}

// addRoutes makes routes of a namespace, half of them by each of two routers.
func addRoutes(ns string, routes []netip.Prefix) error {
	var lines strings.Builder
	for i, p := range routes {
		fmt.Fprintf(&lines, "route add %v via 10.0.0.%d\n", p, 253+i%2)
	}
	cmd := exec.Command("ip", "-n", ns, "-batch", "-")
	cmd.Stdin = strings.NewReader(lines.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("add %d routes: ip -batch: %w: %s", len(routes), err, out)
	}
	return nil
}

// changes adds and removes a route of the thread's namespace, and gives for each
// how many ms later a lookup goes by it.
func changes(f *route.FIB) (took []float64, err error) {
	dev, err := netlink.LinkByName("eth0")
	if err != nil {
		return nil, fmt.Errorf("find eth0: %w", err)
	}
	dst := net.IPv4(198, 18, 7, 0).To4()
	r := &netlink.Route{LinkIndex: dev.Attrs().Index, Dst: &net.IPNet{IP: dst, Mask: net.CIDRMask(32, 32)}, Gw: net.IPv4(10, 0, 0, 252)}
	gateway := netip.AddrFrom4([4]byte{10, 0, 0, 252})
	for i := range routeChanges {
		change, there := netlink.RouteAdd, true
		if i%2 == 1 {
			change, there = netlink.RouteDel, false
		}
		begin := time.Now()
		if err := change(r); err != nil {
			return nil, fmt.Errorf("change %d of route %v: %w", i, r, err)
		}
		for {
			h := f.Lookup4(10<<24|11, binary.BigEndian.Uint32(dst), 0)
			if (h.Via != nil && h.Via.Addr() == gateway) == there {
				break
			}
			if time.Since(begin) > changeWithin {
				return nil, fmt.Errorf("change %d of route %v has not arrived within %v", i, r, changeWithin)
			}
		}
		took = append(took, float64(time.Since(begin).Microseconds())/1000)
	}
	return took, nil
}
