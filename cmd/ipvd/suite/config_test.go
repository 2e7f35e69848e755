package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
)

// declared is a configuration file that a test writes and changes.
type declared struct {
	l      *lab
	path   string
	state  string   // the state directory
	head   string   // settings and masters' keys
	slaves []string // of eth0, a line each
}

// newDeclared makes a file with slaves ipvlI of eth0 in boxes 0 to n-1.
func (l *lab) newDeclared(n int) *declared {
	f := &declared{l: l, path: filepath.Join(l.dir, "ipvd.yaml"), state: filepath.Join(l.dir, "state"), head: "masters:\n  - name: eth0\n    mode: l2\n"}
	for i := range n {
		f.slaves = append(f.slaves, l.declaredSlave(i, ""))
	}
	f.write()
	return f
}

// declaredSlave is the line of slave ipvlI in box i.
func (l *lab) declaredSlave(i int, more string) string {
	return fmt.Sprintf("{name: ipvl%d, netns: %s, addresses: [%s/24]%s}", i, l.boxes[i].Name, boxAddr(i), more)
}

func (f *declared) write() {
	f.l.t.Helper()
	text := f.head + "    slaves:\n"
	for _, s := range f.slaves {
		text += "      - " + s + "\n"
	}
	if err := os.WriteFile(f.path, []byte(text), 0o600); err != nil {
		f.l.t.Fatal(err)
	}
}

// args are those of a daemon that reads the file and keeps its state.
func (f *declared) args() []string {
	return []string{"--config", f.path, "--state-dir", f.state}
}

// run starts a daemon that has nothing but the file to go by.
func (f *declared) run(args ...string) {
	f.l.t.Helper()
	f.l.launch(append(f.args(), args...)...)
	f.awaitAnswer()
}

func (f *declared) awaitAnswer() {
	f.l.t.Helper()
	f.l.await("the daemon answers", 5*time.Minute, func() bool {
		select {
		case err := <-f.l.exited:
			f.l.exited <- err
			f.l.t.Fatalf("the daemon ended: %v\n%s", err, f.l.stderr)
		default:
		}
		_, err := f.l.ctl("link", "show")
		return err == nil
	})
}

// wantDiff wants the lines of `config diff`, with box i's namespace as BOXi.
func (f *declared) wantDiff(want ...string) {
	f.l.t.Helper()
	if got := f.changes("config", "diff"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		f.l.t.Errorf("config diff: got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (f *declared) changes(args ...string) []string {
	f.l.t.Helper()
	out := f.l.must(args...)
	for i, b := range f.l.boxes {
		out = strings.ReplaceAll(out, b.Name, fmt.Sprintf("BOX%d", i))
	}
	return strings.FieldsFunc(out, func(r rune) bool { return r == '\n' })
}

func TestAFileIsAppliedUnderTrafficOrNotAtAll(t *testing.T) {
	l := newLab(t, 4)
	f := l.newDeclared(3)
	f.run()
	l.ping(l.boxes[2], routerAddr)
	if got := l.link("ipvl0"); got.MMode != "l2" || got.ID != 1 || got.OperState != "UP" {
		t.Errorf("ipvl0: got %+v, want id 1 in l2, up", got)
	}
	f.wantDiff()
	east, north := l.stream(l.boxes[0], l.boxes[1], boxAddr(1)), l.stream(l.router, l.boxes[0], boxAddr(0))

	f.slaves = []string{f.slaves[0], f.slaves[1], l.declaredSlave(3, ", mtu: 1400")}
	f.write()
	want := []string{"+ slave ipvl3 of eth0 in netns BOX3", "- slave ipvl2 of eth0 in netns BOX2"}
	f.wantDiff(want...)
	before := l.must("config", "show")
	if got := f.changes("config", "apply", "--dry-run"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("dry run: got %q, want %q", got, want)
	}
	if now := l.must("config", "show"); now != before {
		t.Errorf("after a dry run: got\n%s\nwant\n%s", now, before)
	}
	f.changes("config", "apply")
	f.wantDiff()
	l.ping(l.boxes[3], routerAddr)
	if got := l.link("ipvl3"); got.MTU != 1400 || strings.Contains(l.boxes[2].IP("-br link"), "ipvl2") {
		t.Errorf("ipvl3: got MTU %d, want 1400 and ipvl2 gone", got.MTU)
	}

	// A namespace that is not there: the rest of the file is not applied either.
	before = l.must("config", "show")
	good := f.slaves
	f.slaves = []string{l.declaredSlave(0, ""), l.declaredSlave(2, ""), l.declaredSlave(3, ", mtu: 1300"), "{name: x, netns: ipvdt-nosuch}"}
	f.write()
	l.refused([]string{"config", "apply"}, "not applied, all is as it was", "slave x of eth0 in netns ipvdt-nosuch", "no such network namespace")
	l.await("all is as it was", defaultWait, func() bool { return sameSlaves(l.must("config", "show"), before) })
	l.ping(l.boxes[3], boxAddr(1))
	f.slaves = good
	f.write()
	f.wantDiff()

	f.head = "burst: 0\n" + f.head
	f.write()
	l.refused([]string{"config", "apply"}, f.path+":1:8: ", `burst "0"`)
	east.wantNoLoss(t, "slave to slave")
	north.wantNoLoss(t, "router to slave")
	l.stop()
}

// sameSlaves compares two outputs of `config show` but for the order of slaves.
func sameSlaves(a, b string) bool {
	count := map[string]int{}
	for line := range strings.Lines(a) {
		count[line]++
	}
	for line := range strings.Lines(b) {
		count[line]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

func TestSlavesAreChangedAsTheFileSays(t *testing.T) {
	l := newLab(t, 3)
	f := l.newDeclared(2)
	f.run()
	l.ping(l.boxes[0], boxAddr(1))
	index := l.link("ipvl1").ID
	f.head = "burst: 32\n" + strings.Replace(f.head, "mode: l2", "mode: l3\n    flag: vepa", 1)
	f.slaves[0] = fmt.Sprintf("{name: ipvl0, netns: %s, mtu: 1300, up: false, addresses: [10.0.0.77/24]}", l.boxes[0].Name)
	f.write()
	l.boxes[1].IP("link set ipvl1 netns " + l.boxes[2].Name)
	l.boxes[2].IP("link set ipvl1 name other")
	l.await("the move is known", defaultWait, func() bool { return strings.Contains(l.must("link", "show"), "other") })
	f.wantDiff("~ slave ipvl0 of eth0 in netns BOX0: address 10.0.0.11/24 -> none",
		"~ slave ipvl1 of eth0 in netns BOX1: place other in BOX2 -> ipvl1 in BOX1",
		"~ master eth0: mode l2 bridge -> l3 vepa",
		"~ slave ipvl0 of eth0 in netns BOX0: mtu 1500 -> 1300",
		"~ slave ipvl0 of eth0 in netns BOX0: up true -> false",
		"~ slave ipvl0 of eth0 in netns BOX0: address none -> 10.0.0.77/24",
		"~ slave ipvl1 of eth0 in netns BOX1: up false -> true",
		"~ slave ipvl1 of eth0 in netns BOX1: address none -> 10.0.0.12/24",
		"! burst 64 -> 32")
	if err := l.cmd.Process.Signal(unix.SIGHUP); err != nil {
		t.Fatal(err)
	}
	l.await("the file is applied", defaultWait, func() bool { return strings.Contains(l.stderr.String(), "the configuration file is applied") })
	l.await("nothing but the burst differs", defaultWait, func() bool {
		return strings.Join(f.changes("config", "diff"), "\n") == "! burst 64 -> 32"
	})
	if got := l.link("ipvl1"); got.ID != index || got.MMode != "l3" || got.MFlag != "vepa" {
		t.Errorf("ipvl1: got %+v, want id %d in l3 vepa", got, index)
	}
	if got := l.boxes[0].IP("-br addr show dev ipvl0"); !strings.Contains(got, "10.0.0.77/24") || strings.Contains(got, boxAddr(0)+"/") {
		t.Errorf("ipvl0 has %s, want 10.0.0.77 and not %s", got, boxAddr(0))
	}
	l.stop()
}

func TestChangesByRequestSurviveARestartUntilTheFileSaysOtherwise(t *testing.T) {
	l := newLab(t, 3)
	f := l.newDeclared(2)
	f.run()
	l.must("link", "del", "ipvl1", "-n", l.boxes[1].Name)
	l.must("link", "set", "eth0", "type", "ipvlan", "mode", "l3s")
	l.must("link", "add", "link", "eth0", "own", "netns", l.boxes[2].Name, "type", "ipvlan")
	l.kill()
	f.run()
	names := func() (names []string) {
		for _, k := range l.links() {
			names = append(names, fmt.Sprintf("%s %d %s", k.IfName, k.ID, k.MMode))
		}
		return names
	}
	want := "[eth0 0 l3s ipvl0 1 l3s own 3 l3s]"
	if got := fmt.Sprint(names()); got != want {
		t.Errorf("after kill -9: got %s, want %s", got, want)
	}
	l.stop()

	// What the file says anew counts.
	f.head = strings.Replace(f.head, "mode: l2", "mode: l3", 1)
	f.slaves[1] = l.declaredSlave(1, ", mtu: 1400")
	f.write()
	f.run()
	want = "[eth0 0 l3 ipvl0 1 l3 own 3 l3 ipvl1 4 l3]"
	if got := fmt.Sprint(names()); got != want {
		t.Errorf("after a change of the file: got %s, want %s", got, want)
	}
	// apply makes it as the file says in any case.
	l.must("link", "del", "ipvl0", "-n", l.boxes[0].Name)
	l.must("config", "apply")
	want = "[eth0 0 l3 own 3 l3 ipvl1 4 l3 ipvl0 5 l3]"
	if got := fmt.Sprint(names()); got != want {
		t.Errorf("after apply: got %s, want %s", got, want)
	}
	l.stop()
}

func TestOneThingThatCannotBeDoneStopsNoOther(t *testing.T) {
	l := newLab(t, 1)
	f := l.newDeclared(1)
	f.slaves = append(f.slaves, "{name: x, netns: ipvdt-nosuch}")
	f.write()
	f.run()
	l.ping(l.boxes[0], routerAddr)
	f.wantDiff("+ slave x of eth0 in netns ipvdt-nosuch")
	if log := l.stderr.String(); !strings.Contains(log, "not done: + slave x of eth0 in netns ipvdt-nosuch") {
		t.Error("no word in the log about the namespace that is not there")
	}
	l.stop()
}

func TestARunningConfigurationIsAFile(t *testing.T) {
	l := newLab(t, 2)
	l.start("--mode", "l2", "--ephemeral", "--burst", "32")
	l.add(0)
	pid, _ := l.unnamed()
	l.must("link", "add", "link", "eth0", "eth0", "netns", pid, "type", "ipvlan", "mtu", "1400")
	out := l.must("config", "show")
	says(t, "config show", out, "burst: 32\n", "name: eth0\n    mode: l2\n    flag: bridge\n", "name: ipvl0\n", "netns: "+l.boxes[0].Name, "- "+boxAddr(0)+"/24", "mtu: 1400")
	if !strings.Contains(out, "netns: "+pid) && !strings.Contains(out, `netns: "`+pid+`"`) {
		t.Errorf("config show: got %s, want the unnamed namespace as process %s", out, pid)
	}
	l.refused([]string{"config", "apply"}, "there is no configuration file", "--config")
	c, err := l.client().ConfigShow(brief(t))
	if err != nil || len(c.Masters) != 1 || len(c.Masters[0].Slaves) != 2 || c.Masters[0].Slaves[0].Link != (api.LinkAdd{Master: "eth0", Name: "ipvl0", Netns: l.boxes[0].Name}) {
		t.Errorf("got %+v, %v; want eth0 with two slaves", c, err)
	}
	l.stop()
}

func TestASlaveTakesTheAddressOfAnother(t *testing.T) {
	l := newLab(t, 3)
	f := l.newDeclared(2)
	f.run()
	l.ping(l.boxes[1], routerAddr)
	heir := fmt.Sprintf("{name: heir, netns: %s, addresses: [%s/24]}", l.boxes[2].Name, boxAddr(1))
	null := fmt.Sprintf("{name: ipvl0, netns: %s, kind: vdev, devargs: \"net_null7,no-rx=1\", addresses: [%s]}", l.boxes[0].Name, boxAddr(0))
	f.slaves = []string{null, heir, "{name: x, netns: ipvdt-nosuch}"}
	f.write()
	l.refused([]string{"config", "apply"}, "all is as it was", "slave x of eth0 in netns ipvdt-nosuch")
	l.ping(l.boxes[1], routerAddr)
	l.ping(l.router, boxAddr(0))
	if got := l.link("ipvl0"); got.PortKind != "tap" || got.State != "ok" {
		t.Errorf("ipvl0: got %+v, want the tap that it was", got)
	}

	f.slaves = f.slaves[:2]
	f.write()
	f.changes("config", "apply")
	f.wantDiff()
	l.ping(l.boxes[2], routerAddr)
	if got := l.state("heir", boxAddr(1)); got != "active" {
		t.Errorf("the address of another is %q, want active", got)
	}
	if got := l.link("ipvl0"); got.PortKind != "vdev" || l.state("ipvl0", boxAddr(0)) != "active" {
		t.Errorf("ipvl0: got %+v, want a vdev with its address", got)
	}
	l.stop()
}

func TestAWireThatWasRenamedIsFollowedAndAnAbsentOneLeftOut(t *testing.T) {
	l := newLab(t, 1)
	l.secondWire()
	f := l.newDeclared(1)
	f.head = "masters:\n  - name: eth1\n" + strings.TrimPrefix(f.head, "masters:\n")
	f.write()
	f.run()
	l.ping(l.router, boxAddr(0))
	l.stop()

	l.host.IP("link set eth0 down")
	l.host.IP("link set eth0 name lan7")
	l.host.IP("link set lan7 up")
	l.router.IP("link del eth1") // and its other end
	f.run()
	l.ping(l.router, boxAddr(0))
	if got := l.links(); len(got) != 2 || got[0].IfName != "eth0" || got[0].Wire != "lan7" {
		t.Errorf("links: got %+v, want eth0 by wire lan7, and its slave", got)
	}
	log := l.stderr.String()
	says(t, "log", log, "the wire was renamed", "master eth1", "this master is left out")
	l.stop()
	l.host.IP("link show lan7")
}
