package l3s

import (
	"errors"
	"os"
	"slices"
	"strings"

	"ipvd/cmd/internal/host/sysctl"
	"ipvd/cmd/internal/store"
)

// wantedSysctls are the values without which the kernel does not forward, in
// the order in which they must be set. For IPv4 the incoming interface's own
// switch decides (ip_route_input_slow in net/ipv4/route.c), so net.ipv4.ip_forward
// stays as it is. Reverse path filtering needs nothing, not even when strict:
// the route to a slave's address points to the interface its packets come from.
func wantedSysctls(hostPort, ret string) ([]sysctl.Change, error) {
	wanted := []sysctl.Change{
		{Key: "ipv4/conf/" + hostPort + "/forwarding", New: "1"},
		{Key: "ipv4/conf/" + ret + "/forwarding", New: "1"},
		{Key: "ipv4/conf/" + ret + "/send_redirects", New: "0"},
	}
	if !exists("ipv6/conf/"+hostPort) || !exists("ipv6/conf/"+ret) {
		return wanted, nil // IPv6 is off
	}
	wanted = append(wanted,
		// The return interface is a way, not a host: no link-local address, no
		// router solicitation.
		sysctl.Change{Key: "ipv6/conf/" + ret + "/addr_gen_mode", New: "1"},
		sysctl.Change{Key: "ipv6/conf/" + ret + "/accept_ra", New: "0"})
	if exists("ipv6/conf/" + ret + "/force_forwarding") { // Linux 6.17
		return append(wanted,
			sysctl.Change{Key: "ipv6/conf/" + hostPort + "/force_forwarding", New: "1"},
			sysctl.Change{Key: "ipv6/conf/" + ret + "/force_forwarding", New: "1"}), nil
	}
	forward, err := forwardAll(ret)
	return append(wanted, forward...), err
}

const allForwarding = "ipv6/conf/all/forwarding"

// forwardAll turns IPv6 forwarding on where only the switch for all interfaces
// counts (ip6_forward in net/ipv6/ip6_output.c). The kernel copies that switch
// to each interface and to the default, and an interface that forwards listens to router
// advertisements only with accept_ra 2.
func forwardAll(ret string) ([]sysctl.Change, error) {
	now, err := sysctl.Get(allForwarding)
	if err != nil || now != "0" {
		return nil, err
	}
	entries, err := os.ReadDir("/proc/sys/net/ipv6/conf")
	if err != nil {
		return nil, err
	}
	var listen, routers []sysctl.Change
	for _, e := range entries {
		conf := "ipv6/conf/" + e.Name() + "/"
		if e.Name() == "all" {
			continue
		}
		ra, err := sysctl.Get(conf + "accept_ra")
		if errors.Is(err, os.ErrNotExist) {
			continue // gone since
		}
		if err != nil {
			return nil, err
		}
		forwarding, err := sysctl.Get(conf + "forwarding")
		switch {
		case err != nil:
			return nil, err
		case forwarding == "0" && ra == "1" && !slices.Contains([]string{"default", "lo", ret}, e.Name()):
			listen = append(listen, sysctl.Change{Key: conf + "accept_ra", New: "2"})
		case forwarding != "0":
			// It becomes 0 when the switch for all is put back, and is then put
			// back itself.
			routers = append(routers, sysctl.Change{Key: conf + "forwarding", New: "0"})
		}
	}
	return append(append(listen, routers...), sysctl.Change{Key: allForwarding, New: "1"}), nil
}

// divide splits a record into the sysctls of the master's own interfaces and
// those that another master needs as well.
func divide(rec store.Host) (own, shared []sysctl.Change) {
	for _, c := range rec.Sysctls {
		dir := strings.Split(c.Key, "/")[2]
		if (dir == rec.HostPort || dir == rec.Return) && !strings.HasSuffix(c.Key, "/accept_ra") {
			own = append(own, c)
		} else {
			shared = append(shared, c)
		}
	}
	return own, shared
}

func exists(key string) bool {
	_, err := os.Stat("/proc/sys/net/" + key)
	return err == nil
}
