package tap

import (
	"encoding/binary"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"ipvd/pmd"
)

// udpTo is a datagram for a closed port of 10.0.0.1 at p, which drops it.
func udpTo(p *Port) []byte {
	f := make([]byte, 60)
	copy(f, p.Info().MAC)
	copy(f[6:], []byte{2, 0, 0, 0, 0, 9, 8, 0})
	ip := f[etherLen:]
	copy(ip, []byte{0x45, 0, 0, 46, 0, 1, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1, 0x12, 0x34, 0x1e, 0x61, 0, 26})
	var sum uint32
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(ip[i:]))
	}
	binary.BigEndian.PutUint16(ip[10:], ^uint16(sum>>16+sum&0xffff))
	return f
}

// filtered gives a namespace rules that each packet is compared with and that
// match none, then one that drops it.
func filtered(t *testing.T, ns string, rules int) {
	t.Helper()
	var b strings.Builder
	b.WriteString("*filter\n:INPUT ACCEPT [0:0]\n")
	for i := range rules {
		fmt.Fprintf(&b, "-A INPUT -s 192.0.%d.%d -p udp --dport %d -j ACCEPT\n", i>>8, i&255, 1+i%60000)
	}
	b.WriteString("-A INPUT -p udp -j DROP\nCOMMIT\n")
	cmd := exec.Command("ip", "netns", "exec", ns, "iptables-restore")
	cmd.Stdin = strings.NewReader(b.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("iptables-restore: %v: %s", err, out)
	}
}

// rate is how many frames p takes in a second of the thread's CPU time, while
// the rig sends bursts to it and to others.
func (r *rig) rate(p *Port, slots map[uint32][]byte) float64 {
	r.t.Helper()
	const burst = 16
	before, begin := p.Tx()[0].Stats().Packets, threadTime()
	for threadTime()-begin < 200*time.Millisecond {
		for slot, f := range slots {
			off := r.v.N
			for range burst {
				m := r.v.Supply()
				m.SetLen(len(f))
				copy(m.Data(), f)
				r.v.Append(m)
			}
			r.taps.TxList().Add(slot, pmd.Burst{Off: uint32(off), N: burst})
		}
		r.step()
		r.received()
	}
	return float64(p.Tx()[0].Stats().Packets-before) / (threadTime() - begin).Seconds()
}

// TestASlowReceiverLeavesHalfToTheOthers: the namespace of one has 10,000 rules.
func TestASlowReceiverLeavesHalfToTheOthers(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r := newRig(t, 512, 128, 64)
	ports, slots := make([]*Port, 2), map[uint32][]byte{}
	frames := make([][]byte, 2)
	var tx [2]uint32
	for i, rules := range []int{10, 10_000} {
		ns, fd := testNetns(t)
		ports[i] = upPort(t, ns, fd, "eth0", 1500)
		run(t, "ip", "-n", ns, "addr", "add", "10.0.0.1/24", "dev", "eth0")
		filtered(t, ns, rules)
		var err error // a set that reads no TAP is never idle
		if tx[i], err = r.taps.AddTx(ports[i].Tx()[0], false); err != nil {
			t.Fatal(err)
		}
		frames[i] = udpTo(ports[i])
	}
	slots[tx[1]] = frames[1]
	alone := r.rate(ports[1], slots)
	delete(slots, tx[1])
	slots[tx[0]] = frames[0]
	quiet := r.rate(ports[0], slots)
	slots[tx[1]] = frames[1]
	r.rate(ports[0], slots) // until it is known as slow
	full := ports[1].Tx()[0].Stats().Full
	loud, slow := r.rate(ports[0], slots), r.rate(ports[1], slots)
	t.Logf("frames a second: fast %.0f, beside a slow one %.0f; slow %.0f, beside a fast one %.0f", quiet, loud, alone, slow)
	if loud < quiet/2 {
		t.Errorf("beside a slow receiver %.0f frames a second, want half of %.0f", loud, quiet)
	}
	if slow < alone/10 || ports[1].Tx()[0].Stats().Full == full {
		t.Errorf("the slow receiver takes %.0f frames a second, %.0f alone, %d were dropped", slow, alone, ports[1].Tx()[0].Stats().Full-full)
	}
}
