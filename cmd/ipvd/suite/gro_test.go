package suite

import (
	"encoding/binary"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/hosttest"
)

// coalesced is what slave 0's counter says.
func (l *lab) coalesced() (n uint64) {
	l.t.Helper()
	for _, c := range decode[[]api.Counter](l, l.must("-j", "stats")) {
		if c.Name == "coalesced" && strings.HasPrefix(c.Where, "ipvl0") {
			n += c.Packets
		}
	}
	return n
}

// TestFramesFromTheWireAreMerged: a slave gets TCP from a wire of 1,500 bytes in
// longer frames, and what was sent; with --gro off, or without offloads, as it came.
func TestFramesFromTheWireAreMerged(t *testing.T) {
	l := newLab(t, 1)
	data := noise(4 << 20)
	for _, c := range []struct {
		flags  []string
		merged bool
	}{{nil, true}, {[]string{"--gro", "off"}, false}, {[]string{"--slave-offloads", "off"}, false}} {
		l.start(append(c.flags, "--ephemeral", "--mode", "l2")...)
		l.add(0)
		l.boxes[0].IP(fmt.Sprintf("addr add %s/64 dev ipvl0 nodad", box6(0)))
		for _, dst := range []string{boxAddr(0), box6(0)} {
			l.ping(l.router, dst)
			bytes, frames := l.carried(dst, data)
			for range 5 { // how many come at once depends on who has the CPUs
				if c.merged && bytes/frames <= 2000 {
					bytes, frames = l.carried(dst, data)
				}
			}
			if long := bytes/frames > 2000; long != c.merged {
				t.Errorf("%v: TCP to %s came as %d bytes in %d frames, want longer ones than the wire's: %t", c.flags, dst, bytes, frames, c.merged)
			} else if c.merged {
				t.Logf("%d bytes came in %d frames", bytes, frames)
			}
			if err := datagrams(l.router, l.boxes[0], dst, 40, 1400); err != nil {
				t.Errorf("%v: UDP to %s: %v", c.flags, dst, err)
			}
		}
		if n := l.coalesced(); (n > 0) != c.merged {
			t.Errorf("%v: %d packets are counted as coalesced", c.flags, n)
		}
		l.verify()
		l.stop()
	}
}

// carried sends data from the wire by TCP to an address of box 0, and gives what its
// kernel received meanwhile.
func (l *lab) carried(dst string, data []byte) (bytes, frames int) {
	l.t.Helper()
	bytes, frames = l.frames()
	if err := transfer(l.router, l.boxes[0], dst, data); err != nil {
		l.t.Errorf("TCP to %s: %v", dst, err)
	}
	b, f := l.frames()
	return b - bytes, f - frames
}

// badSums are n datagrams of 10.0.0.254 for port of box 0, of which every third
// has a wrong checksum.
func badSums(port, n int) (frames [][]byte) {
	for i := range n {
		p := unhex("4500 001e 0001 4000 4011 0000 0a0000fe 0a00000b 1234 0000 000a 0000 0000")
		binary.BigEndian.PutUint16(p[4:], uint16(i))
		binary.BigEndian.PutUint16(p[10:], ^onesSum(p[:20], 0))
		binary.BigEndian.PutUint16(p[22:], uint16(port))
		binary.BigEndian.PutUint16(p[28:], uint16(i))
		binary.BigEndian.PutUint16(p[26:], ^onesSum(p[12:], 10+unix.IPPROTO_UDP))
		if i%3 == 2 {
			p[27] ^= 0x40
		}
		frames = append(frames, frame(masterMAC, strangerMAC, unix.ETH_P_IP, p))
	}
	return frames
}

func onesSum(b []byte, acc uint32) uint16 {
	for ; len(b) > 0; b = b[2:] {
		acc += uint32(binary.BigEndian.Uint16(b))
	}
	for acc > 0xffff {
		acc = acc>>16 + acc&0xffff
	}
	return uint16(acc)
}

// procNet is what a file of /proc/net says in a namespace.
func procNet(t *testing.T, ns hosttest.NS, file string) string {
	t.Helper()
	text, err := exec.Command("ip", "netns", "exec", ns.Name, "cat", "/proc/net/"+file).Output()
	if err != nil {
		t.Fatalf("counters of %s: %v", ns.Name, err)
	}
	return string(text)
}

// frames is what the kernel of box 0 counts as received: a merged frame once.
func (l *lab) frames() (bytes, frames int) {
	l.t.Helper()
	_, counters, _ := strings.Cut(procNet(l.t, l.boxes[0], "dev"), "ipvl0:")
	if _, err := fmt.Sscan(counters, &bytes, &frames); err != nil {
		l.t.Fatal("counters of ipvl0: ", err)
	}
	return bytes, frames
}

// snmp is a counter of a namespace's UDP (RFC 4113).
func snmp(t *testing.T, ns hosttest.NS, name string) int {
	t.Helper()
	text := procNet(t, ns, "snmp")
	var names []string
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); words[0] == "Udp:" {
			if names == nil {
				names = words
				continue
			}
			n, err := strconv.Atoi(words[slices.Index(names, name)])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no UDP in %s", text)
	return 0
}

// TestAWrongChecksumFromTheWireStaysWrong: among others of its flow, too.
func TestAWrongChecksumFromTheWireStaysWrong(t *testing.T) {
	l := newLab(t, 1)
	l.start("--ephemeral", "--mode", "l2")
	l.add(0)
	l.ping(l.router, boxAddr(0))
	c, err := socketIn(l.boxes[0], net.JoinHostPort(boxAddr(0), "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	frames := badSums(c.LocalAddr().(*net.UDPAddr).Port, 96)
	const rounds = 5
	for range rounds {
		if sent := inject(l.router, "eth0", frames); sent != len(frames) {
			t.Fatalf("%d frames of %d sent", sent, len(frames))
		}
		for i := range frames {
			if i%3 == 2 {
				continue
			}
			var b [10]byte
			c.SetReadDeadline(time.Now().Add(defaultWait))
			if n, err := c.Read(b[:]); err != nil || n != 2 || int(binary.BigEndian.Uint16(b[:])) != i {
				t.Fatalf("read %x, %v, want datagram %d", b[:max(n, 0)], err, i)
			}
		}
	}
	l.await("wrong ones are counted", defaultWait, func() bool { return snmp(t, l.boxes[0], "InCsumErrors") == rounds*len(frames)/3 })
	l.verify()
	l.stop()
}
