package netns_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"ipvd/cmd/internal/host/hosttest"
	"ipvd/cmd/internal/host/netns"

	"golang.org/x/sys/unix"
)

func TestRunEntersAndComesBack(t *testing.T) {
	ns := hosttest.NewNS(t)
	fd := ns.Open()
	defer unix.Close(fd)
	before, err := netns.IDOf(netns.Here)
	if err != nil {
		t.Fatal(err)
	}
	var inside netns.ID
	if err := netns.Run(fd, func() (err error) {
		inside, err = netns.IDOf(netns.Here)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if inside != ns.ID() {
		t.Errorf("ran in %v, want %v", inside, ns.ID())
	}
	if after, _ := netns.IDOf(netns.Here); after != before {
		t.Errorf("caller is in %v afterwards, want %v", after, before)
	}
}

func TestRunLeavesNoThreadInTheNamespace(t *testing.T) {
	ns := hosttest.NewNS(t)
	fd := ns.Open()
	defer unix.Close(fd)
	for range 50 {
		if err := netns.Run(fd, func() error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	tasks, _ := filepath.Glob("/proc/self/task/*/ns/net")
	for _, path := range tasks {
		if link, _ := os.Readlink(path); link == ns.ID().String() {
			t.Errorf("thread %s is still in %s", path, ns.Name)
		}
	}
}

func TestRunGivesTheFunctionsError(t *testing.T) {
	hosttest.NeedRoot(t)
	want := errors.New("from f")
	if err := netns.Run(netns.Here, func() error { return want }); err != want {
		t.Errorf("here: got %v, want %v", err, want)
	}
	fd, err := netns.Current()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := netns.Run(fd, func() error { return want }); err != want {
		t.Errorf("by descriptor: got %v, want %v", err, want)
	}
}

func TestRunNestsByDescriptor(t *testing.T) {
	a, b := hosttest.NewNS(t), hosttest.NewNS(t)
	b.TAP("only-in-b")
	fd := b.Open()
	defer unix.Close(fd)
	a.Do(func() error {
		if _, err := net.InterfaceByName("only-in-b"); err == nil {
			return errors.New("interface of b seen in a")
		}
		if err := netns.Run(fd, func() error {
			_, err := net.InterfaceByName("only-in-b")
			return err
		}); err != nil {
			return fmt.Errorf("nested: %w", err)
		}
		if id, _ := netns.IDOf(netns.Here); id == a.ID() {
			return nil
		}
		return errors.New("not back in a after the nested run")
	})
}

func TestOpenTakesNamePathAndPid(t *testing.T) {
	ns := hosttest.NewNS(t)
	pid := sleeper(t, ns)
	for _, ref := range []string{ns.Name, filepath.Join(netns.Dir, ns.Name), strconv.Itoa(pid)} {
		fd, err := netns.Open(ref)
		if err != nil {
			t.Errorf("open %q: %v", ref, err)
			continue
		}
		if id, _ := netns.IDOf(fd); id != ns.ID() {
			t.Errorf("open %q: got %v, want %v", ref, id, ns.ID())
		}
		unix.Close(fd)
	}
}

func TestOpenRefusesWhatIsNoNamespace(t *testing.T) {
	if _, err := netns.Open("ipvdt-nobody-has-this"); !errors.Is(err, netns.ErrNotFound) {
		t.Errorf("unknown name: got %v, want ErrNotFound", err)
	}
	if _, err := netns.Open("/dev/null"); !errors.Is(err, unix.EINVAL) {
		t.Errorf("/dev/null: got %v, want EINVAL", err)
	}
	if _, err := netns.Open("/proc/self/ns/mnt"); !errors.Is(err, unix.EINVAL) {
		t.Errorf("mount namespace: got %v, want EINVAL", err)
	}
}

func TestNameFallsBackToInode(t *testing.T) {
	ns := hosttest.NewNS(t)
	id := ns.ID()
	if got := netns.Name(id); got != ns.Name {
		t.Errorf("named: got %q, want %q", got, ns.Name)
	}
	ns.Delete()
	if got, want := netns.Name(id), fmt.Sprintf("net:[%d]", id.Ino); got != want {
		t.Errorf("unnamed: got %q, want %q", got, want)
	}
}

func TestOpenIDFindsByMountThenByProcess(t *testing.T) {
	ns := hosttest.NewNS(t)
	id := ns.ID()
	open := func() error {
		fd, err := netns.OpenID(id)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
	if err := open(); err != nil {
		t.Errorf("named: %v", err)
	}
	elsewhere := filepath.Join(t.TempDir(), "ns")
	if err := os.WriteFile(elsewhere, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(filepath.Join(netns.Dir, ns.Name), elsewhere, "none", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(elsewhere, unix.MNT_DETACH)
	sleeping := sleeper(t, ns)
	ns.Delete()
	if err := open(); err != nil {
		t.Errorf("mounted elsewhere: %v", err)
	}
	if err := unix.Unmount(elsewhere, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	if err := open(); err != nil {
		t.Errorf("with process %d in it: %v", sleeping, err)
	}
	if orphaned(id) {
		t.Error("orphaned although a process is in it")
	}
}

func TestOrphanedWhenOnlyDescriptorsKeepIt(t *testing.T) {
	ns := hosttest.NewNS(t)
	fd := ns.Open()
	defer unix.Close(fd)
	if orphaned(ns.ID()) {
		t.Error("orphaned while it is named")
	}
	id := ns.ID()
	ns.Delete()
	if !orphaned(id) {
		t.Error("not orphaned with only a descriptor left")
	}
	if _, err := netns.OpenID(id); !errors.Is(err, netns.ErrNotFound) {
		t.Errorf("OpenID: got %v, want ErrNotFound", err)
	}
}

func TestCreateRefusesATakenName(t *testing.T) {
	ns := hosttest.NewNS(t)
	if err := netns.Create(ns.Name); !errors.Is(err, unix.EEXIST) {
		t.Errorf("got %v, want EEXIST", err)
	}
	ns.Delete()
	if err := netns.Delete(ns.Name); err != nil {
		t.Errorf("second delete: %v", err)
	}
}

// sleeper starts a process in ns that ends with the test.
func sleeper(t *testing.T, ns hosttest.NS) (pid int) {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	ns.Do(cmd.Start) // a child is cloned from the calling thread
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd.Process.Pid
}

func orphaned(id netns.ID) bool { return netns.Orphaned(map[netns.ID]bool{id: true})[id] }

// TestANamespaceOutlivesTheMountsOfItsMaker makes one from a process with mounts
// of its own, as `ip netns exec` gives them.
func TestANamespaceOutlivesTheMountsOfItsMaker(t *testing.T) {
	if name := os.Getenv("IPVDT_CREATE"); name != "" {
		if err := netns.Create(name); err != nil {
			t.Fatal(err)
		}
		return
	}
	ns := hosttest.NewNS(t)
	name := hosttest.Unique()
	cmd := exec.Command("ip", "netns", "exec", ns.Name, os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "IPVDT_CREATE="+name)
	t.Cleanup(func() {
		if err := netns.Delete(name); err != nil {
			t.Error(err)
		}
	})
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	fd, err := netns.Open(name)
	if err != nil {
		t.Fatalf("the namespace ended with its maker: %v", err)
	}
	unix.Close(fd)
}
