package suite

import "testing"

// TestCasesWithCompatKernel: the cases in which --compat kernel changes what
// comes of them, beside those of the conformance matrix.
func TestCasesWithCompatKernel(t *testing.T) {
	b := newBench(t, "--compat", "kernel")
	b.run(30, "frame to the master's former MAC", allModes, func() {
		b.changeMAC(otherMAC)
		for _, dst := range []string{s1v4, s1v6} {
			m, at := b.mark(), "s1" // whose stack refuses it
			if b.is("l3s") {
				at = "h"
			}
			b.check(func() { b.send("w", echo(macM, macW, wire(dst), dst, m)) },
				want{"request to " + dst, both(has(m), to(macM)), at}, want{"reply of " + dst, isEchoReply(m), ""})
		}
		b.changeMAC(macM)
	})
	b.run(99, "foreign source and destination MAC", "l2", func() {
		b.gets("frame", "s1", udp4(macX, macX, s1v4, s2v4, b.mark()), "s2")
		b.gets("IPv6 frame", "s1", udp6(macX, macX, s1v6, s2v6, b.mark()), "s2")
	})
	b.run(78, "unicast for another MAC to the sibling of a promiscuous slave", "l2, l3", func() {
		b.boxes[2].IP("link set ipvl2 promisc on")
		b.gets("frame", "w", udp4(macX, macW, w4, s1v4, b.mark()), "s1")
		b.gets("IPv6 frame", "w", udp6(macX, macW, w6, s1v6, b.mark()), "s1")
		b.boxes[2].IP("link set ipvl2 promisc off")
	})
	b.finish()
}
