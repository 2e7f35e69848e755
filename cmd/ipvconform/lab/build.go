package lab

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/host/sysctl"
	"ipvd/cmd/ipvconform/scenario"
)

// Addresses of the master and its peer where the scenario names none.
const (
	defaultMaster = "02:00:00:00:00:01"
	defaultWire   = "02:00:00:00:00:fe"
)

// build makes all stations and what the scenario does to them before its steps.
func (l *Lab) build() error {
	for _, name := range l.Scenario.Ports() {
		if err := l.namespace(name); err != nil {
			return err
		}
	}
	if err := l.cable(); err != nil {
		return err
	}
	if err := l.prepare(); err != nil {
		return err
	}
	if err := l.driver.Start(l); err != nil {
		return err
	}
	for _, s := range l.Scenario.Slaves {
		if err := l.driver.AddSlave(l, s); err != nil {
			return fmt.Errorf("slave %s: %w", s.Name, err)
		}
	}
	if err := l.stations(); err != nil {
		return err
	}
	if err := l.survey(); err != nil {
		return err
	}
	return l.setup()
}

// namespace makes a port's namespace and sets the sysctls that interfaces made
// in it inherit.
func (l *Lab) namespace(port string) error {
	name := l.Namespace(port)
	if err := netns.Create(name); err != nil {
		return err
	}
	l.made = append(l.made, name)
	fd, err := netns.Open(name)
	if err != nil {
		return err
	}
	l.ns[port] = fd
	return l.in(port, func() error {
		quietGroups()
		for key, value := range quietIPv6(l.Scenario.LinkLocal) {
			for _, c := range []string{"default", "all"} {
				if err := sysctl.Set("ipv6/conf/"+c+"/"+key, value); err != nil {
					return err
				}
			}
		}
		for key, value := range l.Scenario.Sysctl {
			if at, key, ok := strings.Cut(key, "/"); ok && at == port {
				if err := sysctl.Set(strings.TrimPrefix(sysctlPath(key), "net/"), string(value)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// sysctlPath is a key as a path: an interface's name may have a dot in it, and
// then the key is written with slashes (sysctl(8)).
func sysctlPath(key string) string {
	if strings.Contains(key, "/") {
		return key
	}
	return strings.ReplaceAll(key, ".", "/")
}

// quietIPv6 keeps stacks from sending what no step asked for.
func quietIPv6(linkLocal bool) map[string]string {
	generate := "1" // none
	if linkLocal {
		generate = "0" // EUI-64
	}
	return map[string]string{"accept_dad": "0", "dad_transmits": "0", "router_solicitations": "0", "accept_ra": "0",
		"autoconf": "0", "addr_gen_mode": generate}
}

// quietGroups lets stacks report the groups that they join once and at once, so
// that no later step counts it. What this kernel has no setting for stays.
func quietGroups() {
	for _, key := range []string{"ipv4/igmp_qrv", "ipv6/mld_qrv"} {
		_ = sysctl.Set(key, "1")
	}
	for _, c := range []string{"default", "all"} {
		for _, key := range []string{"ipv4/conf/" + c + "/igmpv2", "ipv4/conf/" + c + "/igmpv3", "ipv6/conf/" + c + "/mldv1", "ipv6/conf/" + c + "/mldv2"} {
			_ = sysctl.Set(key+"_unsolicited_report_interval", "1")
		}
	}
}

// cable makes the wire. Its ends complete no checksums and segment nothing, so
// that a capture shows what is on it.
func (l *Lab) cable() error {
	m, w := or(l.Scenario.Master.MAC, defaultMaster), or(l.Scenario.Wire.MAC, defaultWire)
	host, wire := l.Namespace(scenario.Host), l.Namespace(scenario.Wire)
	if err := ip("", fmt.Sprintf("link add %s netns %s address %s type veth peer name %s netns %s address %s",
		Master, host, m, WireLink, wire, w)); err != nil {
		return err
	}
	for ns, dev := range map[string]string{host: Master, wire: WireLink} {
		_, _ = shell(ns, "ethtool -K "+dev+" rx off tx off tso off gso off gro off rxvlan off txvlan off sg off")
	}
	if err := ip(host, "link set lo up", "link set "+Master+" up"); err != nil {
		return err
	}
	return ip(wire, "link set lo up", "link set "+WireLink+" promisc on up")
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// stations gives every interface its addresses, routes and neighbours.
func (l *Lab) stations() error {
	if err := l.station(scenario.Host, Master, l.Scenario.Master); err != nil {
		return err
	}
	if err := l.station(scenario.Wire, WireLink, l.Scenario.Wire); err != nil {
		return err
	}
	for _, s := range l.Scenario.Slaves {
		if err := l.station(s.Name, s.Name, s.Station); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) station(port, dev string, s scenario.Station) error {
	lines := []string{"link set lo up", "link set dev " + dev + " up"}
	for _, a := range s.Addrs {
		if strings.Contains(a, ":") {
			a += " nodad"
		}
		lines = append(lines, "addr add "+a+" dev "+dev)
	}
	for _, r := range s.Routes {
		lines = append(lines, "route add "+r)
	}
	for _, a := range slices.Sorted(maps.Keys(s.Neigh)) {
		lines = append(lines, fmt.Sprintf("neigh replace %s lladdr %s dev %s nud permanent", a, s.Neigh[a], dev))
	}
	if err := ip(l.Namespace(port), lines...); err != nil {
		return err
	}
	return l.in(port, func() error { return solicitOnce(dev) })
}

// solicitOnce lets the stack ask for a neighbour once, so that no later step
// sees it ask again.
func solicitOnce(dev string) error {
	for _, family := range []string{"ipv4", "ipv6"} {
		for key, value := range map[string]string{"mcast_solicit": "1", "ucast_solicit": "1", "retrans_time_ms": "100000", "delay_first_probe_time": "100"} {
			if err := sysctl.Set(family+"/neigh/"+dev+"/"+key, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// keepFlows lets conntrack forget nothing while the scenario runs.
func keepFlows() error {
	for _, flow := range []string{"udp_timeout", "udp_timeout_stream", "icmp_timeout", "icmpv6_timeout", "generic_timeout"} {
		if err := sysctl.Set("netfilter/nf_conntrack_"+flow, "3600"); err != nil {
			return err
		}
	}
	return nil
}

// setup runs the scenario's own commands.
func (l *Lab) setup() error {
	if l.Scenario.IPTables {
		for _, port := range l.Scenario.Ports() {
			for _, iptables := range []string{"iptables-legacy", "ip6tables-legacy"} {
				_, _ = shell(l.Namespace(port), iptables+" -t mangle -A PREROUTING -m conntrack --ctstate INVALID")
			}
			if err := l.in(port, keepFlows); err != nil {
				return err
			}
		}
	}
	for _, c := range l.Scenario.Setup {
		status, out := l.run(c.At, c.Cmd)
		if err := failed("setup", c, status, out); err != nil {
			return err
		}
	}
	return nil
}

// prepare runs the commands that come before the driver. They are the kernel's
// business alone.
func (l *Lab) prepare() error {
	for _, c := range l.Scenario.Prepare {
		status, out := shell(l.Namespace(c.At), c.Cmd)
		if err := failed("prepare", c, status, out); err != nil {
			return err
		}
	}
	return nil
}

// failed is the error of a command that may not fail.
func failed(what string, c scenario.Command, status int, out string) error {
	if status == 0 || c.Check != nil && !*c.Check {
		return nil
	}
	return fmt.Errorf("%s at %s: %s: exit status %d: %s", what, c.At, c.Cmd, status, out)
}
