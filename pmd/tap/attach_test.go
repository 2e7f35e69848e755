package tap

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

const testAlias = "ipvd:eth0:1"

// leave opens a persistent TAP eth0 in a namespace and closes the port.
func leave(t *testing.T, nsfd int) {
	t.Helper()
	p := mustOpen(t, Config{Alias: testAlias, MTU: 1400, Persist: true})
	if err := p.MoveTo(nsfd, "eth0"); err != nil {
		t.Fatal(err)
	}
	p.Close()
}

func TestAttachFindsThePersistentInterface(t *testing.T) {
	ns, fd := testNetns(t)
	leave(t, fd)
	run(t, "ip", "-n", ns, "address", "add", "10.9.8.7/24", "dev", "eth0")
	run(t, "ip", "-n", ns, "link", "set", "eth0", "up")
	index := linkIn(t, fd, "eth0").Attrs().Index

	p, err := Attach(fd, Config{Name: "eth0", Alias: testAlias, Persist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if got := linkIn(t, fd, "eth0").Attrs().Index; got != index {
		t.Errorf("ifindex is %d, was %d", got, index)
	}
	if out := run(t, "ip", "-n", ns, "address", "show", "dev", "eth0"); !strings.Contains(out, "10.9.8.7/24") {
		t.Errorf("the address is lost:\n%s", out)
	}
	if out := run(t, "ip", "-n", ns, "route"); !strings.Contains(out, "10.9.8.0/24") {
		t.Errorf("the route is lost:\n%s", out)
	}
	if p.Info().MTU != 1400 {
		t.Errorf("MTU is %d, want the interface's 1400", p.Info().MTU)
	}
}

func TestAttachNeverCreates(t *testing.T) {
	ns, fd := testNetns(t)
	if p, err := Attach(fd, Config{Name: "eth0", Alias: testAlias}); !errors.Is(err, pmd.ErrGone) {
		t.Errorf("attach to nothing: %v, %v; want ErrGone", p, err)
	}
	if p, err := Attach(fd, Config{}); err == nil {
		t.Errorf("attach without a name gives %v", p)
	}
	if out := run(t, "ip", "-n", ns, "-o", "link"); strings.Count(out, "\n") != 1 {
		t.Errorf("an interface was made:\n%s", out)
	}
}

func TestAttachRefusesAnotherInterface(t *testing.T) {
	ns, fd := testNetns(t)
	leave(t, fd)
	run(t, "ip", "netns", "exec", ns, "ip", "tuntap", "add", "mode", "tun", "name", "tun0")
	for _, cfg := range []Config{
		{Name: "eth0", Alias: "ipvd:eth0:2"},
		{Name: "eth0"},
		{Name: "tun0"},
		{Name: "lo"},
	} {
		if p, err := Attach(fd, cfg); !errors.Is(err, ErrForeign) {
			t.Errorf("Attach(%+v): %v, %v; want ErrForeign", cfg, p, err)
		}
	}
	if linkIn(t, fd, "eth0") == nil {
		t.Error("the interface is lost")
	}
}

func TestAttachNamesTheHolder(t *testing.T) {
	_, fd := testNetns(t)
	p := mustOpen(t, Config{Alias: testAlias})
	if err := p.MoveTo(fd, "ipvdtheld"); err != nil {
		t.Fatal(err)
	}
	_, err := Attach(fd, Config{Name: "ipvdtheld", Alias: testAlias})
	if !errors.Is(err, pmd.ErrBusy) {
		t.Fatalf("got error %v, want ErrBusy", err)
	}
	comm, _ := os.ReadFile("/proc/self/comm")
	want := fmt.Sprintf("pid %d (%s)", os.Getpid(), strings.TrimSpace(string(comm)))
	if !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not name the holder %q", err, want)
	}
}

func TestOnlyAnAttachedPortPinsItsNamespace(t *testing.T) {
	ns, fd := testNetns(t)
	leave(t, fd)
	p, err := Attach(fd, Config{Name: "eth0", Alias: testAlias, Persist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	unix.Close(fd)
	run(t, "ip", "netns", "del", ns)
	at, err := p.Netns()
	if err != nil || !p.PinsNetns() {
		t.Fatalf("namespace of an attached port: %v, pins %t; want it to live on", err, p.PinsNetns())
	}
	unix.Close(at)
	if q := mustOpen(t, Config{}); q.PinsNetns() {
		t.Error("an opened port says that it pins its namespace")
	}
}
