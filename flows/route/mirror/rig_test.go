package mirror

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/flows/route"
)

// within is how long a mirror may take on a machine that does much else.
const within = 60 * time.Second

// rig is a namespace with the device eth0, a second one, d0, and a neighbour's
// namespace behind eth0.
type rig struct {
	t        testing.TB
	ns, peer string
	fd       int
}

var rigs atomic.Int32

func newRig(t testing.TB) *rig {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: makes network namespaces")
	}
	id := fmt.Sprintf("ipvdt-mir%d-%d", os.Getpid(), rigs.Add(1))
	r := &rig{t: t, ns: id + "h", peer: id + "p", fd: -1}
	for _, ns := range []string{r.ns, r.peer} {
		r.run("ip", "netns", "add", ns)
		t.Cleanup(func() { exec.Command("ip", "netns", "del", ns).Run() })
	}
	r.run("ip", "-n", r.ns, "link", "add", "eth0", "address", "02:00:00:00:00:01", "type", "veth", "peer", "name", "eth0", "address", "02:00:00:00:00:ee", "netns", r.peer)
	r.ip(`link add d0 type veth peer name d1
		link set lo up
		link set d1 up
		link set d0 up
		link set eth0 up
		addr add 10.0.0.1/24 dev eth0
		addr add fd00::1/64 dev eth0 nodad
		addr add 192.168.5.1/24 dev d0
		addr add fd05::1/64 dev d0 nodad`)
	for _, args := range []string{"link set eth0 up", "addr add 10.0.0.254/24 dev eth0", "addr add fd00::fe/64 dev eth0 nodad"} {
		r.run("ip", append([]string{"-n", r.peer}, strings.Fields(args)...)...)
	}
	var err error
	if r.fd, err = unix.Open("/run/netns/"+r.ns, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(r.fd) })
	return r
}

func (r *rig) run(name string, args ...string) string {
	r.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// ip runs lines of ip(8); it ends at the first that fails.
func (r *rig) ip(lines string) {
	r.t.Helper()
	if out, err := r.try(lines); err != nil {
		r.t.Fatalf("ip: %v: %s\n%s", err, out, lines)
	}
}

// try is ip for lines that may fail. Those of each family are a batch.
func (r *rig) try(lines string) (string, error) {
	batches := map[bool][]string{}
	for l := range strings.Lines(lines) {
		line, v6 := strings.CutPrefix(strings.TrimSpace(l), "-6 ")
		batches[v6] = append(batches[v6], line)
	}
	for v6, batch := range batches {
		args := []string{"-n", r.ns, "-batch", "-"}
		if v6 {
			args = append(args, "-6")
		}
		cmd := exec.Command("ip", args...)
		cmd.Stdin = strings.NewReader(strings.Join(batch, "\n") + "\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			return string(out), err
		}
	}
	return "", nil
}

// noIndex is an Index that nobody looks into.
type noIndex struct{}

func (noIndex) Set(netip.Addr, uint32) error { return nil }
func (noIndex) Delete(netip.Addr) bool       { return true }

func (r *rig) open(cfg Config) *Mirror {
	r.t.Helper()
	cfg.Device, cfg.FIB = "eth0", route.New(noIndex{})
	m, err := Open(r.fd, cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(m.Close)
	return m
}

// state is what a mirror knows, and where it sends packets to and from probes.
type state struct {
	Routes     []string
	Neighbours map[string]string
	Sources    route.Sources
	Hops       map[string]string
}

// probes are sources and destinations.
var probes = struct{ from, to []string }{
	[]string{"10.0.0.11", "10.0.0.12", "fd00::11", "fd00::12"},
	[]string{"10.0.0.1", "10.0.0.99", "192.168.5.7", "198.51.100.7", "198.51.100.77", "198.51.101.7", "203.0.113.7", "240.1.1.1",
		"fd00::1", "fd00::99", "fd05::7", "2001:db8::7", "2001:db8:1::7", "2001:db9::7"},
}

func (m *Mirror) state() (s state) {
	s.Neighbours, s.Hops = map[string]string{}, map[string]string{}
	m.Do(func(f *route.FIB) {
		for _, r := range f.Routes() {
			s.Routes = append(s.Routes, fmt.Sprintf("table %d %v tos %d metric %d: %v", r.Table, r.Dst, r.TOS, r.Priority, r.Spec))
		}
		for n := range f.Neighbours.Each {
			mac, state := n.Hardware()
			s.Neighbours[n.Addr().String()] = fmt.Sprintf("%v %x", state, mac)
		}
		s.Sources = *f.Sources()
		for _, from := range probes.from {
			for _, to := range probes.to {
				src, dst := netip.MustParseAddr(from), netip.MustParseAddr(to)
				if src.Is4() == dst.Is4() {
					for _, tos := range []uint8{0, 0x10} {
						s.Hops[fmt.Sprintf("%s > %s tos %d", from, to, tos)] = hopText(f.Get(src, dst, tos))
					}
				}
			}
		}
	})
	return s
}

func hopText(h *route.Hop) string {
	text := h.Kind.String()
	if h.Via != nil {
		text += " via " + h.Via.Addr().String()
	}
	if h.MTU != 0 {
		text += fmt.Sprint(" mtu ", h.MTU)
	}
	return text
}

// fresh is the state of a mirror that has read everything now.
func (r *rig) fresh() state {
	r.t.Helper()
	m := r.open(Config{})
	defer m.Close()
	return m.state()
}

// follows waits until m's state is that of a fresh mirror.
func (r *rig) follows(m *Mirror, what string) {
	r.t.Helper()
	var got, want state
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if got, want = m.state(), r.fresh(); same(got, want) {
			return
		}
	}
	r.t.Fatalf("%s: the mirror alone has\n%s\nand the kernel alone\n%s", what, strings.Join(less(got, want), "\n"), strings.Join(less(want, got), "\n"))
}

// less are the words of a that b has not.
func less(a, b state) (words []string) {
	of := func(s state) []string {
		all := slices.Clone(s.Routes)
		for k, v := range s.Neighbours {
			all = append(all, k+" "+v)
		}
		for k, v := range s.Hops {
			all = append(all, k+" "+v)
		}
		return append(all, fmt.Sprint(s.Sources))
	}
	other := of(b)
	return slices.DeleteFunc(of(a), func(w string) bool { return slices.Contains(other, w) })
}

// same compares states; of several next hops each may be taken.
func same(a, b state) bool {
	return reflect.DeepEqual(a.Routes, b.Routes) && reflect.DeepEqual(a.Neighbours, b.Neighbours) && a.Sources == b.Sources &&
		(strings.Contains(strings.Join(a.Routes, " "), "nexthop") || reflect.DeepEqual(a.Hops, b.Hops))
}

// hop waits until a packet takes this hop.
func (r *rig) hop(m *Mirror, from, to string, tos uint8, want string) {
	r.t.Helper()
	got := ""
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(time.Millisecond) {
		m.Do(func(f *route.FIB) { got = hopText(f.Get(netip.MustParseAddr(from), netip.MustParseAddr(to), tos)) })
		if got == want {
			return
		}
	}
	r.t.Fatalf("%s > %s: %q, want %q", from, to, got, want)
}
