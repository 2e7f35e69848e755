package takeover

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/store"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// apply gives the interface what rec says. What it has already is left, so a
// second call does nothing.
func apply(l link.Link, rec *store.Wire) error {
	s, err := l.State()
	if err != nil {
		return err
	}
	mac, err := net.ParseMAC(rec.MAC)
	if err != nil {
		return err
	}
	var errs []error
	if s.Addr != string(mac) {
		errs = append(errs, l.SetMAC(mac))
	}
	if s.MTU != rec.MTU {
		errs = append(errs, l.SetMTU(rec.MTU))
	}
	errs = append(errs, l.SetTxQLen(rec.TxQLen), l.SetNoARP(rec.NoARP), setSysctls(l, rec))
	if rec.Up {
		errs = append(errs, l.SetUp(true))
	}
	errs = append(errs, netns.Run(l.NS, func() error {
		return errors.Join(putAddrs(l, rec.Addrs, time.Since(rec.Saved)), putRoutes(l, rec))
	}))
	return errors.Join(errs...)
}

// putAddrs adds the addresses, which are as old as age, in the order in which
// they were: the first of a subnet is its primary one.
func putAddrs(l link.Link, addrs [][]byte, age time.Duration) error {
	var errs []error
	for _, m := range addrs {
		m, ok := aged(m, age)
		if !ok {
			continue
		}
		binary.NativeEndian.PutUint32(m[4:], uint32(l.Index))
		a, _ := link.ParseAddr(m)
		if err := putAddr(m, a); err != nil && !errors.Is(err, unix.EEXIST) {
			errs = append(errs, fmt.Errorf("%s: add address %v: %w", l.Name, a.Prefix, err))
		}
	}
	return errors.Join(errs...)
}

// putAddr adds an address. An IPv6 one was in use with this MAC until just now,
// and routes that name it as their source need it at once: it is added without
// duplicate address detection, and the flag for that is taken back.
func putAddr(m []byte, a link.Addr) error {
	create := unix.NLM_F_CREATE | unix.NLM_F_EXCL
	if a.Prefix.Addr().Is4() || a.Flags&unix.IFA_F_NODAD != 0 {
		return send(unix.RTM_NEWADDR, create, m)
	}
	if err := send(unix.RTM_NEWADDR, create, withFlags(m, a.Flags|unix.IFA_F_NODAD)); err != nil {
		return err
	}
	return send(unix.RTM_NEWADDR, unix.NLM_F_REPLACE, m)
}

// withFlags is a copy of an address message with other flags.
func withFlags(addr []byte, flags uint32) []byte {
	m := append([]byte(nil), addr...)
	m[2] = byte(flags)
	for kind, v := range link.Attrs(m[unix.SizeofIfAddrmsg:]) {
		if kind == unix.IFA_FLAGS && len(v) == 4 {
			binary.NativeEndian.PutUint32(v, flags)
		}
	}
	return m
}

// putRoutes adds those routes that the interface does not have. A gateway must
// be reachable by a route that may come later in the list: rounds go on as long
// as one adds something.
func putRoutes(l link.Link, rec *store.Wire) error {
	now, err := routes(l.Index)
	if err != nil {
		return fmt.Errorf("%s: read routes: %w", l.Name, err)
	}
	have := make(map[string]bool)
	for _, m := range now {
		have[string(route(m, l.Index, l.Index))] = true
	}
	var pending [][]byte
	for _, m := range rec.Routes {
		if m = route(m, rec.Index, l.Index); !have[string(m)] {
			pending = append(pending, m)
		}
	}
	for {
		failed, errs := putRound(l, pending)
		if len(failed) == 0 || len(failed) == len(pending) {
			return errors.Join(errs...)
		}
		pending = failed
	}
}

func putRound(l link.Link, routes [][]byte) (failed [][]byte, errs []error) {
	for _, m := range routes {
		if err := send(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, m); err != nil {
			failed = append(failed, m)
			errs = append(errs, fmt.Errorf("%s: add route %s: %w", l.Name, describe(m), err))
		}
	}
	return failed, errs
}

// rtaNHID names a nexthop object (linux/rtnetlink.h).
const rtaNHID = 30

// route is a route message that can be sent: via interface to instead of from,
// without the flags and attributes that only the kernel may set. A nexthop
// object goes away with its interface; the message has its content as well.
func route(m []byte, from, to int) []byte {
	out := append([]byte(nil), m[:unix.SizeofRtMsg]...)
	flags := binary.NativeEndian.Uint32(out[rtmFlags:])
	binary.NativeEndian.PutUint32(out[rtmFlags:], flags&unix.RTNH_F_ONLINK)
	for kind, v := range link.Attrs(m[unix.SizeofRtMsg:]) {
		switch kind {
		case unix.RTA_CACHEINFO, rtaNHID:
			continue
		case unix.RTA_OIF:
			v = append([]byte(nil), v...)
			reindex(v, from, to)
		case unix.RTA_MULTIPATH:
			v = append([]byte(nil), v...)
			for hop := range hops(v) {
				hop[2] &= unix.RTNH_F_ONLINK
				reindex(hop[4:], from, to)
			}
		}
		out = append(out, nl.NewRtAttr(int(kind), v).Serialize()...)
	}
	return out
}

func reindex(v []byte, from, to int) {
	if int(binary.NativeEndian.Uint32(v)) == from {
		binary.NativeEndian.PutUint32(v, uint32(to))
	}
}

func send(kind, flags int, body []byte) error {
	req := nl.NewNetlinkRequest(kind, flags|unix.NLM_F_ACK)
	req.AddRawData(body)
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}
