package tap

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	vishns "github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/netns"
)

var testNetnsCount atomic.Int32

// testNetns makes a named network namespace and gives its name and descriptor.
func testNetns(t testing.TB) (name string, fd int) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: makes network namespaces")
	}
	name = fmt.Sprintf("ipvdt-tap%d-%d", os.Getpid(), testNetnsCount.Add(1))
	run(t, "ip", "netns", "add", name)
	fd, err := unix.Open("/run/netns/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Close(fd)
		_ = exec.Command("ip", "netns", "del", name).Run()
	})
	return name, fd
}

func run(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func mustOpen(t testing.TB, cfg Config) *Port {
	t.Helper()
	p, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// linkIn looks an interface up in a namespace; nil when there is none.
func linkIn(t testing.TB, nsfd int, name string) netlink.Link {
	t.Helper()
	h, err := netlink.NewHandleAt(vishns.NsHandle(nsfd), unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	link, err := h.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return link
}

func inode(t *testing.T, fd int) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

func TestOpenConfiguresTheInterface(t *testing.T) {
	_, fd := testNetns(t)
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 7}
	p := mustOpen(t, Config{Alias: "ipvd:eth0:7", MTU: 9000, MAC: mac})
	if err := p.MoveTo(fd, "eth0"); err != nil {
		t.Fatal(err)
	}
	a := linkIn(t, fd, "eth0").Attrs()
	if a.MTU != 9000 || a.HardwareAddr.String() != mac.String() || a.Alias != "ipvd:eth0:7" {
		t.Errorf("interface has MTU %d, MAC %s, alias %q", a.MTU, a.HardwareAddr, a.Alias)
	}
	if i := p.Info(); i.MTU != 9000 || i.MAC.String() != mac.String() {
		t.Errorf("Info is %+v", i)
	}
}

func TestOpenRefusesAnExistingName(t *testing.T) {
	testNetns(t)
	p := mustOpen(t, Config{Persist: true})
	defer p.SetPersist(false)
	if q, err := Open(Config{Name: p.Name()}); !errors.Is(err, ErrNameTaken) {
		t.Errorf("second open of %s: %v, %v; want ErrNameTaken", p.Name(), q, err)
	}
}

func TestOpenRefusesABadConfigAndLeavesNothing(t *testing.T) {
	testNetns(t)
	name := fmt.Sprintf("ipvdt%d", os.Getpid())
	for _, cfg := range []Config{
		{Name: name, MTU: 67},
		{Name: name, MTU: 65536},
		{Name: name, MAC: net.HardwareAddr{1, 2, 3}},
		{Name: name, Alias: strings.Repeat("x", 300)},
		{Name: strings.Repeat("n", 16)},
	} {
		if p, err := Open(cfg); err == nil {
			t.Errorf("Open(%+v) succeeded", cfg)
			p.Close()
		}
	}
	if _, err := net.InterfaceByName(name); err == nil {
		t.Errorf("%s was left behind", name)
	}
}

func TestMoveToRenamesInOneStep(t *testing.T) {
	_, fd := testNetns(t)
	p := mustOpen(t, Config{})
	if err := p.MoveTo(fd, "eth0"); err != nil {
		t.Fatal(err)
	}
	if name, err := p.IfName(); err != nil || name != "eth0" || p.Name() != "eth0" {
		t.Errorf("names are %q (%v) and %q, want eth0", name, err, p.Name())
	}
	at, err := p.Netns()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(at)
	if inode(t, at) != inode(t, fd) {
		t.Error("Netns is not where it was moved to")
	}
}

func TestMoveToATakenNameLeavesTheInterface(t *testing.T) {
	_, fd := testNetns(t)
	a, b := mustOpen(t, Config{}), mustOpen(t, Config{})
	if err := a.MoveTo(fd, "eth0"); err != nil {
		t.Fatal(err)
	}
	before, _ := b.IfName()
	err := b.MoveTo(fd, "eth0")
	if !errors.Is(err, ErrNameTaken) || !strings.Contains(err.Error(), `"eth0"`) {
		t.Errorf("got error %v, want ErrNameTaken that names eth0", err)
	}
	if after, _ := b.IfName(); after != before {
		t.Errorf("name is %q, was %q", after, before)
	}
	if linkIn(t, fd, before) != nil {
		t.Errorf("%s was left in the target namespace", before)
	}
}

func TestIfNameFollowsARename(t *testing.T) {
	ns, fd := testNetns(t)
	p := mustOpen(t, Config{})
	if err := p.MoveTo(fd, "eth0"); err != nil {
		t.Fatal(err)
	}
	run(t, "ip", "-n", ns, "link", "set", "eth0", "name", "lan0")
	if name, err := p.IfName(); err != nil || name != "lan0" {
		t.Errorf("IfName is %q, %v; want lan0", name, err)
	}
}

func TestCarrierIsSeenInTheNamespace(t *testing.T) {
	ns, fd := testNetns(t)
	p := mustOpen(t, Config{})
	if err := p.MoveTo(fd, "eth0"); err != nil {
		t.Fatal(err)
	}
	run(t, "ip", "-n", ns, "link", "set", "eth0", "up")
	for _, on := range []bool{false, true} {
		if err := p.SetCarrier(on); err != nil {
			t.Fatal(err)
		}
		lower := linkIn(t, fd, "eth0").Attrs().RawFlags&unix.IFF_LOWER_UP != 0
		if p.Carrier() != on || lower != on {
			t.Errorf("after SetCarrier(%t): Carrier %t, LOWER_UP %t", on, p.Carrier(), lower)
		}
	}
}

func TestNamespaceCanGoUnderAnOpenedPort(t *testing.T) {
	ns, fd := testNetns(t)
	p := mustOpen(t, Config{Persist: true})
	if err := p.MoveTo(fd, "eth0"); err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	run(t, "ip", "netns", "del", ns)
	awaitGone(t, p)
	if _, err := p.IfName(); !errors.Is(err, pmd.ErrGone) {
		t.Errorf("IfName gives %v, want ErrGone", err)
	}
	if p.Carrier() {
		t.Error("a gone port has carrier")
	}
	if st := p.Stats(); st != (pmd.PortStats{}) {
		t.Errorf("a gone port has stats %+v", st)
	}
}

// awaitGone waits until the kernel, which destroys a namespace after its
// deletion, has taken the interface away.
func awaitGone(t *testing.T, p *Port) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, err := p.IfName(); errors.Is(err, pmd.ErrGone) {
			return
		}
	}
	t.Fatal("the interface outlives its namespace")
}

func TestControlAfterCloseFails(t *testing.T) {
	testNetns(t)
	p := mustOpen(t, Config{})
	p.Close()
	if err := p.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if err := p.SetCarrier(true); !errors.Is(err, pmd.ErrClosed) {
		t.Errorf("SetCarrier gives %v, want ErrClosed", err)
	}
	if _, err := p.Netns(); !errors.Is(err, pmd.ErrClosed) {
		t.Errorf("Netns gives %v, want ErrClosed", err)
	}
}

// descriptors counts the open files of this process.
func descriptors(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}

// Unregistering a device takes the kernel some 20 ms, so few cycles do.
func TestClosedPortLeavesNoInterfaceAndNoDescriptor(t *testing.T) {
	_, fd := testNetns(t)
	before := 0
	for i := range 20 {
		p := mustOpen(t, Config{Alias: testAlias, Persist: true})
		if err := p.MoveTo(fd, "eth0"); err != nil {
			t.Fatal(err)
		}
		if err := p.SetPersist(false); err != nil {
			t.Fatal(err)
		}
		p.Close()
		if linkIn(t, fd, "eth0") != nil {
			t.Fatal("the interface was left behind")
		}
		if i == 0 {
			before = descriptors(t)
		}
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func TestThousandPersistentPortsLeakNoDescriptor(t *testing.T) {
	_, fd := testNetns(t)
	before := descriptors(t)
	err := netns.Do(fd, func() error {
		for range 1000 {
			p, err := Open(Config{Alias: testAlias, Persist: true})
			if err != nil {
				return err
			}
			p.Close()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
