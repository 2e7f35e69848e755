package differential

import (
	"fmt"
	"strings"

	"ipvd/cmd/ipvconform/scenario"
)

// The stations' MAC addresses.
const (
	macM     = "02:00:00:00:00:01" // the master's and every slave's
	macW     = "02:00:00:00:00:fe" // the station on the wire
	macX     = "02:00:00:00:00:77" // nobody's
	macAll   = "ff:ff:ff:ff:ff:ff"
	macNone  = "00:00:00:00:00:00"
	macSTP   = "01:80:c2:00:00:00"
	macPause = "01:80:c2:00:00:01"
	macLACP  = "01:80:c2:00:00:02"
	macLLDP  = "01:80:c2:00:00:0e"
)

// The stations' addresses. s0 and s1 share the master's subnet; s2 is in a
// foreign one and has no global IPv6 address. Link-local addresses of slaves are
// made of the master's MAC and the slave's number (ipvlan's EUI-64).
const (
	host4, wire4, unknown4 = "10.0.0.1", "10.0.0.254", "10.0.0.99"
	s0v4, s1v4, s2v4       = "10.0.0.10", "10.0.0.11", "10.0.1.12"
	s0second4              = "169.254.7.7"
	host6, wire6, unknown6 = "fd00::1", "fd00::254", "fd00::99"
	s0v6, s1v6             = "fd00::10", "fd00::11"
	s0link6, s1link6       = "fe80::200:0:100:1", "fe80::200:0:200:1"
	s2link6                = "fe80::200:0:300:1"
	hostLink6, wireLink6   = "fe80::ff:fe00:1", "fe80::fe"
	joined4, joined4s1     = "239.1.1.1", "239.2.2.2"
	joined6                = "ff02::1234"
)

// Modes and Flags are the words of a combination, in the order of runs.
func Modes() []string { return []string{"l2", "l3", "l3s"} }

// Flags are those of each mode.
func Flags() []string { return []string{"bridge", "private", "vepa"} }

// Lab is the scenario of all volleys in a combination of mode and flag: its
// stations answer nothing, and resolve no neighbour, so that whatever is seen
// comes from a frame that was sent.
func Lab(mode, flag string) scenario.Scenario {
	return scenario.Scenario{Name: mode + "-" + flag, Mode: mode, Flag: flag, LinkLocal: true, Raw: mode != "l2",
		Master: scenario.Station{MAC: macM, Addrs: []string{host4 + "/24 noprefixroute", host6 + "/64 noprefixroute"},
			Routes: []string{wire4 + " dev eth0", "10.0.0.0/24 via " + wire4, "default via " + wire4, wire6 + " dev eth0", "::/0 via " + wire6},
			Neigh:  map[string]string{wire4: macW, wire6: macW, wireLink6: macW, s0link6: macW, s1link6: macW, s2link6: macW}},
		Wire: scenario.Station{MAC: macW},
		Slaves: []scenario.Slave{
			{Name: "s0", Station: scenario.Station{Addrs: []string{s0v4 + "/24", s0v6 + "/64", s0second4 + "/16"}}, Join: []string{joined4, joined6}},
			{Name: "s1", Station: scenario.Station{Addrs: []string{s1v4 + "/24", s1v6 + "/64"}}, Join: []string{joined4s1}},
			{Name: "s2", Station: scenario.Station{Addrs: []string{s2v4 + "/24"}}},
		},
		Sysctl: quietSysctls(), Setup: quietRules()}
}

// quietSysctls keep stacks from answering ARP and echo requests and from
// learning from what they get.
func quietSysctls() map[string]scenario.Text {
	all := map[string]scenario.Text{"host/net.ipv4.icmp_echo_ignore_all": "1", "host/net.ipv6.icmp.echo_ignore_all": "1",
		"host/net.ipv4.ip_no_pmtu_disc": "3"}
	for _, port := range []string{"host", "wire", "s0", "s1", "s2"} {
		for _, c := range []string{"all", "default"} {
			for key, value := range map[string]scenario.Text{"arp_ignore": "8", "rp_filter": "0", "accept_redirects": "0"} {
				all[fmt.Sprintf("%s/net.ipv4.conf.%s.%s", port, c, key)] = value
			}
			all[fmt.Sprintf("%s/net.ipv6.conf.%s.accept_redirects", port, c)] = "0"
			all[fmt.Sprintf("%s/net.ipv6.conf.%s.accept_source_route", port, c)] = "-1" // routing headers change destinations
		}
	}
	return all
}

// quietRules drop what stacks would send: all at slaves and the wire, whose frames come from
// packet sockets; at the host, through whose stack frames of slaves pass, what
// only the host itself says in answer, and only from its own addresses. Nothing
// of that is seen by a driver.
func quietRules() (all []scenario.Command) {
	silent := "*filter\\n:OUTPUT DROP\\nCOMMIT\\n"
	for _, at := range []string{"wire", "s0", "s1", "s2"} {
		all = append(all, restore(at, silent, silent))
	}
	var v4, v6 strings.Builder
	for _, icmp := range []string{"echo-reply", "destination-unreachable", "redirect", "time-exceeded", "parameter-problem", "timestamp-reply"} {
		v4.WriteString("-A OUTPUT -s " + host4 + " -p icmp --icmp-type " + icmp + " -j DROP\\n")
	}
	v4.WriteString("-A OUTPUT -s " + host4 + " -p tcp --tcp-flags RST RST -j DROP\\n-A OUTPUT -s " + host4 + " -p igmp -j DROP\\n")
	v4.WriteString("-A OUTPUT -s 127.0.0.0/8 -p icmp -j DROP\\n")
	v6.WriteString("-A OUTPUT -s ::1 -p icmpv6 -j DROP\\n")
	for _, source := range []string{host6, hostLink6} {
		for _, icmp := range []string{"destination-unreachable", "time-exceeded", "parameter-problem", "echo-reply", "136", "137"} {
			v6.WriteString("-A OUTPUT -s " + source + " -p icmpv6 --icmpv6-type " + icmp + " -j DROP\\n")
		}
		v6.WriteString("-A OUTPUT -s " + source + " -p tcp --tcp-flags RST RST -j DROP\\n")
	}
	return append(all, restore("host", "*filter\\n"+v4.String()+"COMMIT\\n", "*filter\\n"+v6.String()+"COMMIT\\n"), giveUp())
}

// restore is the command that sets all rules of both families at once.
func restore(at, v4, v6 string) scenario.Command {
	return scenario.Command{At: at, Cmd: "printf '" + v4 + "' | iptables-legacy-restore && printf '" + v6 + "' | ip6tables-legacy-restore"}
}

// giveUp has the host give up neighbours that are not there at once, without
// asking for them.
func giveUp() scenario.Command {
	var words []string
	for _, family := range []string{"ipv4", "ipv6"} {
		for _, key := range []string{"mcast_solicit", "ucast_solicit"} {
			words = append(words, "echo 0 > /proc/sys/net/"+family+"/neigh/eth0/"+key)
		}
	}
	return scenario.Command{At: "host", Cmd: strings.Join(words, "; ")}
}
