package suite

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"ipvd/cmd/internal/host/hosttest"
)

// TestCasesOfNetfilter: which hooks of the host and of a container see a slave's
// packets. In l3s they pass the host's FORWARD in place of INPUT and OUTPUT, and
// the container's hooks count: forward in flows/ipvlan/differences.go.
func TestCasesOfNetfilter(t *testing.T) {
	// Every packet passes the host: else no chain sees what leaves in l3, and in l3s
	// the datagrams of several cases are of one flow.
	b := newBench(t, "--l3-path", "host", "--l3s-offload", "off")
	for addr, mac := range map[string]string{w4: macW, w6: macW} {
		b.host.IP("neigh replace " + addr + " lladdr " + mac + " dev eth0 nud permanent")
	}
	for _, a := range []string{s1v4, s1v6} {
		// Conntrack looks at packets only where a rule asks for it.
		b.tables(b.host, a, "-A FORWARD -m conntrack --ctstate INVALID")
		b.hookCases(a)
		b.dropCases(a)
		b.translationCases(a)
	}
	b.finish()
}

// tables runs iptables or ip6tables, by the family of addr.
func (b *bench) tables(ns hosttest.NS, addr, args string) string {
	b.t.Helper()
	name := "iptables-legacy"
	if isV6(addr) {
		name = "ip6tables-legacy"
	}
	words := append([]string{"netns", "exec", ns.Name, name, "-w"}, strings.Fields(args)...)
	out, err := exec.Command("ip", words...).CombinedOutput()
	if err != nil {
		b.t.Fatalf("%s %s: %v: %s", name, args, err, out)
	}
	return string(out)
}

// hooks counts packets from src to dst in every chain of mangle, and says in
// which, and with conntrack in which state: `PREROUTING/NEW INPUT/NEW`.
func (b *bench) hooks(ns hosttest.NS, src, dst string, f func()) string {
	b.t.Helper()
	chains, states := []string{"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}, []string{"NEW", "ESTABLISHED"}
	for _, c := range chains {
		for _, s := range states {
			b.tables(ns, src, fmt.Sprintf("-t mangle -A %s -p udp -s %s -d %s -m conntrack --ctstate %s", c, src, dst, s))
		}
	}
	f()
	var seen []string
	for _, c := range chains {
		lines := strings.Split(b.tables(ns, src, "-t mangle -nvxL "+c), "\n")[2:]
		for i, s := range states {
			if fields := strings.Fields(lines[i]); fields[0] != "0" {
				seen = append(seen, c+"/"+s)
			}
		}
	}
	b.tables(ns, src, "-t mangle -F")
	return strings.Join(seen, " ")
}

// passes checks the hooks that a frame from src to dst passes in the host and in
// s1's container.
func (b *bench) passes(at, src, dst string, host, container map[string]string) {
	b.t.Helper()
	m := b.mark()
	mode := strings.Fields(b.mode)[0]
	far := map[string]string{"w": "s1", "s1": "w"}[at]
	var inHost, inContainer string
	inHost = b.hooks(b.host, src, dst, func() {
		inContainer = b.hooks(b.boxes[0], src, dst, func() {
			if at == "s1" { // through its stack, for its hooks
				b.arrives(far, m, func() { b.datagramFrom(b.boxes[0], src, dst, m) })
			} else {
				b.arrives(far, m, func() { b.send(at, udp(macM, macW, src, dst, m)) })
			}
		})
	})
	if inHost != host[mode] || inContainer != container[mode] {
		b.t.Errorf("%s from %s to %s: host %q, container %q; want %q and %q", b.mode, src, dst, inHost, inContainer, host[mode], container[mode])
	}
}

// arrives wants a frame with a mark at a station, wherever else it is seen.
func (b *bench) arrives(at string, mark []byte, do func()) {
	b.t.Helper()
	if all := b.check(do); count(all, at, both(has(mark), isUDP)) == 0 && !b.seenSoon(at, mark) {
		b.t.Errorf("%s: the frame does not come to %s", b.mode, at)
	}
}

func (b *bench) hookCases(a string) {
	peer := wire(a)
	none := map[string]string{}
	in := map[string]string{"l2": "PREROUTING/NEW INPUT/NEW", "l3": "PREROUTING/NEW INPUT/NEW", "l3s": "PREROUTING/NEW INPUT/NEW"}
	out := map[string]string{"l2": "OUTPUT/NEW POSTROUTING/NEW", "l3": "OUTPUT/NEW POSTROUTING/NEW", "l3s": "OUTPUT/NEW POSTROUTING/NEW"}
	answer := map[string]string{"l3": "OUTPUT/NEW POSTROUTING/NEW", "l3s": "PREROUTING/ESTABLISHED FORWARD/ESTABLISHED POSTROUTING/ESTABLISHED"}
	forward := map[string]string{"l3s": "PREROUTING/NEW FORWARD/NEW POSTROUTING/NEW"}
	b.run(159, "host's hooks in l2, "+a, "l2", func() {
		b.passes("w", peer, a, none, in)
		b.flush()
		b.passes("s1", a, peer, none, out)
		b.flush()
	})
	b.run(160, "hooks from the wire, "+a, "l3", func() { b.passes("w", peer, a, none, in); b.flush() })
	b.run(161, "hooks to the wire, "+a, "l3", func() {
		b.passes("s1", a, peer, map[string]string{"l3": "OUTPUT/NEW POSTROUTING/NEW"}, out)
		b.flush()
	})
	b.run(163, "hooks from the wire, "+a, "l3s", func() { b.passes("w", peer, a, forward, in); b.flush() })
	for mode, number := range map[string]int{"l3": 162, "l3s": 164} {
		b.run(number, "hooks of a reply, "+a, mode, func() {
			m := b.mark()
			b.arrives("s1", m, func() { b.send("w", udp(macM, macW, peer, a, m)) })
			got := b.hooks(b.host, a, peer, func() {
				m := b.mark()
				b.arrives("w", m, func() { b.send("s1", udp(macM, macM, a, peer, m)) })
			})
			if got != answer[mode] {
				b.t.Errorf("the host sees %q, want %q", got, answer[mode])
			}
			b.flush()
		})
	}
	b.run(172, "hooks between siblings, "+a, "l3s", func() {
		sibling := own(a, 12)
		got := b.hooks(b.host, a, sibling, func() {
			m := b.mark()
			b.check(func() { b.send("s1", udp(macM, macM, a, sibling, m)) }, want{"datagram", both(has(m), isUDP), "s2"})
		})
		if got != "" {
			b.t.Errorf("the host sees %q, want nothing", got)
		}
	})
}

// dropCases: rules of the host and of a container that drop.
func (b *bench) dropCases(a string) {
	peer := wire(a)
	with := func(ns hosttest.NS, rule, at string, want bool) {
		b.t.Helper()
		b.tables(ns, a, "-A "+rule+" -j DROP")
		m, far := b.mark(), map[string]string{"w": "s1", "s1": "w"}[at]
		f := udp(macM, macW, peer, a, m)
		if at == "s1" {
			f = udp(macW, macM, a, peer, m)
		}
		c := b.listener(b.boxes[0], a)
		defer c.Close()
		all := b.check(func() { b.send(at, f) })
		got := count(all, far, both(has(m), isUDP)) > 0
		// What the host sends for a slave may come after the probe that ends a check.
		for end := time.Now().Add(defaultWait); want && !got && far == "w" && time.Now().Before(end); {
			all = append(all, b.read(10*time.Millisecond)...)
			got = count(all, far, both(has(m), isUDP)) > 0
		}
		if far == "s1" {
			got = b.receives(c, m, want)
		}
		if got != want {
			b.t.Errorf("%s: with %s the datagram arrives: %v, want %v", b.mode, rule, got, want)
		}
		b.tables(ns, a, "-D "+rule+" -j DROP")
	}
	b.run(165, "the host forwards nothing to the slave, "+a, "l3s", func() {
		with(b.host, "FORWARD -d "+a, "w", false)
		with(b.host, "INPUT -d "+a, "w", true)
	})
	b.run(166, "the host drops before routing, "+a, "l3s", func() { with(b.host, "PREROUTING -t mangle -d "+a, "w", false) })
	b.run(167, "the host's rules for what comes in, "+a, "l2, l3", func() {
		for _, rule := range []string{"FORWARD -d ", "INPUT -d ", "PREROUTING -t mangle -d "} {
			with(b.host, rule+a, "w", true)
		}
	})
	b.run(168, "the host lets nothing of the slave out, "+a, "l2, l3, l3s", func() {
		before := b.verify().Reasons["tx_refused"]
		with(b.host, "OUTPUT -s "+a, "s1", !b.is("l3"))
		if got := b.verify().Reasons["tx_refused"] - before; b.is("l3") && got != 1 {
			b.t.Errorf("refused: %d, want 1", got)
		}
		with(b.host, "FORWARD -s "+a, "s1", !b.is("l3s"))
	})
	b.run(173, "the container drops, "+a, allModes, func() { with(b.boxes[0], "INPUT -d "+a, "w", false) })
}

// translationCases: NAT in the host, of slaves' packets.
func (b *bench) translationCases(a string) {
	peer, host := wire(a), map[bool]string{false: h4, true: h6}[isV6(a)]
	b.run(169, "masquerading, "+a, "l3s", func() { b.masquerade(a, peer, host, true) })
	b.run(170, "masquerading, "+a, "l3", func() { b.masquerade(a, peer, host, false) })
	b.run(171, "a port of the host leads to the slave, "+a, "l3s", func() {
		b.tables(b.host, a, fmt.Sprintf("-t nat -A PREROUTING -p udp -d %s --dport 8080 -j DNAT --to-destination %s", host, hostPort(a, casePort)))
		at := b.dialFrom(b.router, peer, host, 8080)
		defer at.Close()
		slave := b.listener(b.boxes[0], a)
		defer slave.Close()
		m := b.mark()
		at.Write(m)
		b.echoes(slave, m)
		b.answered(at, m)
		b.tables(b.host, a, "-t nat -F")
		b.flush()
	})
}

// masquerade sends from s1 to the wire and wants it to come from the host, and
// the answer to reach s1, or not.
func (b *bench) masquerade(a, peer, host string, back bool) {
	b.t.Helper()
	b.tables(b.host, a, "-t nat -A POSTROUTING -s "+a+" -o eth0 -j MASQUERADE")
	far := b.listener(b.router, a)
	defer far.Close()
	c := b.dialFrom(b.boxes[0], a, peer, casePort)
	defer c.Close()
	m := b.mark()
	b.check(func() { c.Write(m); b.echoes(far, m) }, want{"datagram from " + host, both(has(m), isUDP, fromIP(host)), "w"})
	if got := b.receives(c, m, back); got != back {
		b.t.Errorf("%s: the answer arrives: %v, want %v", b.mode, got, back)
	}
	b.tables(b.host, a, "-t nat -F")
	b.flush()
}
