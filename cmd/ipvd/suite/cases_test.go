package suite

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/hosttest"
	"ipvd/cmd/internal/host/sysctl"
	frames "ipvd/cmd/ipvconform/frame"
)

// The numbered cases: CASES.md lists them all and says where each is tested.

// The stations' addresses. The wire is the lab's router, h the host's stack
// behind the host port, and slave sN is the lab's ipvl(N-1).
const (
	macM   = masterMAC
	macW   = "02:00:00:00:00:ee"
	macX   = "02:00:00:00:00:77" // nobody's
	macAll = "ff:ff:ff:ff:ff:ff"
	noMAC  = "00:00:00:00:00:00"

	w4, h4           = routerAddr, hostAddr
	s1v4, s2v4, s3v4 = "10.0.0.11", "10.0.0.12", "10.0.0.13"
	nobody4          = "10.0.0.99"
	w6, h6           = "fd00::fe", "fd00::1"
	s1v6, s2v6, s3v6 = "fd00::11", "fd00::12", "fd00::13"
	nobody6          = "fd00::99"
)

// bench is a lab whose stations are watched.
type bench struct {
	*lab
	whole    *testing.T // the test whose subtests the cases are
	stations []*station // w, h, s1, …
	marks    int
	probes   int
	mac      string // the master's
	mode     string // what the daemon was told last, as in "l2 private"
	byHost   bool   // in l3 the host's kernel routes each packet
}

// station is an interface whose incoming frames are read.
type station struct {
	name, dev string
	ns        hosttest.NS
	fd, index int
}

// seen is a frame that came to a station.
type seen struct {
	at    string
	frame []byte
}

// newBench starts a daemon with three slaves, which have IPv4 and IPv6 addresses
// and do no duplicate address detection. Unless args say otherwise the host does not
// reach them and nobody answers for them: other tests are about that.
func newBench(t *testing.T, args ...string) *bench {
	t.Helper()
	b := &bench{lab: newLab(t, 3), whole: t, mac: macM}
	b.router.IP("link set eth0 down")
	b.router.IP("link set eth0 address " + macW + " up")
	b.router.IP("addr replace fd00::fe/64 dev eth0 nodad") // it went with the link
	b.host.IP("addr add " + h6 + "/64 dev eth0 nodad")
	b.start(append([]string{"--ephemeral", "--mode", "l2", "--host-reach", "off", "--l3-proxy", "off"}, args...)...)
	for i, box := range b.boxes {
		b.add(i)
		box.IP(fmt.Sprintf("addr add fd00::%d/64 dev ipvl%d nodad", 11+i, i))
		b.wantState(fmt.Sprintf("ipvl%d", i), fmt.Sprintf("fd00::%d", 11+i), "active")
	}
	b.mode = "l2 bridge"
	b.watch("w", b.router, "eth0")
	b.watch("h", b.host, "eth0")
	for i, box := range b.boxes {
		b.watch(fmt.Sprintf("s%d", i+1), box, fmt.Sprintf("ipvl%d", i))
	}
	return b
}

// finish ends the daemon and takes the account.
func (b *bench) finish() {
	b.t.Helper()
	b.stop()
}

// watch adds a station, or watches it anew where it is now.
func (b *bench) watch(name string, ns hosttest.NS, dev string) {
	b.t.Helper()
	s := &station{name: name, dev: dev, ns: ns}
	ns.Do(func() (err error) {
		i, err := net.InterfaceByName(dev)
		if err != nil {
			return err
		}
		s.index = i.Index
		s.fd, err = packetSocket(i.Index)
		return err
	})
	b.whole.Cleanup(func() { unix.Close(s.fd) })
	b.unwatch(name)
	b.stations = append(b.stations, s)
}

// unwatch takes a station away.
func (b *bench) unwatch(name string) {
	b.stations = slices.DeleteFunc(b.stations, func(o *station) bool { return o.name == name })
}

// packetSocket sees all frames of an interface of the calling thread's
// namespace; with index 0 those of all its interfaces.
func packetSocket(index int) (int, error) {
	const all = unix.ETH_P_ALL << 8 // in network order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, all)
	if err != nil {
		return -1, err
	}
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
	if index == 0 {
		return fd, nil
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: index}); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// station finds one by name.
func (b *bench) station(name string) *station {
	b.t.Helper()
	i := slices.IndexFunc(b.stations, func(s *station) bool { return s.name == name })
	if i < 0 {
		b.t.Fatalf("no station %q", name)
	}
	return b.stations[i]
}

// send sends a frame at a station as it stands.
func (b *bench) send(at string, fs ...[]byte) {
	b.t.Helper()
	s := b.station(at)
	for _, f := range fs {
		if err := unix.Sendto(s.fd, f, 0, &unix.SockaddrLinklayer{Ifindex: s.index}); err != nil {
			b.t.Fatalf("send at %s: %v", at, err)
		}
	}
}

// read takes what has come to the stations, waiting up to limit for the first.
func (b *bench) read(limit time.Duration) (all []seen) {
	var fds []unix.PollFd
	for _, s := range b.stations {
		fds = append(fds, unix.PollFd{Fd: int32(s.fd), Events: unix.POLLIN})
	}
	if n, err := unix.Poll(fds, int(limit.Milliseconds())); n <= 0 || err != nil {
		return nil
	}
	buf := make([]byte, 1<<16)
	for i, s := range b.stations {
		for fds[i].Revents != 0 {
			n, from, err := unix.Recvfrom(s.fd, buf, 0)
			if err != nil {
				break // nothing more; or ENETDOWN, once
			}
			if ll, ok := from.(*unix.SockaddrLinklayer); !ok || ll.Pkttype == unix.PACKET_OUTGOING {
				continue
			}
			all = append(all, seen{s.name, bytes.Clone(buf[:n])})
		}
	}
	return all
}

// want is a kind of frame and where it must come in: the names of the stations,
// each as often as it comes there.
type want struct {
	what  string
	match func(f []byte) bool
	at    string
}

const quiet = 25 * time.Millisecond

// check does something and waits until all that is wanted has come. Then nothing
// else of its kind may have come anywhere.
func (b *bench) check(do func(), wants ...want) []seen {
	b.t.Helper()
	b.read(0)
	do()
	var all []seen
	for end := time.Now().Add(defaultWait); !complete(all, wants) && time.Now().Before(end); {
		all = append(all, b.read(10*time.Millisecond)...)
	}
	all = append(all, b.settle()...)
	for _, want := range wants {
		if got := places(all, want.match); got != sorted(want.at) {
			b.t.Errorf("%s in %s: came to [%s], want [%s]", want.what, b.mode, got, sorted(want.at))
		}
	}
	return all
}

// settle waits until frames that were on their way have come: until probes from the
// wire have passed the daemon, after the last of which nothing more comes. A daemon
// that waits for a CPU is not quiet for having nothing to send: while other frames
// come there is another probe.
func (b *bench) settle() (all []seen) {
	const probes = 10 // a station may not be at rest at all
	for range probes {
		got, passed, others := b.probe()
		all = append(all, got...)
		if !passed || others == 0 {
			break
		}
	}
	return all
}

// probe sends a frame through the daemon, which comes to the host, and reads what
// comes until that has passed, or cannot, and nothing more comes. It gives how many
// others came.
func (b *bench) probe() (all []seen, passed bool, others int) {
	b.probes++
	probe := frames.Ether(b.mac, macW, 0x88b6, fmt.Appendf(nil, "probe %038d", b.probes))
	unix.Sendto(b.station("w").fd, probe, 0, &unix.SockaddrLinklayer{Ifindex: b.station("w").index})
	for end := time.Now().Add(time.Second); !passed && time.Now().Before(end); {
		got := b.read(quiet)
		passed = places(got, same(probe)) != ""
		all = append(all, got...)
	}
	for got := b.read(quiet); len(got) > 0; got = b.read(quiet) {
		all = append(all, got...)
	}
	match := same(probe)
	for _, s := range all {
		if !match(s.frame) {
			others++
		}
	}
	return all, passed, others
}

// complete reports that all that is wanted is there.
func complete(all []seen, wants []want) bool {
	for _, w := range wants {
		if !contains(strings.Fields(places(all, w.match)), strings.Fields(sorted(w.at))) {
			return false
		}
	}
	return true
}

// contains reports that the sorted list part is in the sorted list all.
func contains(all, part []string) bool {
	for _, a := range all {
		if len(part) > 0 && part[0] == a {
			part = part[1:]
		}
	}
	return len(part) == 0
}

// places are the stations that got frames of a kind, sorted.
func places(all []seen, match func([]byte) bool) string {
	var at []string
	for _, s := range all {
		if match(s.frame) {
			at = append(at, s.at)
		}
	}
	return sorted(strings.Join(at, " "))
}

func sorted(s string) string {
	words := strings.Fields(s)
	slices.Sort(words)
	return strings.Join(words, " ")
}

// Kinds of frames.

// same matches a frame with this payload, padded or not, whatever its addresses.
func same(f []byte) func([]byte) bool {
	return func(g []byte) bool { return len(g) >= len(f) && bytes.Equal(g[12:len(f)], f[12:]) }
}

// has matches a frame with these bytes anywhere.
func has(mark []byte) func([]byte) bool {
	return func(g []byte) bool { return bytes.Contains(g, mark) }
}

// both matches what all of the given match.
func both(fs ...func([]byte) bool) func([]byte) bool {
	return func(g []byte) bool {
		return !slices.ContainsFunc(fs, func(f func([]byte) bool) bool { return !f(g) })
	}
}

// from and to match a frame's MAC addresses.
func from(mac string) func([]byte) bool {
	m, _ := net.ParseMAC(mac)
	return func(g []byte) bool { return len(g) >= 12 && bytes.Equal(g[6:12], m) }
}

func to(mac string) func([]byte) bool {
	m, _ := net.ParseMAC(mac)
	return func(g []byte) bool { return len(g) >= 12 && bytes.Equal(g[:6], m) }
}

// mark is a text that no other frame of the bench has.
func (b *bench) mark() []byte {
	b.marks++
	return fmt.Appendf(nil, "mark%08d", b.marks)
}

// gets sends a frame with a mark in it at one station and says who gets it.
func (b *bench) gets(what, at string, f []byte, receivers string) {
	b.t.Helper()
	b.check(func() { b.send(at, f) }, want{what, same(f), receivers})
}

// run runs a case in each of the modes, as in "l2, l3 private".
func (b *bench) run(number int, name, modes string, f func()) {
	b.t.Helper()
	b.t.Run(fmt.Sprintf("%d %s", number, name), func(t *testing.T) {
		for _, mode := range strings.Split(modes, ", ") {
			t.Run(mode, func(t *testing.T) {
				defer b.bind(t)()
				b.set(mode)
				f()
			})
		}
	})
}

// bind makes the bench a subtest's, until the function that it gives is called.
func (b *bench) bind(t *testing.T) (undo func()) {
	old := *b.lab
	b.lab.t = t
	b.lab.router, b.lab.host = hosttest.Existing(t, old.router.Name), hosttest.Existing(t, old.host.Name)
	b.lab.boxes = nil
	for _, box := range old.boxes {
		b.lab.boxes = append(b.lab.boxes, hosttest.Existing(t, box.Name))
	}
	return func() { b.lab.t, b.lab.router, b.lab.host, b.lab.boxes = old.t, old.router, old.host, old.boxes }
}

// set changes mode and flag and waits until the slaves' interfaces have followed.
func (b *bench) set(mode string) {
	b.t.Helper()
	m, flag, ok := strings.Cut(mode, " ")
	if !ok {
		flag = "bridge"
	}
	if b.mode == m+" "+flag {
		return
	}
	b.must("link", "set", "eth0", "type", "ipvlan", "mode", m, flag)
	b.mode = m + " " + flag
	b.await("NOARP follows mode "+mode, defaultWait, func() bool {
		return !slices.ContainsFunc(b.links(), func(k api.Link) bool {
			return k.Link != "" && slices.Contains(k.Flags, "NOARP") == (m == "l2")
		})
	})
}

// is reports the mode that is set, without its flag.
func (b *bench) is(mode string) bool { return strings.HasPrefix(b.mode, mode+" ") }

// slave says who sees a frame for a slave: in l3s the host's interface as well.
func (b *bench) slave(name string) string {
	if b.is("l3s") {
		return "h " + name
	}
	return name
}

// wire is the router's address of the family of addr.
func wire(addr string) string {
	if isV6(addr) {
		return w6
	}
	return w4
}

// sysctl sets one of a namespace.
func (b *bench) sysctl(ns hosttest.NS, key, value string) {
	b.t.Helper()
	ns.Do(func() error { return sysctl.Set(key, value) })
}
