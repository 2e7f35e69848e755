package mirror

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ipvd/flows/route"
)

// TestWhatRoutesAndRulesMean: lines of ip(8), and the hop that a packet takes then.
func TestWhatRoutesAndRulesMean(t *testing.T) {
	const s1, s2 = "10.0.0.11", "10.0.0.12"
	for _, c := range []struct {
		name, lines, from, to string
		tos                   uint8
		want                  string
	}{
		{"nothing", "", s1, "198.51.100.7", 0, "none"},
		{"the link", "", s1, "10.0.0.99", 0, "unicast"},
		{"the host's own address", "", s1, "10.0.0.1", 0, "host"},
		{"the subnet's broadcast address", "", s1, "10.0.0.255", 0, "host"},
		{"another device", "", s1, "192.168.5.7", 0, "none"},
		{"default route", "route add default via 10.0.0.254", s1, "198.51.100.7", 0, "unicast via 10.0.0.254"},
		{"longest prefix", "route add 198.51.0.0/16 via 10.0.0.254\nroute add 198.51.100.0/24 via 10.0.0.253", s1, "198.51.100.7", 0, "unicast via 10.0.0.253"},
		{"a longer prefix by another device", "route add default via 10.0.0.254\nroute add 198.51.100.0/24 via 192.168.5.2", s1, "198.51.100.7", 0, "unicast via 10.0.0.254"},
		{"the lower metric", "route add 198.51.100.0/24 via 10.0.0.254 metric 20\nroute add 198.51.100.0/24 via 10.0.0.253 metric 10", s1, "198.51.100.7", 0, "unicast via 10.0.0.253"},
		{"onlink", "route add 198.51.100.0/24 via 203.0.113.1 dev eth0 onlink", s1, "198.51.100.7", 0, "unicast via 203.0.113.1"},
		{"by an IPv6 gateway", "route add 198.51.100.0/24 via inet6 fe80::1 dev eth0", s1, "198.51.100.7", 0, "unicast via fe80::1"},
		{"MTU", "route add 198.51.100.0/24 via 10.0.0.254 mtu 1400", s1, "198.51.100.7", 0, "unicast via 10.0.0.254 mtu 1400"},
		{"blackhole", "route add default via 10.0.0.254\nroute add blackhole 198.51.100.0/24", s1, "198.51.100.7", 0, "blackhole"},
		{"unreachable", "route add unreachable 198.51.100.0/24", s1, "198.51.100.7", 0, "unreachable"},
		{"prohibit", "route add prohibit 198.51.100.0/24", s1, "198.51.100.7", 0, "prohibit"},
		{"throw", "route add throw 198.51.100.0/24\nroute add 198.51.0.0/16 via 10.0.0.254 table 253", s1, "198.51.100.7", 0, "unicast via 10.0.0.254"},
		{"a route for a traffic class", "route add 198.51.100.0/24 via 10.0.0.254\nroute add 198.51.100.0/24 tos 0x10 via 10.0.0.253", s1, "198.51.100.7", 0, "host"},
		{"a next hop by number", "nexthop add id 7 via 10.0.0.254 dev eth0\nroute add 198.51.100.0/24 nhid 7", s1, "198.51.100.7", 0, "unicast via 10.0.0.254"},
		{"one of another device", "nexthop add id 7 via 192.168.5.2 dev d0\nroute add 198.51.100.0/24 nhid 7", s1, "198.51.100.7", 0, "none"},
		{"a blackhole by number", "nexthop add id 7 blackhole\nroute add 198.51.100.0/24 nhid 7", s1, "198.51.100.7", 0, "blackhole"},
		{"several next hops, one by the device", "route add 198.51.100.0/24 nexthop via 10.0.0.254 nexthop via 192.168.5.2", s1, "198.51.100.7", 0, "unicast via 10.0.0.254"},
		{"a rule for the source", "route add default via 10.0.0.253 table 100\nrule add from 10.0.0.12 lookup 100", s2, "198.51.100.7", 0, "unicast via 10.0.0.253"},
		{"not for others", "route add default via 10.0.0.253 table 100\nrule add from 10.0.0.12 lookup 100", s1, "198.51.100.7", 0, "none"},
		{"a rule for the destination", "route add default via 10.0.0.253 table 100\nrule add to 198.51.0.0/16 lookup 100", s1, "198.51.100.7", 0, "unicast via 10.0.0.253"},
		{"a rule that inverts", "route add default via 10.0.0.253 table 100\nrule add not from 10.0.0.12 lookup 100", s1, "198.51.100.7", 0, "unicast via 10.0.0.253"},
		{"a rule for a class", "route add default via 10.0.0.253 table 100\nrule add tos 0x10 lookup 100", s1, "198.51.100.7", 0x10, "unicast via 10.0.0.253"},
		{"a rule for a mark", "route add default via 10.0.0.253 table 100\nrule add fwmark 5 lookup 100", s1, "198.51.100.7", 0, "none"},
		{"a rule for the absence of a mark", "route add default via 10.0.0.253 table 100\nrule add fwmark 0/5 lookup 100", s1, "198.51.100.7", 0, "unicast via 10.0.0.253"},
		{"a rule for a protocol", "route add default via 10.0.0.253 table 100\nrule add ipproto udp lookup 100", s1, "198.51.100.7", 0, "none"},
		{"a rule for what comes in by an interface", "route add default via 10.0.0.253 table 100\nrule add iif d0 lookup 100", s1, "198.51.100.7", 0, "none"},
		{"a rule for the host's own", "route add default via 10.0.0.253 table 100\nrule add iif lo lookup 100", s1, "198.51.100.7", 0, "unicast via 10.0.0.253"},
		{"a rule for the device", "route add default via 10.0.0.253 table 100\nrule add oif eth0 lookup 100", s1, "198.51.100.7", 0, "unicast via 10.0.0.253"},
		{"a rule for another device", "route add default via 10.0.0.253 table 100\nrule add oif d0 lookup 100", s1, "198.51.100.7", 0, "none"},
		{"a rule that goes on elsewhere", "route add default via 10.0.0.253 table 100\nrule add pref 200 lookup 100\nrule add pref 300 unreachable\nrule add pref 100 from 10.0.0.12 goto 300", s2, "198.51.100.7", 0, "unreachable"},
		{"a rule that prohibits", "rule add from 10.0.0.12 prohibit", s2, "198.51.100.7", 0, "prohibit"},
		{"a rule that suppresses short prefixes", "rule add pref 100 lookup main suppress_prefixlength 0", s1, "198.51.100.7", 0, "host"},
		{"IPv6 without a route", "", "fd00::11", "2001:db8::7", 0, "none"},
		{"IPv6 by a gateway", "-6 route add default via fd00::fe", "fd00::11", "2001:db8::7", 0, "unicast via fd00::fe"},
		{"IPv6 by another device", "-6 route add 2001:db8::/32 via fd05::2\n-6 route add default via fd00::fe", "fd00::11", "2001:db8::7", 0, "host"},
		{"IPv6 for some sources", "-6 route add default from fd00::/64 via fd00::fe", "fd00::11", "2001:db8::7", 0, "host"},
		{"IPv6, the lower metric by another device", "-6 route add 2001:db8::/32 via fd05::2 metric 10\n-6 route add 2001:db8::/32 via fd00::fe metric 20", "fd00::11", "2001:db8::7", 0, "host"},
		{"IPv6 MTU", "-6 route add default via fd00::fe mtu 1280", "fd00::11", "2001:db8::7", 0, "unicast via fd00::fe mtu 1280"},
		{"IPv6 unreachable", "-6 route add unreachable 2001:db8::/32", "fd00::11", "2001:db8::7", 0, "unreachable"},
		{"an IPv6 rule", "-6 route add default via fd00::fd table 100\n-6 rule add from fd00::12 lookup 100", "fd00::12", "2001:db8::7", 0, "unicast via fd00::fd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			followed := r.open(Config{})
			r.ip(c.lines)
			r.hop(followed, c.from, c.to, c.tos, c.want)
			r.hop(r.open(Config{}), c.from, c.to, c.tos, c.want)
		})
	}
}

// TestFollowingIsReading: whatever happens to routes, rules, next hops, neighbours,
// addresses and links, a mirror that has followed it knows what one knows that has
// read it afterwards.
func TestFollowingIsReading(t *testing.T) {
	r := newRig(t)
	m := r.open(Config{})
	rnd := rand.New(rand.NewPCG(1, 1))
	done := 0
	for step := range 100 {
		line := change(rnd)
		if _, err := r.try(line); err == nil {
			done++
		}
		if step%4 == 3 {
			r.follows(m, fmt.Sprintf("step %d, after %q", step, line))
		}
	}
	if done < 30 {
		t.Errorf("of 100 changes %d were made", done)
	}
}

// change is a random line of ip(8), which may fail.
func change(rnd *rand.Rand) string {
	pick := func(of ...string) string { return of[rnd.IntN(len(of))] }
	verb := pick("add", "add", "replace", "append", "del")
	dst4 := pick("198.51.100.0/24", "198.51.100.0/25", "198.51.0.0/16", "default", "203.0.113.7")
	dst6 := pick("2001:db8::/32", "2001:db8:1::/48", "default", "2001:db9::7")
	via4, via6 := pick("10.0.0.254", "10.0.0.253", "192.168.5.2"), pick("fd00::fe", "fd00::fd", "fd05::2")
	more := pick("", "", " metric 10", " table 100", " mtu 1400")
	switch rnd.IntN(14) {
	case 0, 1, 2, 3:
		return "route " + verb + " " + dst4 + " via " + via4 + more
	case 4, 5, 6:
		return "-6 route " + verb + " " + dst6 + " via " + via6 + more
	case 7:
		return "route " + verb + " " + dst4 + " nexthop via 10.0.0.254 nexthop via " + via4
	case 8:
		return "-6 route " + verb + " " + dst6 + " nexthop via fd00::fe nexthop via " + via6
	case 9:
		return "route " + verb + " " + pick("unreachable", "blackhole", "throw") + " " + dst4
	case 10:
		return pick("", "-6 ") + "rule " + pick("add", "del") + " pref " + pick("100", "200") + pick("", " iif lo", " fwmark 7") + " lookup 100"
	case 11:
		return "nexthop " + pick("add", "replace", "del") + " id 7 via " + via4 + " dev " + pick("eth0", "d0") + "\nroute replace 198.51.101.0/24 nhid 7"
	case 12:
		return "neigh " + pick("replace", "del") + " 10.0.0." + pick("99", "98") + " lladdr 02:00:00:00:00:99 dev eth0 nud " + pick("permanent", "stale", "noarp")
	}
	return pick("addr add 10.0.7.1/24 dev eth0", "addr del 10.0.7.1/24 dev eth0", "route replace 198.51.102.0/24 via 10.0.0.254 src 10.0.7.1",
		"link set eth0 down", "link set eth0 up", "addr add fd07::1/64 dev eth0 nodad", "addr del fd07::1/64 dev eth0")
}

// TestLostNotificationsAreReadAgain: the kernel drops what the mirror has no room
// for, and the mirror says so and finds out.
func TestLostNotificationsAreReadAgain(t *testing.T) {
	r := newRig(t)
	m := r.open(Config{ReceiveBuffer: 4096})
	var lines strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&lines, "route add 198.%d.%d.0/24 via 10.0.0.254\n", 18+i/256, i%256)
	}
	m.Do(func(*route.FIB) { r.ip(lines.String()) })
	r.hop(m, "10.0.0.11", "198.25.207.1", 0, "unicast via 10.0.0.254")
	if s := m.Stats(); s.Lost == 0 || s.Reads == 0 {
		t.Errorf("counted %+v", s)
	}
	r.follows(m, "after a loss")
}

// TestNeighboursInUseStayUsable: a neighbour that workers use is asked for by the
// kernel before it forgets it; one that nobody uses is not.
func TestNeighboursInUseStayUsable(t *testing.T) {
	r := newRig(t)
	r.ip("neigh replace 10.0.0.254 lladdr 02:00:00:00:00:ee dev eth0 nud stale\nneigh replace 10.0.0.99 lladdr 02:00:00:00:00:99 dev eth0 nud stale")
	m := r.open(Config{})
	used := func(a string) bool {
		ok := false
		m.Do(func(f *route.FIB) {
			n := f.Neighbours.Find(netip.MustParseAddr(a))
			if n != nil && a == "10.0.0.254" {
				n.Use(f.Now())
			}
			ok = n != nil
		})
		return ok
	}
	for end := time.Now().Add(within); ; time.Sleep(100 * time.Millisecond) {
		if !used("10.0.0.254") || !used("10.0.0.99") {
			t.Fatal("a neighbour is not known")
		}
		states := r.run("ip", "-n", r.ns, "neigh", "show", "dev", "eth0")
		if !strings.Contains(line(states, "10.0.0.99 "), "STALE") {
			t.Fatalf("the neighbour that nobody uses is no longer stale:\n%s", states)
		}
		if strings.Contains(line(states, "10.0.0.254 "), "REACHABLE") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the neighbour in use has not been asked for:\n%s", states)
		}
	}
}

func line(text, prefix string) string {
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, prefix) {
			return l
		}
	}
	return ""
}

// TestADeviceThatGoesLeavesAllToTheKernel: what is known of its routes is no longer
// true.
func TestADeviceThatGoesLeavesAllToTheKernel(t *testing.T) {
	r := newRig(t)
	r.ip("route add default via 10.0.0.254")
	m := r.open(Config{})
	r.hop(m, "10.0.0.11", "198.51.100.7", 0, "unicast via 10.0.0.254")
	r.ip("link del eth0")
	r.hop(m, "10.0.0.11", "198.51.100.7", 0, "host")
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	r := newRig(t)
	_, err := Open(r.fd, Config{Device: "nobody", FIB: route.New(noIndex{})})
	if err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("error %v", err)
	}
}
