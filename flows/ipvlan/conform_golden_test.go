package ipvlan

import (
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"os"
	"strings"
	"testing"

	"ipvd/flows/wire"
)

// The golden files hold what the kernel's own driver did, recorded by
// cmd/ipvconform: scenarios say which stations there were, results what was
// seen at each port for each stimulus.

// goldenScenario is the part of a scenario that the data plane knows.
type goldenScenario struct {
	Name, Mode, Flag string
	Master           struct{ MAC string }
	Slaves           []goldenSlave
}

type goldenSlave struct {
	Name        string
	Addrs, Join []string
}

// goldenResult is what came of a scenario.
type goldenResult struct {
	Name  string
	Steps []goldenStep
}

// goldenStep is a stimulus at a port. Seen are frames at the taps, before the
// driver takes them; Got are those that reached a stack's protocol handlers.
type goldenStep struct {
	ID, At    string
	Seen, Got []goldenFrame
	UDP       []struct{ Port, Dst string }
}

type goldenFrame struct {
	Port, Dir, Type string
	Hex             digits
	TCI             *uint16 `json:"vlan_tci"`
}

// digits are a frame in hexadecimal, whose checksums are made complete.
type digits []byte

func (d *digits) UnmarshalText(b []byte) (err error) {
	if *d, err = hex.AppendDecode(nil, b); err == nil {
		complete(*d)
	}
	return err
}

// golden reads a list from a golden file.
func golden[T any](t *testing.T, name string) (list []T) {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(&list); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return list
}

// hostPort and wirePort are how golden files call what lab calls HOST and WIRE.
const hostPort, wirePort = "host", "wire"

// labPort is lab's name of a golden port.
func labPort(port string) string {
	if port == hostPort || port == wirePort {
		return strings.ToUpper(port)
	}
	return "S" + port
}

// newGoldenLab is a lab of a golden scenario's slaves.
func newGoldenLab(t *testing.T, s goldenScenario, opts ...option) *lab {
	t.Helper()
	mode, err := ParseMode(s.Mode)
	if err != nil {
		t.Fatal(err)
	}
	flag, err := ParseFlag(s.Flag)
	if err != nil {
		t.Fatal(err)
	}
	slaves := func(l *lab) {
		for i, slave := range s.Slaves {
			l.m.Slaves = append(l.m.Slaves, NewSlave(l.m.Name, uint16(i+1), slave.Name, l.port(labPort(slave.Name)), 1500, 1))
			for _, a := range slave.Addrs {
				if err := l.m.Table.Set(netip.MustParsePrefix(a).Addr(), uint32(i+1)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return newLab(t, mode, flag, 0, append(opts, slaves)...)
}

// member reports that a slave listens to a group's MAC address: the groups that
// it joined, and those of every node (RFC 1112, section 4; RFC 4291, section
// 2.8).
func (s goldenSlave) member(group wire.MAC) bool {
	groups := append([]string{"224.0.0.1", "ff02::1"}, s.Join...)
	for _, g := range groups {
		if groupMAC(netip.MustParseAddr(g)) == group {
			return true
		}
	}
	for _, p := range s.Addrs {
		a := netip.MustParsePrefix(p).Addr().As16()
		if strings.Contains(p, ":") && group == (wire.MAC{0x33, 0x33, 0xff, a[13], a[14], a[15]}) {
			return true
		}
	}
	return false
}

func groupMAC(g netip.Addr) wire.MAC {
	a := g.As16()
	if g.Is4() {
		return wire.MAC{1, 0, 0x5e, a[13] & 0x7f, a[14], a[15]}
	}
	return wire.MAC{0x33, 0x33, a[12], a[13], a[14], a[15]}
}

// complete makes the checksum of a UDP datagram that its stack left to the NIC:
// where the checksum belongs, the frame holds the sum of its pseudo header. What
// leaves on the wire has the whole, and so what is fed to the graph.
func complete(frame []byte) {
	e := wire.Ethernet(frame)
	var pseudo uint64
	var upper []byte
	if p, ok := wire.ParseIPv4(e.Payload(), len(frame)-wire.EthernetLen); ok && e.Type() == wire.TypeIPv4 && !p.Fragment() && p.Proto() == wire.ProtoUDP {
		upper = p.Payload()
		pseudo = wire.PseudoSum4(p, wire.ProtoUDP, len(upper))
	} else if p, ok := wire.ParseIPv6(e.Payload()); ok && e.Type() == wire.TypeIPv6 && p.Next() == wire.ProtoUDP {
		upper = p.Payload()
		pseudo = wire.PseudoSum6(p, wire.ProtoUDP, len(upper))
	}
	u, ok := wire.ParseUDP(upper)
	if !ok || u.Sum() != wire.Fold(pseudo) {
		return
	}
	upper[6], upper[7] = 0, 0
	sum := ^wire.Fold(wire.Sum(upper, pseudo))
	upper[6], upper[7] = byte(sum>>8), byte(sum)
}
