package suite

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/hosttest"
)

// strangerMAC is nobody's.
const strangerMAC = "02:00:00:00:00:99"

// frame puts an Ethernet header before a payload.
func frame(dst, src string, typ uint16, payload []byte) []byte {
	d, _ := net.ParseMAC(dst)
	s, _ := net.ParseMAC(src)
	return append(binary.BigEndian.AppendUint16(append(append([]byte{}, d...), s...), typ), payload...)
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// packets are sound ones between the router, 10.0.0.11 and 10.0.0.12, by
// EtherType.
func packets() map[uint16][][]byte {
	return map[uint16][][]byte{
		unix.ETH_P_IP: {
			unhex("45000024 00010000 40110000 0a00000b 0a00000c 1234 1e61 0010 0000 0102030405060708"),
			unhex("45000024 00014000 01110000 0a0000fe 0a00000b 1234 1e61 0010 0000 0102030405060708"),
			unhex("46000028 00012000 40010000 0a00000b 0a0000fe 94040000 0800 0000 00010001 0102030405060708"),
			unhex("45000028 00010000 40060000 0a0000fe 0a00000c 1234 1e61 00000001 00000002 5002 ffff 0000 0000"),
			unhex("45000024 00010000 40110000 0a00000b e0000001 1234 1e61 0010 0000 0102030405060708"),
			unhex("45000024 00010000 40110000 00000000 ffffffff 0044 0043 0010 0000 0102030405060708"),
		},
		unix.ETH_P_ARP: {
			unhex("0001 0800 06 04 0001 020000000099 0a0000fe 000000000000 0a00000b"),
			unhex("0001 0800 06 04 0002 020000000099 0a00000b 020000000001 0a0000fe"),
		},
		unix.ETH_P_IPV6: {
			unhex("60000000 0010 11 40 fd000000000000000000000000000011 fd000000000000000000000000000012 1234 1e61 0010 0000 0102030405060708"),
			unhex("60000000 0020 3a ff fe8000000000000000000000000000aa ff0200000000000000000001ff000011 87000000 00000000 fd000000000000000000000000000011 0101020000000099"),
			unhex("60000000 0018 00 40 fd0000000000000000000000000000fe fd000000000000000000000000000011 2c00 0104 00000000 11 00 0001 0000 0001 1234 1e61 0008 0000"),
		},
	}
}

// badFrames are frames of every class: EtherTypes, lengths, tags, each sound
// packet cut at every length and with changed bytes, and noise.
func badFrames(r *rand.Rand, src string) [][]byte {
	var all [][]byte
	dsts := []string{masterMAC, "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01", "01:80:c2:00:00:00", "02:00:00:00:00:77"}
	noise := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	for _, typ := range []uint16{0, 46, 0x05dc, 0x05ff, 0x0600, 0x0800, 0x0806, 0x8035, 0x8100, 0x86dd, 0x8808, 0x8809,
		0x8847, 0x8863, 0x888e, 0x88a8, 0x88cc, 0x88e5, 0x9100, 0xffff} {
		for _, n := range []int{0, 1, 2, 3, 4, 5, 6, 19, 20, 28, 40, 46, 1500, 1504, 1505, 4000, 8900} {
			all = append(all, frame(dsts[r.IntN(len(dsts))], src, typ, noise(n)))
		}
	}
	for typ, sound := range packets() {
		for _, p := range sound {
			for n := range len(p) {
				all = append(all, frame(dsts[n%2], src, typ, p[:n]))
			}
			for range 40 {
				b := bytes.Clone(p)
				for range 1 + r.IntN(3) {
					b[r.IntN(len(b))] = byte(r.Uint32())
				}
				all = append(all, frame(dsts[r.IntN(len(dsts))], src, typ, b))
			}
			tag := binary.BigEndian.AppendUint16([]byte{0, byte(r.IntN(3))}, typ)
			tagged := append(tag, p...)
			twice := append(unhex("00078100"), tagged...)
			for n := range len(tagged) {
				all = append(all, frame(dsts[n%2], src, unix.ETH_P_8021Q, tagged[:n]), frame(dsts[n%2], src, unix.ETH_P_8021AD, twice[:n]))
			}
		}
	}
	return all
}

// inject sends frames from an interface of a namespace as they stand, as far as
// the kernel lets them, and gives how many it did.
func inject(ns hosttest.NS, ifname string, frames [][]byte) (sent int) {
	ns.Do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		iface, err := net.InterfaceByName(ifname)
		if err != nil {
			return err
		}
		for i, f := range frames {
			err := unix.Sendto(fd, f, 0, &unix.SockaddrLinklayer{Ifindex: iface.Index})
			switch {
			case err == nil:
				sent++
			case !errors.Is(err, unix.EMSGSIZE) && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINVAL):
				return err
			}
			if i%128 == 127 {
				time.Sleep(time.Millisecond) // queues hold 1024 frames
			}
		}
		return nil
	})
	return sent
}

func TestFramesThatNobodyShouldSend(t *testing.T) {
	l := newLab(t, 2)
	l.router.IP("link set eth0 mtu 9000")
	l.host.IP("link set eth0 mtu 9000")
	says(t, "wire with an MTU that XDP cannot take", l.fails("--ephemeral", "--master", "eth0", "--wire-driver", "af_xdp"), "wire eth0", "MTU")
	l.router.IP("link set eth0 mtu 3000")
	l.host.IP("link set eth0 mtu 3000")
	l.start("--ephemeral", "--mode", "l2")
	for i := range l.boxes {
		l.add(i)
		l.boxes[i].IP(fmt.Sprintf("link set ipvl%d mtu 9000", i))
		l.awaitMTU(i, 9000)
	}
	l.ping(l.boxes[0], routerAddr)
	for i := range l.boxes {
		l.router.IP("route add " + boxAddr(i) + "/32 via " + hostAddr)
	}
	before := l.verify().MbufsInUse
	r := rand.New(rand.NewPCG(1, 2))
	for _, mode := range []string{"l2", "l3", "l3s"} {
		l.bombard(mode, r)
	}
	l.host.IP("link set eth0 mtu 1500")
	l.awaitMTU(0, 1500)
	l.bombard("l2", r)
	if strings.Contains(l.stderr.String(), "a stage failed") {
		t.Error("a stage panicked")
	}
	l.await("no mbuf is lost", defaultWait, func() bool { return l.verify().MbufsInUse <= before })
	l.stop()
}

// bombard sends bad frames from both sides in a mode; then all must be accounted
// for, and good ones pass.
func (l *lab) bombard(mode string, r *rand.Rand) {
	l.t.Helper()
	l.must("link", "set", "eth0", "type", "ipvlan", "mode", mode)
	start := l.verify()
	wire := inject(l.router, "eth0", badFrames(r, strangerMAC))
	slave := inject(l.boxes[0], "ipvl0", badFrames(r, masterMAC)) + inject(l.boxes[0], "ipvl0", badFrames(r, strangerMAC))
	end := l.verify()
	seen := int(end.Received - start.Received)
	l.t.Logf("%s: %d frames from the wire and %d from a slave, %d received, %d dropped: %v",
		mode, wire, slave, seen, end.Dropped-start.Dropped, end.Reasons)
	if wire < 1000 || slave < 2000 || seen < (wire+slave)/2 {
		l.t.Errorf("%s: too few frames to mean something", mode)
	}
	if n := end.Reasons["rx_error"]; n != 0 {
		l.t.Errorf("%s: %d frames could not be read", mode, n)
	}
	for _, ns := range append(l.boxes, l.router, l.host) {
		ns.IP("neigh flush all") // they believe what ARP tells them
	}
	l.ping(l.boxes[0], boxAddr(1))
	l.ping(l.boxes[1], routerAddr)
	l.ping(l.router, boxAddr(0))
}

func (l *lab) awaitMTU(i, mtu int) {
	l.t.Helper()
	l.await(fmt.Sprintf("slave %d has MTU %d", i, mtu), defaultWait, func() bool { return l.link(fmt.Sprintf("ipvl%d", i)).MTU == mtu })
}
