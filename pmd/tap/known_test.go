package tap

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
	"ipvd/pmd/netns"
)

// attachIn is AttachKnown in a namespace.
func attachIn(t *testing.T, nsfd int, k Known) (*Port, error) {
	t.Helper()
	var p *Port
	var err error
	if failed := netns.Do(nsfd, func() error {
		ports, errs := AttachKnown([]Known{k})
		p, err = ports[0], errs[0]
		return nil
	}); failed != nil {
		t.Fatal(failed)
	}
	return p, err
}

func TestAKnownInterfaceIsAttachedAndNoneIsMade(t *testing.T) {
	ns, fd := testNetns(t)
	leave(t, fd)
	index := linkIn(t, fd, "eth0").Attrs().Index
	known := Known{Config: Config{Name: "eth0", MTU: 1400}, Index: index}
	p, err := attachIn(t, fd, known)
	if err != nil {
		t.Fatal(err)
	}
	if p.Info().MTU != 1400 || p.Name() != "eth0" || !p.PinsNetns() {
		t.Errorf("port %s: %+v, pins %t; want eth0 with MTU 1400, which pins", p.Name(), p.Info(), p.PinsNetns())
	}
	if _, err := attachIn(t, fd, known); !errors.Is(err, pmd.ErrBusy) {
		t.Errorf("a second time: %v, want ErrBusy", err)
	}
	p.Close()
	known.Index++
	if _, err := attachIn(t, fd, known); !errors.Is(err, pmd.ErrGone) {
		t.Errorf("another interface of that name: %v, want ErrGone", err)
	}
	known.Name = "nosuch"
	if _, err := attachIn(t, fd, known); !errors.Is(err, pmd.ErrGone) {
		t.Errorf("no interface: %v, want ErrGone", err)
	}
	if linkIn(t, fd, "nosuch") != nil {
		t.Errorf("an interface was made: %s", run(t, "ip", "-n", ns, "link"))
	}
}

func TestAKeptDescriptorIsThePortsAgain(t *testing.T) {
	_, fd := testNetns(t)
	leave(t, fd)
	index := linkIn(t, fd, "eth0").Attrs().Index
	p, err := Attach(fd, Config{Name: "eth0", Alias: testAlias, Persist: true})
	if err != nil {
		t.Fatal(err)
	}
	kept := -1
	if err := p.Keep(func(fd int) (err error) { kept, err = unix.Dup(fd); return err }); err != nil {
		t.Fatal(err)
	}
	p.Close()
	if _, err := attachIn(t, fd, Known{Config: Config{Name: "eth0"}, Index: index}); !errors.Is(err, pmd.ErrBusy) {
		t.Errorf("while it is kept: %v, want ErrBusy", err)
	}
	again, err := attachIn(t, fd, Known{Config: Config{Name: "eth0"}, Index: index, File: kept})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.SetCarrier(true); err != nil {
		t.Errorf("the port does not work: %v", err)
	}
	again.Close()
	other, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := attachIn(t, fd, Known{Config: Config{Name: "eth0"}, Index: index, File: other}); err == nil {
		t.Errorf("a descriptor of something else gives port %s", p.Name())
	}
}
