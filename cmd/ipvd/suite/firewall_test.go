package suite

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestFirewallsDecideAlike: whatever the rules are written with, the host's verdicts
// are the same with shortcuts, without, and when the kernel routes by itself.
func TestFirewallsDecideAlike(t *testing.T) {
	for _, c := range []struct {
		name   string
		kernel bool
		ways   []string
		tools  map[string][]bool // for IPv6, and for IPv4
	}{
		{"the kernel alone", true, nil, map[string][]bool{"iptables-nft": {false}, "nft": {true}}},
		{"every packet in the host", false, []string{"--l3s-offload", "off"}, map[string][]bool{"iptables-nft": {false}, "nft": {true}}},
		{"shortcuts", false, nil, map[string][]bool{"iptables-nft": {false}, "iptables-legacy": {false}, "nft": {true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFirewall(t, c.kernel, c.ways...)
			for tool, families := range c.tools {
				for _, f.v6 = range families {
					f.tool = tool
					f.decides()
				}
			}
			if !c.kernel {
				f.t = t
				f.stop()
			}
		})
	}
}

// decides runs every case with the tool and family of f.
func (f *firewall) decides() {
	t := f.t
	for _, c := range []struct {
		name string
		run  func(f *firewall) string
		want string
	}{
		{"stateful", (*firewall).stateful, "out passes, in is dropped"},
		{"rate limit", (*firewall).rateLimit, "3 of 5 connections"},
		{"masquerade", (*firewall).masquerade, "from the host, both ways"},
		{"port of the host to a slave", (*firewall).portForward, "from the world, both ways"},
		{"reject", (*firewall).reject, "tcp host unreachable, udp host unreachable"},
		{"rule in the middle of a flow", (*firewall).ruleInMidFlow, "stops, goes on without it"},
		{"conntrack flushed in the middle of a flow", (*firewall).flushInMidFlow, "stops"},
		{"udp", (*firewall).udp, "out passes, in is dropped"},
		{"ping", (*firewall).pings, "out passes, in is dropped"},
		{"ftp", (*firewall).ftp, "the port told passes, another is dropped"},
	} {
		family := map[bool]string{false: "IPv4", true: "IPv6"}[f.v6]
		t.Run(fmt.Sprintf("%s, %s, %s", f.tool, family, c.name), func(t *testing.T) {
			f.t, f.lab.t = t, t
			defer func() { f.lab.t = f.t }()
			t.Cleanup(f.clear)
			if got := c.run(f); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	f.t, f.lab.t = t, t
}

// Rules that several cases have.
var (
	established = rule{"FORWARD", "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", "ct state established,related accept"}
	newTo80     = rule{"FORWARD", "-s BOX -p tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT", "IP saddr BOX tcp dport 80 ct state new accept"}
)

func verdict(passes bool) string {
	if passes {
		return "passes"
	}
	return "is dropped"
}

// accepted reports that a connection is made in time.
func (f *firewall) accepted(c net.Conn, err error) bool {
	f.t.Helper()
	var timeout net.Error
	if err != nil && !(errors.As(err, &timeout) && timeout.Timeout()) {
		f.t.Errorf("dial: %v, want it made or not answered", err)
	}
	return err == nil && c != nil
}

func (f *firewall) stateful() string {
	f.rules("DROP", established, newTo80)
	f.serve(f.router, f.world(), 80)
	f.serve(f.boxes[0], f.box(), 80)
	f.lasts(f.connects(f.boxes[0], "tcp", f.world(), 80))
	in := f.accepted(f.dial(f.router, "tcp", f.box(), 80, refusal))
	return fmt.Sprintf("out passes, in %s", verdict(in))
}

func (f *firewall) rateLimit() string {
	f.rules("DROP", established,
		rule{"FORWARD", "-p tcp --dport 80 -m conntrack --ctstate NEW -m limit --limit 1/minute --limit-burst 3 -j ACCEPT",
			"tcp dport 80 ct state new limit rate 1/minute burst 3 packets accept"})
	f.serve(f.router, f.world(), 80)
	n := 0
	for i := range 5 {
		limit := refusal
		if i < 3 { // these must come through, however slow the machine is
			limit = patience
		}
		if c, err := f.dial(f.boxes[0], "tcp", f.world(), 80, limit); f.accepted(c, err) {
			f.lasts(c)
			n++
		}
	}
	return fmt.Sprintf("%d of 5 connections", n)
}

// peerSeen is whose address a server sees, and whether the flow lasts.
func (f *firewall) peerSeen(l net.Listener, dial func() net.Conn) string {
	f.t.Helper()
	seen := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			seen <- err.Error()
			return
		}
		host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
		seen <- host
		io.Copy(c, c)
		c.Close()
	}()
	f.lasts(dial())
	who := <-seen
	for name, addr := range map[string]string{"the host": f.own(), "the world": f.world(), "the box": f.box()} {
		if who == addr {
			who = name
		}
	}
	return fmt.Sprintf("from %s, both ways", who)
}

func (f *firewall) masquerade() string {
	f.rules("DROP", established, newTo80, rule{"POSTROUTING", "-s BOX -j MASQUERADE", "IP saddr BOX masquerade"})
	l := f.listens(func() (net.Listener, error) { return net.Listen("tcp", hostPortOf(f.world(), 80)) }, true)
	return f.peerSeen(l, func() net.Conn { return f.connects(f.boxes[0], "tcp", f.world(), 80) })
}

func (f *firewall) portForward() string {
	f.rules("DROP", established, rule{"PREROUTING", "-d OWN -p tcp --dport 8080 -j DNAT --to-destination LBOX:80", "IP daddr OWN tcp dport 8080 dnat IP to LBOX:80"},
		rule{"FORWARD", "-d BOX -p tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT", "IP daddr BOX tcp dport 80 ct state new accept"})
	l := f.listens(func() (net.Listener, error) { return net.Listen("tcp", hostPortOf(f.box(), 80)) }, false)
	return f.peerSeen(l, func() net.Conn { return f.connects(f.router, "tcp", f.own(), 8080) })
}

// listens listens in the world or in the box.
func (f *firewall) listens(listen func() (net.Listener, error), world bool) (l net.Listener) {
	f.t.Helper()
	ns := f.boxes[0]
	if world {
		ns = f.router
	}
	err := within(ns, func() (err error) {
		l, err = listen()
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { l.Close() })
	return l
}

func (f *firewall) reject() string {
	f.rules("ACCEPT", rule{"FORWARD", "-s BOX -d WORLD -m conntrack --ctstate NEW -j REJECT --reject-with UNREACHABLE",
		"IP saddr BOX IP daddr WORLD ct state new reject with PROHIBITED"})
	_, err := f.dial(f.boxes[0], "tcp", f.world(), 80, patience)
	c := f.connects(f.boxes[0], "udp", f.world(), 80)
	var read error
	f.await("an ICMP error arrives", patience, func() bool {
		c.Write([]byte("anybody"))
		c.SetReadDeadline(time.Now().Add(refusal))
		_, read = c.Read(make([]byte, 100))
		var timeout net.Error
		return !errors.As(read, &timeout) || !timeout.Timeout()
	})
	return fmt.Sprintf("tcp %s, udp %s", unreachable(err), unreachable(read))
}

// unreachable is what an ICMP error of prohibition becomes in a program.
func unreachable(err error) string {
	if errors.Is(err, unix.EHOSTUNREACH) || errors.Is(err, unix.EACCES) {
		return "host unreachable"
	}
	return fmt.Sprint(err)
}

// announced is how long a rule that netfilter announces may take to end a flow, and
// probed how long one that it does not.
const (
	announced = 10 * time.Second
	probed    = 20 * time.Second
)

func (f *firewall) ruleInMidFlow() string {
	drop := rule{"FORWARD", "-s BOX -d WORLD -p tcp --dport 80 -j DROP", "IP saddr BOX IP daddr WORLD tcp dport 80 drop"}
	f.rules("DROP", established, newTo80)
	f.serve(f.router, f.world(), 80)
	c := f.connects(f.boxes[0], "tcp", f.world(), 80)
	f.lasts(c)
	f.change("insert", "-I", drop)
	limit := announced
	if f.tool == "iptables-legacy" {
		limit = probed
	}
	if !f.stops(c, limit) {
		return "goes on"
	}
	f.clearRules(established, newTo80)
	if !echoes(c, "again;", patience) {
		return "stops for good"
	}
	f.lasts(c)
	return "stops, goes on without it"
}

// clearRules makes these the only rules of FORWARD, without touching connections.
func (f *firewall) clearRules(rules ...rule) {
	f.t.Helper()
	if f.tool == "nft" {
		f.in("nft", "flush", "chain", "inet", "fw", "FORWARD")
	} else {
		f.in(f.program(), "-w", "-F", "FORWARD")
	}
	for _, r := range rules {
		f.change("add", "-A", r)
	}
}

func (f *firewall) flushInMidFlow() string {
	f.rules("DROP", established,
		rule{"FORWARD", "-s BOX -p tcp --dport 80 --syn -j ACCEPT", "IP saddr BOX tcp dport 80 tcp flags & (fin|syn|rst|ack) == syn accept"})
	f.serve(f.router, f.world(), 80)
	c := f.connects(f.boxes[0], "tcp", f.world(), 80)
	f.lasts(c)
	f.in("conntrack", "-F")
	if f.stops(c, announced) {
		return "stops"
	}
	return "goes on"
}

func (f *firewall) udp() string {
	f.rules("DROP", established, rule{"FORWARD", "-s BOX -p udp --dport 80 -j ACCEPT", "IP saddr BOX udp dport 80 accept"})
	f.serveUDP(f.router, f.world(), 80)
	f.serveUDP(f.boxes[0], f.box(), 80)
	f.lasts(f.connects(f.boxes[0], "udp", f.world(), 80))
	in := echoes(f.connects(f.router, "udp", f.box(), 80), "anybody;", refusal)
	return fmt.Sprintf("out passes, in %s", verdict(in))
}

func (f *firewall) pings() string {
	f.rules("DROP", established, rule{"FORWARD", "-s BOX PING -j ACCEPT", "IP saddr BOX ICMP type echo-request accept"})
	f.ping(f.boxes[0], f.world())
	in := exec.Command("ip", "netns", "exec", f.router.Name, "ping", "-c", "1", "-W", "0.3", f.box()).Run() == nil
	return fmt.Sprintf("out passes, in %s", verdict(in))
}

// ftp: conntrack's helper reads in the control connection which port a further one
// will use (RFC 959, section 4.1.2; RFC 2428), and the host accepts that.
func (f *firewall) ftp() string {
	f.rules("DROP", established,
		rule{"RAW", "-p tcp --dport 21 -j CT --helper ftp", "tcp dport 21 ct helper set ftp"},
		rule{"FORWARD", "-s BOX -p tcp --dport 21 -m conntrack --ctstate NEW -j ACCEPT", "IP saddr BOX tcp dport 21 ct state new accept"})
	control := f.listens(func() (net.Listener, error) { return net.Listen("tcp", hostPortOf(f.world(), 21)) }, true)
	go f.answerPassive(control, 4021)
	f.serve(f.router, f.world(), 4021)
	f.serve(f.router, f.world(), 4022)
	c := f.connects(f.boxes[0], "tcp", f.world(), 21)
	lines := bufio.NewReader(c)
	for range 20 {
		io.WriteString(c, f.pick("PASV\r\n", "EPSV\r\n"))
		c.SetReadDeadline(time.Now().Add(patience))
		if line, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(line, "22") {
			f.t.Fatalf("control connection: %q, %v", line, err)
		}
	}
	told := f.accepted(f.dial(f.boxes[0], "tcp", f.world(), 4021, patience))
	other := f.accepted(f.dial(f.boxes[0], "tcp", f.world(), 4022, refusal))
	return fmt.Sprintf("the port told %s, another %s", verdict(told), verdict(other))
}

// answerPassive tells port to whoever asks.
func (f *firewall) answerPassive(l net.Listener, port int) {
	c, err := l.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	answer := fmt.Sprintf("227 Entering Passive Mode (%s,%d,%d)\r\n", strings.ReplaceAll(routerAddr, ".", ","), port>>8, port&0xff)
	if f.v6 {
		answer = fmt.Sprintf("229 Entering Extended Passive Mode (|||%d|)\r\n", port)
	}
	for lines := bufio.NewScanner(c); lines.Scan(); {
		io.WriteString(c, answer)
	}
}
