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
	const burst, span = 16, 50 * time.Millisecond
	before, begin := p.Tx()[0].Stats().Packets, threadTime()
	for threadTime()-begin < span {
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

// TestASlowReceiverLeavesHalfToTheOthers: the namespace of one has 10,000 rules. The
// thread's CPU time holds what the kernel does in it for others of the machine, so
// that one round of several in which all is right will do.
func TestASlowReceiverLeavesHalfToTheOthers(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r := newRig(t, 512, 128, 64)
	var ports [2]*Port
	var each [2]map[uint32][]byte // what to send to one alone
	both := map[uint32][]byte{}
	for i, rules := range []int{10, 10_000} {
		ns, fd := testNetns(t)
		ports[i] = upPort(t, ns, fd, "eth0", 1500)
		run(t, "ip", "-n", ns, "addr", "add", "10.0.0.1/24", "dev", "eth0")
		filtered(t, ns, rules)
		tx, err := r.taps.AddTx(ports[i].Tx()[0], false) // a set that reads no TAP is never idle
		if err != nil {
			t.Fatal(err)
		}
		both[tx] = udpTo(ports[i])
		each[i] = map[uint32][]byte{tx: both[tx]}
	}
	const rounds = 20
	for range rounds {
		alone, quiet := r.rate(ports[1], each[1]), r.rate(ports[0], each[0])
		r.rate(ports[0], both) // until it is known as slow
		full := ports[1].Tx()[0].Stats().Full
		loud, slow := r.rate(ports[0], both), r.rate(ports[1], both)
		dropped := ports[1].Tx()[0].Stats().Full - full
		t.Logf("frames a second: fast %.0f, beside a slow one %.0f; slow %.0f, beside a fast one %.0f, and %d dropped", quiet, loud, alone, slow, dropped)
		if loud >= quiet/2 && slow >= alone/10 && dropped > 0 {
			return
		}
	}
	t.Errorf("in none of %d rounds the fast receiver had half, the slow one a tenth and drops", rounds)
}
