package takeover

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/store"

	"golang.org/x/sys/unix"
)

// snapshot reads the interface's addresses and routes into rec, as bodies of
// the kernel's messages: nothing that the kernel says of them is lost.
func snapshot(l link.Link, rec *store.Wire) error {
	return netns.Run(l.NS, func() (err error) {
		if rec.Addrs, err = addrs(l.Index); err != nil {
			return fmt.Errorf("%s: read addresses: %w", l.Name, err)
		}
		via, err := routes(l.Index)
		if err != nil {
			return fmt.Errorf("%s: read routes: %w", l.Name, err)
		}
		rec.Routes = ownRoutes(via)
		rec.Saved = time.Now()
		return nil
	})
}

func addrs(index int) ([][]byte, error) {
	all, err := link.Dump(unix.RTM_GETADDR, unix.RTM_NEWADDR, unix.SizeofIfAddrmsg)
	var own [][]byte
	for _, m := range all {
		if a, ok := link.ParseAddr(m); ok && a.Index == index {
			own = append(own, m)
		}
	}
	return own, err
}

// Fields of struct rtmsg (linux/rtnetlink.h).
const (
	rtmFamily, rtmDstLen, rtmTable, rtmProtocol = 0, 1, 4, 5
	rtmFlags                                    = 8
)

// routes gives all routes via the interface except the local ones.
func routes(index int) ([][]byte, error) {
	all, err := link.Dump(unix.RTM_GETROUTE, unix.RTM_NEWROUTE, unix.SizeofRtMsg)
	var via [][]byte
	for _, m := range all {
		if len(m) < unix.SizeofRtMsg || (m[rtmFamily] != unix.AF_INET && m[rtmFamily] != unix.AF_INET6) {
			continue // a multicast route, which has no place here
		}
		cloned := binary.NativeEndian.Uint32(m[rtmFlags:])&unix.RTM_F_CLONED != 0
		if !cloned && m[rtmTable] != unix.RT_TABLE_LOCAL && goesVia(m, index) {
			via = append(via, m)
		}
	}
	return via, err
}

// ownRoutes are those among routes that somebody has set. The kernel makes its
// own again of the addresses; those of router advertisements come with the next
// one, which an interface asks for when it comes up.
func ownRoutes(routes [][]byte) [][]byte {
	return slices.DeleteFunc(slices.Clone(routes), func(m []byte) bool {
		p := m[rtmProtocol]
		return p == unix.RTPROT_KERNEL || p == unix.RTPROT_RA || p == unix.RTPROT_REDIRECT
	})
}

func goesVia(route []byte, index int) bool {
	for kind, v := range link.Attrs(route[unix.SizeofRtMsg:]) {
		switch {
		case kind == unix.RTA_OIF && len(v) == 4:
			if int(binary.NativeEndian.Uint32(v)) == index {
				return true
			}
		case kind == unix.RTA_MULTIPATH:
			for hop := range hops(v) {
				if int(binary.NativeEndian.Uint32(hop[4:])) == index {
					return true
				}
			}
		}
	}
	return false
}

// hops gives the struct rtnexthop of each path of an RTA_MULTIPATH, as slices
// that can be written to.
func hops(v []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(v) >= unix.SizeofRtNexthop {
			n := int(binary.NativeEndian.Uint16(v))
			if n < unix.SizeofRtNexthop || n > len(v) || !yield(v[:n]) {
				return
			}
			v = v[min(len(v), (n+3)&^3):]
		}
	}
}

// describe is a route's destination, for errors.
func describe(route []byte) string {
	for kind, v := range link.Attrs(route[unix.SizeofRtMsg:]) {
		if dst, ok := netip.AddrFromSlice(v); ok && kind == unix.RTA_DST {
			return netip.PrefixFrom(dst, int(route[rtmDstLen])).String()
		}
	}
	return "default"
}

// aged is an address message whose lifetimes are d shorter; false when the
// address has expired. See struct ifa_cacheinfo in linux/if_addr.h.
func aged(addr []byte, d time.Duration) ([]byte, bool) {
	addr = append([]byte(nil), addr...)
	for kind, v := range link.Attrs(addr[unix.SizeofIfAddrmsg:]) {
		if kind != unix.IFA_CACHEINFO || len(v) < 8 {
			continue
		}
		if !shorten(v[4:], d) { // valid
			return nil, false
		}
		shorten(v, d) // preferred: 0 means deprecated
	}
	return addr, true
}

// shorten takes d off a lifetime in seconds, down to 0, which gives false.
func shorten(v []byte, d time.Duration) bool {
	left := binary.NativeEndian.Uint32(v)
	if left == math.MaxUint32 {
		return true
	}
	left -= uint32(min(max(0, int64(d/time.Second)), int64(left)))
	binary.NativeEndian.PutUint32(v, left)
	return left > 0
}
