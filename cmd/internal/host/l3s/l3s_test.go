package l3s_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"ipvd/cmd/internal/host/hosttest"
	"ipvd/cmd/internal/host/l3s"
	"ipvd/cmd/internal/host/sysctl"
	"ipvd/cmd/internal/store"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

var (
	worldMAC = net.HardwareAddr{2, 0, 0, 0, 0, 0xee}
	slaveMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}
)

// fixture is a host with two TAPs: m0, its host port, and ret. The test is the
// wire behind one and the slaves behind the other.
type fixture struct {
	hosttest.NS
	t       *testing.T
	m0, ret hosttest.TAP
	dir     *store.Dir
	host    *l3s.Host
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{NS: hosttest.NewNS(t), t: t}
	var err error
	if f.dir, err = store.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.dir.Close() })
	f.m0, f.ret = f.TAP("m0"), f.TAP("ret")
	for _, args := range []string{
		"link set m0 up",
		"addr add 10.0.0.1/24 dev m0",
		"addr add fd00::1/64 dev m0 nodad",
		"neigh add 10.0.0.254 dev m0 lladdr " + worldMAC.String(),
		"neigh add fd00::fe dev m0 lladdr " + worldMAC.String(),
	} {
		f.IP(args)
	}
	return f
}

func (f *fixture) setUp() {
	f.t.Helper()
	f.Do(func() (err error) {
		f.host, err = l3s.SetUp("eth0", "m0", "ret", f.dir.Hosts)
		return err
	})
}

func (f *fixture) try(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// mac is the interface's address, which frames to it must carry.
func (f *fixture) mac(ifname string) net.HardwareAddr {
	f.t.Helper()
	var mac net.HardwareAddr
	f.Do(func() error {
		i, err := net.InterfaceByName(ifname)
		if err == nil {
			mac = i.HardwareAddr
		}
		return err
	})
	return mac
}

// udp is a UDP frame.
func udp(t *testing.T, to, from net.HardwareAddr, dst, src string) []byte {
	t.Helper()
	u := &layers.UDP{SrcPort: 1111, DstPort: 2222}
	eth := &layers.Ethernet{DstMAC: to, SrcMAC: from, EthernetType: layers.EthernetTypeIPv4}
	var ip gopacket.SerializableLayer
	if strings.Contains(dst, ":") {
		eth.EthernetType = layers.EthernetTypeIPv6
		ip6 := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolUDP, SrcIP: net.ParseIP(src), DstIP: net.ParseIP(dst)}
		u.SetNetworkLayerForChecksum(ip6)
		ip = ip6
	} else {
		ip4 := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: net.ParseIP(src), DstIP: net.ParseIP(dst)}
		u.SetNetworkLayerForChecksum(ip4)
		ip = ip4
	}
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, ip, u, gopacket.Payload("hello")); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// isTo matches a UDP frame for dst.
func isTo(dst string) func([]byte) bool {
	return func(frame []byte) bool {
		p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.NoCopy)
		return p.Layer(layers.LayerTypeUDP) != nil && p.NetworkLayer().NetworkFlow().Dst().String() == dst
	}
}

const patience = 30 * time.Second

func TestPacketsPassTheHostBothWaysUnderStrictReversePathFilter(t *testing.T) {
	f := newFixture(t)
	f.Do(func() error {
		return errors.Join(sysctl.Set("ipv4/conf/all/rp_filter", "1"), sysctl.Set("ipv4/conf/m0/rp_filter", "1"))
	})
	f.setUp()
	for _, c := range []struct{ slave, world string }{{"10.0.0.11", "10.0.0.254"}, {"172.16.1.2", "10.0.0.254"}, {"fd00::11", "fd00::fe"}} {
		f.try(f.host.AddRoute(netip.MustParseAddr(c.slave)))
		f.try(f.ret.Write(udp(t, f.mac("ret"), slaveMAC, c.world, c.slave)))
		if _, err := f.m0.Read(patience, isTo(c.world)); err != nil {
			t.Errorf("from slave %s: nothing at the host port: %v", c.slave, err)
		}
		f.try(f.m0.Write(udp(t, f.mac("m0"), worldMAC, c.slave, c.world)))
		if _, err := f.ret.Read(patience, isTo(c.slave)); err != nil {
			t.Errorf("to slave %s: nothing at the return interface: %v", c.slave, err)
		}
	}
	if got := f.Sysctl("ipv4/ip_forward"); got != "0" {
		t.Errorf("net.ipv4.ip_forward is %s, want 0: the host must not forward elsewhere", got)
	}
}

func TestSettingsOfAHostPortThatWasAwayAreRenewed(t *testing.T) {
	f := newFixture(t)
	f.setUp()
	other := hosttest.NewNS(t)
	if !f.host.Home(f.ID()) || f.host.Home(other.ID()) {
		t.Error("home is not the namespace that was set up")
	}
	f.IP("link set m0 netns " + other.Name)
	other.IP("link set m0 netns " + f.Name)
	if got := f.Sysctl("ipv4/conf/m0/forwarding"); got != "0" {
		t.Fatalf("forwarding of m0 after a move is %s, want 0: the test shows nothing", got)
	}
	f.try(f.host.Renew())
	if got := f.Sysctl("ipv4/conf/m0/forwarding"); got != "1" {
		t.Errorf("forwarding of m0 is %s, want 1", got)
	}
}

// sysctls is all that IPv4 and IPv6 have per interface.
func (f *fixture) sysctls() string {
	f.t.Helper()
	var all []string
	f.Do(func() error {
		for _, family := range []string{"ipv4", "ipv6"} {
			for _, conf := range []string{"all", "default", "lo", "m0", "ret"} {
				dir := family + "/conf/" + conf
				entries, err := os.ReadDir("/proc/sys/net/" + dir)
				if err != nil {
					return err
				}
				for _, e := range entries {
					if v, err := sysctl.Get(dir + "/" + e.Name()); err == nil {
						all = append(all, dir+"/"+e.Name()+"="+v)
					}
				}
			}
		}
		return nil
	})
	return strings.Join(all, "\n")
}

func TestRestorePutsEverySysctlBack(t *testing.T) {
	f := newFixture(t)
	before := f.sysctls()
	f.setUp()
	if f.sysctls() == before || len(f.host.Changes()) == 0 {
		t.Fatal("nothing was changed")
	}
	for range 2 {
		f.try(f.host.Restore())
	}
	if got := f.sysctls(); got != before {
		t.Errorf("got:\n%s\nwant:\n%s", got, before)
	}
	if recs, err := f.dir.Hosts.Load(); err != nil || len(recs) != 0 {
		t.Errorf("records %v, %v; want none", recs, err)
	}
}

func TestRecoverAfterAKill(t *testing.T) {
	f := newFixture(t)
	before := f.sysctls()
	f.setUp()
	recs, err := f.dir.Hosts.Load()
	if err != nil || len(recs) != 1 || !slices.Equal(recs[0].Sysctls, f.host.Changes()) {
		t.Fatalf("records %v, %v; want the changes", recs, err)
	}
	f.Do(func() error { return l3s.Recover(recs[0], f.dir.Hosts) })
	if got := f.sysctls(); got != before {
		t.Errorf("got:\n%s\nwant:\n%s", got, before)
	}
}

func TestSetUpFailsWithoutTraces(t *testing.T) {
	f := newFixture(t)
	before := f.sysctls()
	f.Do(func() error {
		if _, err := l3s.SetUp("eth0", "m0", "nope", f.dir.Hosts); err == nil || !strings.Contains(err.Error(), "nope") {
			t.Errorf("got %v, want an error that names nope", err)
		}
		return nil
	})
	if got := f.sysctls(); got != before {
		t.Errorf("got:\n%s\nwant:\n%s", got, before)
	}
	if recs, _ := f.dir.Hosts.Load(); len(recs) != 0 {
		t.Errorf("records %v, want none", recs)
	}
}

func TestRoutesFollowTheAddresses(t *testing.T) {
	f := newFixture(t)
	f.setUp()
	for _, c := range []struct{ addr, show string }{{"10.0.0.11", "route show 10.0.0.11/32"}, {"fd00::11", "-6 route show fd00::11"}} {
		a := netip.MustParseAddr(c.addr)
		for range 2 {
			f.try(f.host.AddRoute(a))
			if got := f.IP(c.show); strings.Count(got, "dev ret") != 1 {
				t.Errorf("added: got %q, want one route to ret", got)
			}
		}
		for range 2 {
			f.try(f.host.DelRoute(a))
			if got := f.IP(c.show); got != "" {
				t.Errorf("removed: got %q, want none", got)
			}
		}
	}
}

func TestTheHostsOwnRouteStays(t *testing.T) {
	f := newFixture(t)
	f.setUp()
	for _, c := range []struct{ addr, add, show string }{
		{"10.0.0.11", "route add 10.0.0.11/32 dev m0", "route show 10.0.0.11/32"},
		{"fd00::11", "-6 route add fd00::11/128 dev m0", "-6 route show fd00::11"},
	} {
		f.IP(c.add)
		a := netip.MustParseAddr(c.addr)
		if err := f.host.AddRoute(a); !errors.Is(err, l3s.ErrRouteTaken) {
			t.Errorf("add %s: got %v, want ErrRouteTaken", c.addr, err)
		}
		f.try(f.host.DelRoute(a))
		if got := f.IP(c.show); !strings.Contains(got, "dev m0") {
			t.Errorf("%s: the host's route is gone: %q", c.addr, got)
		}
	}
}
