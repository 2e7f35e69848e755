package suite

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/hosttest"
)

// anycast is an address that both routers of newCrossroads have.
const anycast = "10.7.7.7"

// soon is how long a change may take on a machine that does much else; the time
// that it takes is logged.
const soon = patience

// newCrossroads is a firewall with two routers on the wire, at 10.0.0.254 and
// 10.0.0.253, of which each answers a datagram to anycast with its name and it.
func newCrossroads(t *testing.T, ways ...string) (f *firewall, second hosttest.NS) {
	f = newFirewall(t, false, ways...)
	f.v6, f.tool = false, "nft"
	second = hosttest.NewNS(t)
	f.router.IP("link add second link eth0 type macvlan mode bridge")
	f.router.IP("link set second netns " + second.Name + " name eth0")
	for _, args := range []string{"link set eth0 up", "link set lo up", "addr add 10.0.0.253/24 dev eth0", "route add 10.9.0.0/24 via " + hostAddr} {
		second.IP(args)
	}
	for name, ns := range map[string]hosttest.NS{"first": f.router, "second": second} {
		ns.IP("addr add " + anycast + "/32 dev lo")
		f.named(ns, name)
	}
	f.host.IP("route add " + anycast + " via " + routerAddr)
	f.rules("ACCEPT", established)
	f.ping(f.host, "10.0.0.253")
	return f, second
}

// named answers datagrams to anycast in ns with name and what came.
func (f *firewall) named(ns hosttest.NS, name string) {
	f.t.Helper()
	c, err := socketIn(ns, net.JoinHostPort(anycast, "80"))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { c.Close() })
	go func() {
		b := make([]byte, 2048)
		for {
			n, from, err := c.ReadFromUDP(b)
			if err != nil {
				return
			}
			c.WriteToUDP(append([]byte(name+" "), b[:n]...), from)
		}
	}()
}

// answered sends datagrams until one is answered by the router called name, and
// gives how long that took.
func (f *firewall) answered(c net.Conn, name string) time.Duration {
	f.t.Helper()
	start := time.Now()
	b := make([]byte, 2048)
	for time.Since(start) < soon {
		c.Write([]byte("who"))
		c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if n, err := c.Read(b); err == nil && strings.HasPrefix(string(b[:n]), name) {
			return time.Since(start)
		}
	}
	f.t.Fatalf("after %v the %s router does not answer: %s", soon, name, f.must("flow", "show"))
	return 0
}

// fast sends datagrams until the flow takes the shortcut both ways.
func (f *firewall) fast(c net.Conn) {
	f.t.Helper()
	b := make([]byte, 2048)
	f.await("the flow takes the shortcut both ways", patience, func() bool {
		for range 5 {
			c.Write([]byte("on"))
			c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			c.Read(b)
		}
		flows := f.flows()
		return len(flows) == 1 && flows[0].Orig.Shortcut && flows[0].Reply.Shortcut
	})
}

func (f *firewall) flows() []api.Flow {
	return decode[[]api.Flow](f.lab, f.must("-j", "flow", "show"))
}

func TestChangesInTheHostReachFlowsThatTakeTheShortcut(t *testing.T) {
	f, second := newCrossroads(t)
	c := f.connects(f.boxes[0], "udp", anycast, 80)
	mac := map[string]string{}
	for name, ns := range map[string]hosttest.NS{"first": f.router, "second": second} {
		mac[name] = strings.Fields(ns.IP("-o link show eth0"))[macField(ns)]
	}
	for _, s := range []struct{ what, do, now string }{
		{"route", "route replace " + anycast + " via 10.0.0.253", "second"},
		{"neighbour", "neigh replace 10.0.0.253 lladdr " + mac["first"] + " dev eth0 nud permanent", "first"},
		{"neighbour", "neigh replace 10.0.0.253 lladdr " + mac["second"] + " dev eth0 nud permanent", "second"},
		{"routing rule", "rule add from 10.9.0.11 table 77", "second"},
		{"route of another table", "route add " + anycast + " via " + routerAddr + " dev eth0 table 77", "first"},
		{"routing rule", "rule del from 10.9.0.11 table 77", "second"},
	} {
		f.fast(c)
		f.host.IP(s.do)
		t.Logf("%s: the %s router answers after %v", s.what, s.now, f.answered(c, s.now))
	}
	f.await("no shortcut is open after a flush", patience, func() bool {
		f.fast(c) // an answer on its way may open it again at once
		f.must("flow", "flush")
		flows := f.flows()
		return len(flows) == 1 && !flows[0].Orig.Shortcut && !flows[0].Reply.Shortcut
	})
	f.fast(c)
	f.stop()
}

// macField is where `ip -o link show` has the address.
func macField(ns hosttest.NS) int {
	for i, w := range strings.Fields(ns.IP("-o link show eth0")) {
		if w == "link/ether" {
			return i + 1
		}
	}
	return 0
}

func TestWhatASlaveLosesTheShortcutsLoseAsWell(t *testing.T) {
	f, _ := newCrossroads(t)
	c := f.connects(f.boxes[0], "udp", anycast, 80)
	f.fast(c)
	back := decode[[]api.Flow](f.lab, f.must("-j", "flow", "show"))[0].Orig.Src
	world := f.connects(f.router, "udp", f.box(), 80) // any socket of the world
	to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(back))
	got := func() uint64 { return f.link("ipvl0").Stats64.RX.Packets }

	f.boxes[0].IP("addr del 10.9.0.11/32 dev ipvl0")
	var after uint64
	f.await("nothing reaches the slave any more", soon, func() bool {
		before := got()
		for range 5 {
			f.sendFrom(f.router, anycast, 80, to)
		}
		time.Sleep(20 * time.Millisecond)
		after = got()
		return before == after
	})
	f.boxes[0].IP("addr add 10.9.0.11/32 dev ipvl0")
	f.boxes[0].IP("route add 10.9.0.1 dev ipvl0")
	f.boxes[0].IP("route add default via 10.9.0.1 dev ipvl0")
	f.ping(f.boxes[0], f.world())
	f.fast(c)
	f.must("link", "set", "eth0", "type", "ipvlan", "mode", "l2")
	if flows := f.flows(); len(flows) != 0 {
		t.Errorf("in l2: %+v", flows)
	}
	if changes := f.must("host", "show"); changes != "" {
		t.Errorf("in l2 the host is changed: %s", changes)
	}
	f.must("link", "set", "eth0", "type", "ipvlan", "mode", "l3s")
	f.ping(f.boxes[0], f.world())
	f.fast(c)
	for _, want := range []string{"interface ipvd-ret0", "sysctl net/ipv4/conf/eth0/forwarding: 0 -> 1", "route 10.9.0.11 dev ipvd-ret0"} {
		if got := f.must("host", "show"); !strings.Contains(got, want) {
			t.Errorf("host show does not tell %q:\n%s", want, got)
		}
	}
	f.must("link", "del", "ipvl0")
	world.Close()
	f.stop()
}

// sendFrom sends a datagram from an address of a station, whose port may be in use.
func (f *firewall) sendFrom(ns hosttest.NS, addr string, port int, to *net.UDPAddr) {
	f.t.Helper()
	err := within(ns, func() error {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(addr), Port: 0})
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.WriteToUDP([]byte("late"), to)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

func TestFlowShowAddsUpWhatHostAndShortcutCarried(t *testing.T) {
	f := newFirewall(t, false)
	f.v6, f.tool = false, "nft"
	f.host.Do(func() error { return os.WriteFile("/proc/sys/net/netfilter/nf_conntrack_acct", []byte("1"), 0) })
	f.rules("ACCEPT", established)
	f.serveUDP(f.router, f.world(), 80)
	c := f.connects(f.boxes[0], "udp", f.world(), 80)
	sent := uint64(0)
	for ; sent < 200 || sent < 2000 && f.shortcuts() < 200; sent++ {
		if !echoes(c, fmt.Sprintf("%08d;", sent), patience) {
			t.Fatalf("datagram %d does not come back", sent)
		}
	}
	flows := f.flows()
	if len(flows) != 1 {
		t.Fatalf("flows are %+v, want one", flows)
	}
	for name, w := range map[string]api.FlowWay{"orig": flows[0].Orig, "reply": flows[0].Reply} {
		if w.Packets != sent || w.Bytes != sent*(28+9) || w.FastPackets == 0 || w.FastPackets >= sent || w.FastBytes != w.FastPackets*(28+9) {
			t.Errorf("%s: %+v, want %d packets, of which some took the shortcut", name, w, sent)
		}
	}
	f.stop()
}

// TestShortcutsOpenAndCloseWithoutLossOrReordering: a stream of numbered datagrams
// while every shortcut is closed again and again.
func TestShortcutsOpenAndCloseWithoutLossOrReordering(t *testing.T) {
	f := newFirewall(t, false)
	f.v6, f.tool = false, "nft"
	f.rules("ACCEPT", established)
	for name, s := range map[string][2]hosttest.NS{"from the slave": {f.boxes[0], f.router}, "to the slave": {f.router, f.boxes[0]}} {
		addr := map[string]string{f.boxes[0].Name: f.box(), f.router.Name: f.world()}
		r := f.numbered(s[0], addr[s[0].Name], s[1], addr[s[1].Name])
		before := f.shortcuts()
		for i, end := 0, time.Now().Add(soon); i < 60 || f.shortcuts() == before && time.Now().Before(end); i++ {
			if i%2 == 0 {
				f.must("flow", "flush")
			}
			time.Sleep(20*time.Millisecond + time.Duration(max(0, i-60))*time.Millisecond) // on a busy machine one opens later
		}
		sent := r.end()
		t.Logf("%s: %d datagrams, %d over the shortcut", name, sent, f.shortcuts()-before)
		f.await("all have come", soon, func() bool { return r.received.Load() == sent })
		if r.disorder.Load() != 0 || f.shortcuts() == before {
			t.Errorf("%s: %d of %d overtook others, %d took the shortcut", name, r.disorder.Load(), sent, f.shortcuts()-before)
		}
	}
	f.stop()
}

// numbered is a stream of numbered datagrams.
type numbered struct {
	quit               chan struct{}
	sent               chan uint64
	received, disorder atomic.Uint64
}

func (r *numbered) end() uint64 {
	close(r.quit)
	return <-r.sent
}

// numbered begins a stream; a datagram back makes it a flow of both sides.
func (f *firewall) numbered(from hosttest.NS, src string, to hosttest.NS, dst string) *numbered {
	f.t.Helper()
	r := &numbered{quit: make(chan struct{}), sent: make(chan uint64, 1)}
	sink, err := socketIn(to, net.JoinHostPort(dst, "0"))
	if err != nil {
		f.t.Fatal(err)
	}
	port := sink.LocalAddr().(*net.UDPAddr).Port
	c := f.connects(from, "udp", dst, port)
	f.t.Cleanup(func() { sink.Close() })
	go func() {
		b, last := make([]byte, 64), uint64(0)
		for {
			_, peer, err := sink.ReadFromUDP(b)
			if err != nil {
				return
			}
			n := binary.BigEndian.Uint64(b)
			if n == 1 {
				sink.WriteToUDP(b[:8], peer)
			}
			if n < last {
				r.disorder.Add(1)
			}
			last = max(last, n)
			r.received.Add(1)
		}
	}()
	go func() {
		n := uint64(0)
		for {
			select {
			case <-r.quit:
				r.sent <- n
				return
			default:
			}
			// No more is under way than the queues hold: the receiver may wait for a CPU.
			for range 8 {
				if n < r.received.Load()+200 {
					n++
					c.Write(binary.BigEndian.AppendUint64(nil, n))
				}
			}
			time.Sleep(100 * time.Microsecond)
		}
	}()
	return r
}
