package suite

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/hosttest"
	"ipvd/cmd/internal/host/netns"
)

// firewall is a host with rules between a router, which stands for the world, and
// a box: ipvd in l3s, or the kernel that routes between two veth pairs.
type firewall struct {
	*lab
	t       *testing.T
	kernel  bool   // no ipvd
	offload bool   // flows may take the shortcut
	tool    string // iptables-nft, iptables-legacy or nft
	v6      bool
	table   bool // nft: the table is there
}

// Addresses of the firewall's stations.
func (f *firewall) box() string   { return f.pick("10.9.0.11", "fd09::11") }
func (f *firewall) world() string { return f.pick(routerAddr, "fd00::fe") }
func (f *firewall) own() string   { return f.pick(hostAddr, "fd00::1") }

func (f *firewall) pick(v4, v6 string) string {
	if f.v6 {
		return v6
	}
	return v4
}

// newFirewall makes the stations; ways is what ipvd is told besides its mode.
func newFirewall(t *testing.T, kernel bool, ways ...string) *firewall {
	f := &firewall{lab: newLab(t, 1), t: t, kernel: kernel, offload: !kernel && len(ways) == 0}
	f.host.IP("addr add fd00::1/64 dev eth0 nodad")
	if kernel {
		f.host.IP("link add ret type veth peer name ipvl0 netns " + f.boxes[0].Name)
		f.host.IP("link set ret up")
		f.host.IP("addr add 10.9.0.1/32 dev ret")
		f.host.IP("addr add fd09::1/64 dev ret nodad")
		f.host.Do(func() error {
			return errors.Join(os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0),
				os.WriteFile("/proc/sys/net/ipv6/conf/all/forwarding", []byte("1"), 0))
		})
		f.host.IP("route add 10.9.0.11/32 dev ret")
	} else {
		f.start(append([]string{"--mode", "l3s", "--ephemeral"}, ways...)...)
		f.must("link", "add", "link", "eth0", "ipvl0", "type", "ipvlan")
		f.host.IP("link set ipvl0 netns " + f.boxes[0].Name)
	}
	for _, args := range []string{"link set ipvl0 up", "addr add 10.9.0.11/32 dev ipvl0", "addr add fd09::11/64 dev ipvl0 nodad",
		"route add 10.9.0.1 dev ipvl0", "route add default via 10.9.0.1 dev ipvl0", "route add default via fd09::1 dev ipvl0"} {
		f.boxes[0].IP(args)
	}
	for _, args := range []string{"route add 10.9.0.0/24 via " + hostAddr, "route add fd09::/64 via fd00::1"} {
		f.router.IP(args)
	}
	for _, v6 := range []bool{false, true} {
		f.v6 = v6
		f.ping(f.boxes[0], f.world())
	}
	return f
}

// in runs a program in the host's namespace.
func (f *firewall) in(program string, args ...string) string {
	f.t.Helper()
	out, err := exec.Command("ip", append([]string{"netns", "exec", f.host.Name, program}, args...)...).CombinedOutput()
	if err != nil {
		f.t.Fatalf("%s %s: %v: %s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// rule is a rule in the words of iptables and of nft.
type rule struct{ chain, iptables, nft string }

// program is the tool's, for the address family.
func (f *firewall) program() string {
	if f.v6 {
		return strings.Replace(f.tool, "ip", "ip6", 1)
	}
	return f.tool
}

// tables are where iptables has a chain.
func (r rule) tables() string {
	return map[string]string{"FORWARD": "filter", "PREROUTING": "nat", "POSTROUTING": "nat", "RAW": "raw"}[r.chain]
}

// chains is what nft needs before it takes rules.
const chains = `table inet fw {
	ct helper ftp { type "ftp" protocol tcp; l3proto %s; }
	chain FORWARD { type filter hook forward priority 0; policy %s; }
	chain PREROUTING { type nat hook prerouting priority -100; }
	chain POSTROUTING { type nat hook postrouting priority 100; }
	chain RAW { type filter hook prerouting priority -150; }
}`

// rules gives the host a policy for what it forwards, and rules.
func (f *firewall) rules(policy string, rules ...rule) {
	f.t.Helper()
	f.clear()
	if f.tool == "nft" {
		f.in("nft", fmt.Sprintf(chains, f.pick("ip", "ip6"), strings.ToLower(policy)))
		f.table = true
	} else {
		f.in(f.program(), "-w", "-P", "FORWARD", policy)
	}
	for _, r := range rules {
		f.change("add", "-A", r)
	}
	// Neighbour discovery is none of the rules' business: the neighbours are known.
	f.ready()
}

// change adds, inserts or removes a rule.
func (f *firewall) change(nft, iptables string, r rule) {
	f.t.Helper()
	expand := strings.NewReplacer("BOX", f.box(), "WORLD", f.world(), "OWN", f.own(), "IP", f.pick("ip", "ip6"),
		"UNREACHABLE", f.pick("icmp-admin-prohibited", "icmp6-adm-prohibited"), "PROHIBITED", f.pick("icmp admin-prohibited", "icmpv6 admin-prohibited"),
		"ICMP", f.pick("icmp", "icmpv6"), "PING", f.pick("-p icmp --icmp-type echo-request", "-p icmpv6 --icmpv6-type echo-request"),
		"LBOX", f.pick("10.9.0.11", "[fd09::11]"))
	if f.tool == "nft" {
		f.in("nft", append([]string{nft, "rule", "inet", "fw", r.chain}, strings.Fields(expand.Replace(r.nft))...)...)
		return
	}
	words := strings.Fields(expand.Replace(r.iptables))
	chain := strings.Replace(r.chain, "RAW", "PREROUTING", 1)
	f.in(f.program(), append([]string{"-w", "-t", r.tables(), iptables, chain}, words...)...)
}

// clear removes all rules and connections.
func (f *firewall) clear() {
	f.t.Helper()
	if f.table {
		f.in("nft", "delete", "table", "inet", "fw")
		f.table = false
	}
	if f.tool != "nft" {
		for _, table := range []string{"filter", "nat", "raw"} {
			f.in(f.program(), "-w", "-t", table, "-F")
		}
		f.in(f.program(), "-w", "-P", "FORWARD", "ACCEPT")
	}
	f.in("conntrack", "-F")
}

// ready waits until the host knows its neighbours, which rules must not prevent.
func (f *firewall) ready() {
	for _, ns := range []hosttest.NS{f.router, f.host} {
		_ = exec.Command("ip", "netns", "exec", ns.Name, "ping", "-c", "1", "-W", "1", f.pick(hostAddr, "fd00::1")).Run()
	}
}

// within calls f in a namespace.
func within(ns hosttest.NS, f func() error) error {
	fd, err := netns.Open(ns.Name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return netns.Run(fd, f)
}

// hostPort is an address with its port.
func hostPortOf(addr string, port int) string { return net.JoinHostPort(addr, fmt.Sprint(port)) }

// serve echoes what comes to a TCP port of a station until the test ends.
func (f *firewall) serve(ns hosttest.NS, addr string, port int) {
	f.t.Helper()
	var l net.Listener
	err := within(ns, func() (err error) {
		l, err = net.Listen("tcp", hostPortOf(addr, port))
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
}

// serveUDP echoes datagrams.
func (f *firewall) serveUDP(ns hosttest.NS, addr string, port int) {
	f.t.Helper()
	c, err := socketIn(ns, hostPortOf(addr, port))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { c.Close() })
	go func() {
		b := make([]byte, 2048)
		for {
			n, from, err := c.ReadFromUDP(b)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				c.WriteToUDP(b[:n], from)
			}
		}
	}()
}

// Time limits: what must come has long, and what must not is not waited for long.
const (
	patience = 30 * time.Second
	refusal  = 300 * time.Millisecond
)

// dial connects from a station.
func (f *firewall) dial(ns hosttest.NS, network, addr string, port int, limit time.Duration) (c net.Conn, err error) {
	err = within(ns, func() (err error) {
		c, err = net.DialTimeout(network, hostPortOf(addr, port), limit)
		return err
	})
	if err == nil {
		f.t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// connects is dial for what must be accepted.
func (f *firewall) connects(ns hosttest.NS, network, addr string, port int) net.Conn {
	f.t.Helper()
	c, err := f.dial(ns, network, addr, port, patience)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// echoes reports that a message comes back in time. What is late of an earlier one
// is read over.
func echoes(c net.Conn, text string, limit time.Duration) bool {
	if _, err := io.WriteString(c, text); err != nil {
		return false
	}
	c.SetReadDeadline(time.Now().Add(limit))
	var got strings.Builder
	b := make([]byte, 2048)
	for !strings.HasSuffix(got.String(), text) {
		n, err := c.Read(b)
		if err != nil {
			return false
		}
		got.Write(b[:n])
	}
	return true
}

// shortcuts is how many packets took the shortcut.
func (f *firewall) shortcuts() (n uint64) {
	for _, c := range decode[[]api.Counter](f.lab, f.must("-j", "stats")) {
		if c.Name == "shortcut" {
			n += c.Packets
		}
	}
	return n
}

// lasts sends messages over an established flow, which must all come back, until
// the flow has taken the shortcut both ways if it may.
func (f *firewall) lasts(c net.Conn) {
	f.t.Helper()
	var before uint64
	if f.offload {
		before = f.shortcuts()
	}
	end := time.Now().Add(patience)
	for i := 0; ; i++ {
		if !echoes(c, fmt.Sprintf("message %d;", i), patience) {
			f.t.Fatalf("message %d does not come back", i)
		}
		if i%10 < 9 {
			continue
		}
		if !f.offload || f.shortcuts() >= before+20 {
			return
		}
		if time.Now().After(end) {
			f.t.Fatalf("after %d messages the flow takes no shortcut: %s", i+1, f.must("flow", "show"))
		}
	}
}

// stops reports that messages do not come back any more, at the latest after limit.
func (f *firewall) stops(c net.Conn, limit time.Duration) bool {
	end := time.Now().Add(limit)
	for i := 0; ; i++ {
		late := time.Now().After(end)
		if !echoes(c, fmt.Sprintf("further %d;", i), refusal) {
			return true
		}
		if late {
			return false
		}
	}
}
