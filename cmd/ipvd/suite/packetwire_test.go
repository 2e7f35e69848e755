package suite

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/hosttest"
)

const macvlanMAC = "02:00:00:00:00:09"

// TestPacketWireServesHostAndSlaves: everything that needs the wire works on
// af_packet, and what the kernel would do besides does not happen.
func TestPacketWireServesHostAndSlaves(t *testing.T) {
	for _, mode := range []string{"l2", "l3", "l3s"} {
		t.Run(mode, func(t *testing.T) {
			l := newLab(t, 2)
			l.start("--ephemeral", "--wire-driver", "af_packet", "--mode", mode)
			if got := l.link("eth0").PortKind; got != "af_packet" {
				t.Errorf("the wire's driver: got %s, want af_packet", got)
			}
			for i, b := range l.boxes {
				l.add(i)
				l.router.IP("route replace " + boxAddr(i) + "/32 via " + hostAddr)
				if mode == "l2" {
					l.router.IP("route del " + boxAddr(i) + "/32")
				}
				l.ping(b, routerAddr)
				l.ping(l.router, boxAddr(i))
			}
			l.ping(l.boxes[0], boxAddr(1))
			l.ping(l.host, routerAddr)
			l.answeredOnce(l.router, hostAddr)
			l.answeredOnce(l.router, boxAddr(0))
			l.answeredOnce(l.boxes[0], routerAddr)
			l.verify()
			l.stop()
			if out := l.host.IP("addr show eth0"); !strings.Contains(out, hostAddr+"/24") || !strings.Contains(out, ",UP,") {
				t.Errorf("the wire afterwards: %s", out)
			}
			l.ping(l.host, routerAddr)
		})
	}
}

// answeredOnce pings with packets of three fragments, each of which must be
// answered, and none twice.
func (l *lab) answeredOnce(from hosttest.NS, dst string) {
	l.t.Helper()
	l.ping(from, dst)
	out, err := l.pings(from, dst, "-c", "3", "-i", "0.05", "-W", "2", "-s", "4000")
	if err != nil || strings.Contains(out, "DUP") || !strings.Contains(out, "3 received") {
		l.t.Errorf("from %s to %s: %v: %s", from.Name, dst, err, out)
	}
}

func TestPacketWireIsPutBackAfterAKill(t *testing.T) {
	l := newLab(t, 1)
	flags := []string{"--ephemeral", "--wire-driver", "af_packet", "--mode", "l2"}
	before := l.host.IP("route show") + l.host.IP("-br addr show eth0")
	if out, err := exec.Command("ip", "netns", "exec", l.host.Name, "ethtool", "-K", "eth0", "gro", "on").CombinedOutput(); err != nil {
		t.Fatalf("ethtool: %v: %s", err, out)
	}
	l.start(flags...)
	l.kill()
	l.start(flags...)
	l.add(0)
	l.ping(l.boxes[0], routerAddr)
	l.stop()
	if after := l.host.IP("route show") + l.host.IP("-br addr show eth0"); after != before {
		t.Errorf("the host afterwards: got %s, want %s", after, before)
	}
	out, err := exec.Command("ip", "netns", "exec", l.host.Name, "ethtool", "-k", "eth0").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "generic-receive-offload: on") {
		t.Errorf("features afterwards: %v: %s", err, out)
	}
}

// TestPacketWireGivesTaggedFramesToTheHost: VLAN interfaces stand on the host
// port.
func TestPacketWireGivesTaggedFramesToTheHost(t *testing.T) {
	l := newLab(t, 0)
	l.start("--ephemeral", "--wire-driver", "af_packet", "--mode", "l2")
	wire, host := l.iface(l.router, "eth0"), l.iface(l.host, "eth0")
	frame := append([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x81, 0, 0, 7, 0x88, 0xb5}, make([]byte, 46)...)
	tap, err := tagSocket(l.host, host.link.Attrs().Index)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(tap)
	out, err := tagSocket(l.router, wire.link.Attrs().Index)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(out)
	if err := unix.Sendto(out, frame, 0, &unix.SockaddrLinklayer{Ifindex: wire.link.Attrs().Index, Protocol: 0x81}); err != nil {
		t.Fatal(err)
	}
	if tci, err := nextTag(tap); err != nil || tci != 7 {
		t.Errorf("at the host port: got tag %d and error %v, want 7", tci, err)
	}
	l.verify()
	l.stop()
}

// tagSocket is a packet socket that tells of tags, on an interface.
func tagSocket(ns hosttest.NS, index int) (fd int, err error) {
	const all = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8
	err = inNS(ns, func() error {
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		tv := unix.NsecToTimeval(int64(defaultWait))
		return errors.Join(unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: index, Protocol: all & 0xffff}),
			unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1),
			unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv))
	})
	return fd, err
}

// nextTag is the tag of the next frame of the experiments' ethertype.
func nextTag(fd int) (tci uint16, err error) {
	data, control := make([]byte, 2048), make([]byte, 256)
	for {
		n, nc, _, _, err := unix.Recvmsg(fd, data, control, 0)
		if err != nil {
			return 0, err
		}
		messages, err := unix.ParseSocketControlMessage(control[:nc])
		if err != nil || n < 14 || data[12] != 0x88 || data[13] != 0xb5 || len(messages) != 1 {
			continue
		}
		aux := messages[0].Data // struct tpacket_auxdata: vlan_tci at 16
		return uint16(aux[16]) | uint16(aux[17])<<8, nil
	}
}

func TestPacketWireVanishes(t *testing.T) {
	l := newLab(t, 2)
	l.start("--ephemeral", "--wire-driver", "af_packet", "--mode", "l2")
	for i := range l.boxes {
		l.add(i)
	}
	l.ping(l.boxes[0], routerAddr)
	l.router.IP("link del eth0")
	l.await("link show tells", defaultWait, func() bool { return strings.Contains(l.link("eth0").State, "wire is gone") })
	l.ping(l.boxes[0], boxAddr(1))
	const most = 0.2
	if share := l.idleShare(most); share > most {
		t.Errorf("with the wire gone the daemon uses %.2f of a CPU", share)
	}
	l.stop()
}

func TestPacketWireCarriesTheInterfacesMTU(t *testing.T) {
	l := newLab(t, 1)
	l.router.IP("link set eth0 mtu 9000")
	l.host.IP("link set eth0 mtu 9000")
	l.start("--ephemeral", "--wire-driver", "af_packet", "--mode", "l2")
	l.add(0)
	l.pingSize(l.boxes[0], routerAddr, 9000)
	l.host.IP(fmt.Sprintf("link set eth0 mtu %d", 1400))
	l.await("the slave follows", defaultWait, func() bool { return l.link("ipvl0").MTU == 1400 })
	l.pingSize(l.boxes[0], routerAddr, 1400)
	l.verify()
	l.stop()
	if out := l.host.IP("link show eth0"); !strings.Contains(out, "mtu 9000 ") {
		t.Errorf("the wire afterwards: %s", out)
	}
}

func TestWireDriverIsChosenByWhatThereIs(t *testing.T) {
	l := newLab(t, 1)
	l.start("--ephemeral")
	if got := l.link("eth0").PortKind; got != "net_af_xdp" {
		t.Errorf("a veth: got %s, want net_af_xdp", got)
	}
	l.stop()
	// XDP has no way to run on a macvlan.
	l.host.IP("link add mv0 link eth0 address " + macvlanMAC + " type macvlan mode bridge")
	l.host.IP("addr add 10.0.0.2/24 dev mv0")
	l.host.IP("link set mv0 up")
	says(t, "a macvlan by af_xdp", l.fails("--ephemeral", "--master", "mv0", "--wire-driver", "af_xdp"), "wire mv0", "net_af_xdp", "native mode")
	l.launch("--ephemeral", "--master", "mv0", "--mode", "l2")
	l.await("the daemon answers", defaultWait, func() bool { _, err := l.ctl("link", "show"); return err == nil })
	if got := l.link("mv0").PortKind; got != "af_packet" {
		t.Errorf("a macvlan: got %s, want af_packet", got)
	}
	says(t, "the log", l.stderr.String(), "cannot be polled by af_xdp")
	l.must("link", "add", "link", "mv0", "ipvl0", "type", "ipvlan", "netns", l.boxes[0].Name)
	l.boxes[0].IP("link set ipvl0 up")
	l.boxes[0].IP("addr add " + boxAddr(0) + "/24 dev ipvl0")
	l.ping(l.boxes[0], routerAddr)
	l.verify()
	l.stop()
	says(t, "a driver that is none", l.fails("--ephemeral", "--master", "eth0", "--wire-driver", "pcap"), "auto, af_xdp, af_packet")
}
