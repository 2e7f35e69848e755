package suite

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/hosttest"
	frames "ipvd/cmd/ipvconform/frame"
)

// batch runs lines of ip(8) in the host, of which those in IPv6 begin with -6.
func (b *bench) batch(lines []string) {
	b.t.Helper()
	for _, v6 := range []bool{false, true} {
		args, input := []string{"-n", b.host.Name, "-batch", "-"}, ""
		if v6 {
			args = append(args, "-6")
		}
		for _, l := range lines {
			if line, ok := strings.CutPrefix(l, "-6 "); ok == v6 {
				input += line + "\n"
			}
		}
		cmd := exec.Command("ip", args...)
		cmd.Stdin = strings.NewReader(input)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.t.Fatalf("ip -batch: %v: %s\n%s", err, out, input)
		}
	}
}

// followed waits until l3 knows the routes of the host as they are now.
func (b *bench) followed() {
	b.t.Helper()
	b.marks++
	dst, via := fmt.Sprintf("203.0.113.%d", b.marks%256), fmt.Sprintf("10.0.0.%d", 100+b.marks%100)
	b.host.IP("route add " + dst + " via " + via + " dev eth0")
	b.await("l3 knows the last route", defaultWait, func() bool {
		out, err := b.ctl("route", "get", dst, "from", s1v4)
		return err == nil && strings.Contains(out, "via "+via)
	})
	b.host.IP("route del " + dst + " via " + via + " dev eth0")
}

// routingTable is a random set of routes and rules, in lines of ip(8), without
// several next hops: of IPv4 the kernel takes the first.
func routingTable(rnd *rand.Rand) (lines []string) {
	pick := func(of ...string) string { return of[rnd.IntN(len(of))] }
	table := func() string { return pick("main", "main", "100", "101") }
	seen := map[string]bool{}
	add := func(family, dst, what string) {
		t := table()
		if key := family + dst + t; !seen[key] {
			seen[key] = true
			lines = append(lines, family+"route add "+what+" table "+t)
		}
	}
	for range 30 {
		dst := fmt.Sprintf("%d.%d.0.0/%d", 20+rnd.IntN(4), rnd.IntN(4)*64, 8+rnd.IntN(10))
		dst = masked(dst)
		add("", dst, pick(dst+" via "+w4, dst+" via "+gate4, dst+" via "+w4+" mtu 1000", "unreachable "+dst, "throw "+dst, dst+" dev eth0", dst+" dev lo"))
		dst6 := masked(fmt.Sprintf("2001:db8:%x:%x::/%d", rnd.IntN(4)*64, rnd.IntN(4), 32+rnd.IntN(32)))
		add("-6 ", dst6, pick(dst6+" via "+w6, dst6+" via "+gate6, "unreachable "+dst6, "prohibit "+dst6))
	}
	for pref := range 6 {
		from, to := pick("", " from "+s1v4+" ", " from 10.0.0.0/26"), pick("", "", " to 21.0.0.0/8")
		lines = append(lines, fmt.Sprintf("rule add pref %d%s%s%s lookup %s", 1000+pref, from, to, pick("", " tos 0x10"), table()))
		lines = append(lines, fmt.Sprintf("-6 rule add pref %d%s lookup %s", 1000+pref, pick("", " from "+s1v6, " to 2001:db8:40::/48"), table()))
	}
	return append(lines, "route replace default via "+w4, "-6 route replace default via "+w6)
}

// masked is a prefix without the bits behind it.
func masked(s string) string {
	_, n, err := net.ParseCIDR(s)
	if err != nil {
		return s
	}
	return n.String()
}

// sources4 are the IPv4 sources of routedFrames, of which one is the slave's.
func sources4() []string { return []string{s1v4, "10.0.0.60", "172.16.9.9"} }

// routedFrames are random packets of slave s1.
func routedFrames(rnd *rand.Rand, n int) (all [][]byte) {
	for i := range n {
		data := fmt.Appendf(nil, "packet %04d", i)
		src := sources4()[rnd.IntN(3)]
		if rnd.IntN(3) == 0 {
			dst := fmt.Sprintf("2001:db8:%x:%x::%x", rnd.IntN(4)*64, rnd.IntN(4), 1+rnd.IntN(9))
			all = append(all, udp6(macM, macM, []string{s1v6, "fd00::60"}[rnd.IntN(2)], dst, data))
			continue
		}
		h := frames.IPv4{Src: src, Dst: fmt.Sprintf("%d.%d.%d.%d", 20+rnd.IntN(4), rnd.IntN(4)*64, rnd.IntN(4), 1+rnd.IntN(9)),
			TTL: uint8(1 + rnd.IntN(255)), ID: uint16(1 + i), Frag: []uint16{0, 0x4000}[rnd.IntN(2)]}
		if rnd.IntN(5) == 0 {
			data = append(data, make([]byte, 1200)...)
		}
		f := odd4(macM, macM, h, data)
		if rnd.IntN(4) == 0 {
			f = dscp(f, 0x10)
		}
		all = append(all, f)
	}
	return all
}

// leaves is what the wire gets of the frames, sorted: packets with their MAC
// addresses, and for whom the host asks, once each.
func (b *bench) leaves(fs [][]byte) (got []string) {
	b.t.Helper()
	b.read(0)
	taken := func() uint64 {
		tx := b.link("ipvl0").Stats64.TX
		return tx.Packets + tx.Dropped + tx.Errors
	}
	before := taken()
	b.send("s1", fs...)
	var all []seen
	b.await("the daemon has taken the packets", defaultWait, func() bool {
		all = append(all, b.read(quiet)...)
		return taken() >= before+uint64(len(fs))
	})
	b.verify()
	asked := map[string]bool{}
	for _, s := range append(all, b.settle()...) {
		switch {
		case s.at != "w":
		case etherType(s.frame) == frames.TypeARP && len(s.frame) >= 42:
			if a := net.IP(s.frame[38:42]).String(); !slices.Contains(sources4(), a) { // l3-errors
				asked["asked for "+a] = true
			}
		case etherType(s.frame) == frames.TypeIPv4 && s.frame[23] == 17, etherType(s.frame) == frames.TypeIPv6 && s.frame[20] == 17:
			got = append(got, hex.EncodeToString(s.frame))
		}
	}
	for a := range asked {
		got = append(got, a)
	}
	slices.Sort(got)
	return got
}

// TestBothPathsOfL3SendTheSame compares them packet by packet over random routing
// tables, both as the kernel's driver does with what has no route.
func TestBothPathsOfL3SendTheSame(t *testing.T) {
	fast := newBench(t, "--compat", "kernel", "--l3-path", "fast")
	host := newBench(t, "--compat", "kernel")
	both := []*bench{fast, host}
	for _, b := range both {
		b.set("l3 bridge")
		for addr, mac := range map[string]string{w4: macW, w6: macW, gate4: macG, gate6: macG} {
			b.host.IP("neigh replace " + addr + " lladdr " + mac + " dev eth0 nud permanent")
		}
	}
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		lines, fs := routingTable(rnd), routedFrames(rnd, 250)
		var got [2][]string
		for i, b := range both {
			b.batch(lines)
			if b == fast {
				b.followed()
			}
			got[i] = b.leaves(fs)
		}
		if len(got[1]) < 100 || len(got[1]) > 249 {
			t.Errorf("seed %d: of 250 packets the wire got %d", seed, len(got[1]))
		}
		for i, name := range []string{"fast", "host"} {
			for _, f := range got[i] {
				if !slices.Contains(got[1-i], f) {
					t.Errorf("seed %d: by path %s alone the wire gets %s", seed, name, f)
				}
			}
		}
		for _, b := range both {
			undo(b)
		}
	}
	for _, b := range both {
		b.finish()
	}
}

// undo removes what routingTable made.
func undo(b *bench) {
	for _, fam := range []string{"", "-6 "} {
		for _, table := range []string{"100", "101"} {
			exec.Command("ip", strings.Fields("-n "+b.host.Name+" "+fam+"route flush table "+table)...).Run()
		}
		for pref := range 6 {
			b.host.IP(fmt.Sprintf("%srule del pref %d", fam, 1000+pref))
		}
		for _, typ := range []string{"unicast", "unreachable", "throw", "prohibit"} {
			for _, root := range []string{"20.0.0.0/6", "2001:db8::/32"} {
				if isV6(root) == (fam != "") {
					exec.Command("ip", strings.Fields("-n "+b.host.Name+" "+fam+"route flush table main type "+typ+" root "+root)...).Run()
				}
			}
		}
	}
}

// TestRouteChangesLoseNothing: while the host's routes change a thousand times a
// second, every packet leaves, by a next hop that its route has or had.
func TestRouteChangesLoseNothing(t *testing.T) {
	b := newBench(t)
	b.set("l3 bridge")
	for addr, mac := range map[string]string{w4: macW, gate4: macG} {
		b.host.IP("neigh replace " + addr + " lladdr " + mac + " dev eth0 nud permanent")
	}
	b.batch([]string{"route add default via " + w4, "route add 198.51.101.0/24 via " + gate4})
	b.followed()
	var made atomic.Int64
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		flap(t, b.host, stop, &made)
	}()
	const packets, enough = 12000, 2000
	begin, sent := time.Now(), 0
	got := map[string]int{}
	count := func(all []seen) {
		for _, s := range all {
			if s.at == "w" && etherType(s.frame) == frames.TypeIPv4 && s.frame[23] == 17 {
				got[fmt.Sprintf("%v by %x", net.IP(s.frame[30:34]), s.frame[5])]++
			}
		}
	}
	b.read(0)
	for ; sent < packets || made.Load() < enough && time.Since(begin) < reachLimit; sent += 4 {
		for _, dst := range []string{"198.51.100.7", "198.51.101.7", "198.51.102.7", "203.0.113.7"} {
			b.send("s1", udp4(macM, macM, s1v4, dst, binary.BigEndian.AppendUint32(nil, uint32(sent))))
		}
		count(b.read(time.Millisecond))
	}
	count(b.settle())
	close(stop)
	<-ended
	changes := made.Load()
	for dst, by := range map[string][]string{"198.51.100.7": {"ee", "fd"}, "198.51.101.7": {"fd"}, "198.51.102.7": {"ee"}, "203.0.113.7": {"ee"}} {
		n := 0
		for _, mac := range by {
			n += got[dst+" by "+mac]
		}
		if n != sent/4 {
			t.Errorf("of %d packets to %s %d left by a next hop that its route has: %v", sent/4, dst, n, got)
		}
	}
	t.Logf("%d changes, %.0f a second", changes, float64(changes)/time.Since(begin).Seconds())
	if changes < enough {
		t.Errorf("%d changes were made meanwhile", changes)
	}
	b.finish()
}

// flap changes routes as fast as it can, and counts the changes.
func flap(t *testing.T, ns hosttest.NS, stop chan struct{}, changes *atomic.Int64) {
	var lines strings.Builder
	for i := range 250 {
		beside := fmt.Sprintf("198.51.%d.0/24", 103+i%100)
		fmt.Fprintf(&lines, "route replace 198.51.100.0/24 via %s\nroute add %s via %s\nroute del 198.51.100.0/24\nroute del %s\n", gate4, beside, gate4, beside)
	}
	for {
		select {
		case <-stop:
			return
		default:
		}
		cmd := exec.Command("ip", "-n", ns.Name, "-batch", "-")
		cmd.Stdin = strings.NewReader(lines.String())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("ip -batch: %v: %s", err, out)
			return
		}
		changes.Add(1000)
	}
}

// TestRouteAndNeighAreShown: what l3 knows, in ip's words.
func TestRouteAndNeighAreShown(t *testing.T) {
	b := newBench(t)
	b.set("l3 bridge")
	b.host.IP("neigh replace " + w4 + " lladdr " + macW + " dev eth0 nud permanent")
	b.batch([]string{"route add default via " + w4 + " metric 50", "route add unreachable 198.51.100.0/24"})
	b.followed()
	for _, want := range []string{"default via 10.0.0.254 dev eth0 metric 50\n", "unreachable 198.51.100.0/24 dev eth0\n", "10.0.0.0/24 dev eth0\n", "host 10.0.0.1 dev eth0 table 255\n"} {
		if got := b.must("route", "show"); !strings.Contains(got, want) {
			t.Errorf("route show lacks %q:\n%s", want, got)
		}
	}
	if got, want := b.must("route", "get", away4, "from", s1v4, "dev", "eth0"), "unreachable "+away4+" from "+s1v4+" dev eth0\n"; got != want {
		t.Errorf("route get prints %q, want %q", got, want)
	}
	routes := decode[[]api.Route](b.lab, b.must("-j", "route", "get", "203.0.113.7", "from", s1v4))
	if len(routes) != 1 || routes[0].Gateway != w4 || routes[0].Neighbour == nil || routes[0].Neighbour.LLAddr != macW {
		t.Errorf("route get answers %+v", routes)
	}
	if got := b.must("neigh"); !strings.Contains(got, w4+" dev eth0 lladdr "+macW) {
		t.Errorf("neigh prints\n%s", got)
	}
	if got := b.must("-d", "stats"); !strings.Contains(got, "eth0/routes") {
		t.Errorf("stats do not tell of the mirror:\n%s", got)
	}
	b.refused([]string{"route", "show", "eth9"}, "eth9", "eth0")
	b.refused([]string{"route", "get", away4, "from", s1v6}, "IPv6")
	b.set("l2 bridge")
	b.refused([]string{"route", "get", away4, "from", s1v4}, "0 masters")
	b.finish()
}
