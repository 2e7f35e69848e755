package suite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/hosttest"
	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/store"
)

// programs are the daemon and its client, built once for all tests.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "ipvdt-bin-")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", raceFlag, "-o", dir+"/", "ipvd/cmd/ipvd", "ipvd/cmd/ipvctl").CombinedOutput()
	if err != nil {
		return dir, fmt.Errorf("build: %w: %s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	if words := strings.Fields(os.Getenv(peerEnv)); len(words) > 0 {
		runPeer(words)
	}
	code := m.Run()
	if dir, _ := programs(); dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// lab is a router, a host whose eth0 a daemon takes over, and containers:
//
//	router eth0 ─ veth ─ eth0 of host [ipvd] ─ slaves ─ box(i)
type lab struct {
	t            *testing.T
	router, host hosttest.NS
	boxes        []hosttest.NS
	bin, dir     string
	socket       string

	cmd    *exec.Cmd
	stderr *logged
	exited chan error
}

const (
	masterMAC  = "02:00:00:00:00:01"
	routerAddr = "10.0.0.254"
	hostAddr   = "10.0.0.1"
)

// defaultWait is for what follows within milliseconds on a machine that has
// nothing else to do.
const defaultWait = 30 * time.Second

// boxAddr is the address of box i.
func boxAddr(i int) string { return fmt.Sprintf("10.0.0.%d", 11+i) }

// newLab makes the namespaces; start starts the daemon. When the test ends the
// daemon must have ended well, with nothing left behind.
func newLab(t *testing.T, boxes int) *lab {
	t.Helper()
	hosttest.NeedRoot(t)
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, bin: bin, dir: t.TempDir(), router: hosttest.NewNS(t), host: hosttest.NewNS(t)}
	l.socket = filepath.Join(l.dir, "s")
	home := l.host.ID()
	t.Cleanup(func() { sweep(t, l.dir, home) })
	l.router.IP("link add eth0 type veth peer name eth0 netns " + l.host.Name)
	l.plainFrames("eth0")
	for _, args := range []string{"link set lo up", "addr add " + routerAddr + "/24 dev eth0", "addr add fd00::fe/64 dev eth0 nodad", "link set eth0 up"} {
		l.router.IP(args)
	}
	for _, args := range []string{"link set lo up", "link set eth0 address " + masterMAC, "addr add " + hostAddr + "/24 dev eth0", "link set eth0 up"} {
		l.host.IP(args)
	}
	for range boxes {
		b := hosttest.NewNS(t)
		b.IP("link set lo up")
		l.boxes = append(l.boxes, b)
	}
	return l
}

// logged is the daemon's standard error.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *logged) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(b)
}

func (w *logged) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// hostMounts shows the daemon the host's interfaces under /sys, as `ip netns
// exec` does, and unlike that lets what it mounts under /run/netns outlive it.
const hostMounts = `mount --make-rprivate /sys && mount -t sysfs sysfs /sys && exec "$@"`

// command is the daemon's command line in the host's namespace.
func (l *lab) command(args ...string) *exec.Cmd {
	words := append([]string{"--net=/run/netns/" + l.host.Name, "unshare", "--mount", "--propagation", "unchanged", "sh", "-c", hostMounts, "sh",
		filepath.Join(l.bin, "ipvd"), "--socket", l.socket, "--log-level", "debug", "--pool", "8192"}, args...)
	// Each replaces itself by the next, so that signals reach the daemon.
	return exec.Command("nsenter", words...)
}

// start starts the daemon on eth0 and waits until it answers.
func (l *lab) start(args ...string) {
	l.t.Helper()
	l.launch(append([]string{"--master", "eth0"}, args...)...)
	l.await("the daemon answers", lookWait, func() bool {
		select {
		case err := <-l.exited:
			l.exited <- err
			l.t.Fatalf("the daemon ended: %v\n%s", err, l.stderr)
		default:
		}
		_, err := l.ctl("link", "show")
		return err == nil
	})
}

// launch starts the daemon without waiting for anything.
func (l *lab) launch(args ...string) {
	l.t.Helper()
	l.cmd, l.stderr = l.command(args...), &logged{}
	l.cmd.Stderr = l.stderr
	l.exited = spawn(l.t, l.cmd)
	cmd, exited := l.cmd, l.exited
	l.t.Cleanup(func() { l.cleanup(cmd, exited) })
}

// spawn starts a process that the kernel kills if the test dies, and gives where
// its end is told. The kernel means the thread that started it (prctl(2),
// PR_SET_PDEATHSIG), so that one waits.
func spawn(t *testing.T, cmd *exec.Cmd) chan error {
	t.Helper()
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	started, exited := make(chan error), make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			exited <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	return exited
}

func (l *lab) cleanup(cmd *exec.Cmd, exited chan error) {
	if l.cmd == cmd && cmd.ProcessState == nil {
		cmd.Process.Kill()
		exited <- <-exited
	}
	if l.t.Failed() {
		l.t.Logf("the daemon's log:\n%s", l.stderr)
	}
}

// fails starts a daemon that must refuse to run, and gives what it says.
func (l *lab) fails(args ...string) string {
	l.t.Helper()
	cmd := l.command(args...)
	end := time.AfterFunc(defaultWait, func() { cmd.Process.Signal(unix.SIGTERM) }) // it runs after all
	defer end.Stop()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		l.t.Fatalf("ipvd %v: got %v, want exit status 1\n%s", args, err, out)
	}
	return string(out)
}

// stop ends the daemon, whose account must balance, and which must exit with 0.
func (l *lab) stop() {
	l.t.Helper()
	l.verify()
	l.end(unix.SIGTERM)
}

func (l *lab) end(sig os.Signal) {
	l.t.Helper()
	l.cmd.Process.Signal(sig)
	select {
	case err := <-l.exited:
		l.exited <- err
		if err != nil {
			l.t.Errorf("the daemon ended with %v\n%s", err, l.stderr)
		}
	case <-time.After(lookWait):
		l.t.Fatalf("the daemon does not end on %v\n%s", sig, l.stderr)
	}
}

// kill ends the daemon as nobody should.
func (l *lab) kill() {
	l.t.Helper()
	l.cmd.Process.Kill()
	l.exited <- <-l.exited
}

// ctl runs ipvctl in the host's namespace.
func (l *lab) ctl(args ...string) (string, error) { return l.ctlIn(l.host, args...) }

func (l *lab) ctlIn(ns hosttest.NS, args ...string) (string, error) {
	words := append([]string{"netns", "exec", ns.Name, filepath.Join(l.bin, "ipvctl"), "--socket", l.socket}, args...)
	out, err := exec.Command("ip", words...).CombinedOutput()
	return string(out), err
}

// must is ctl for what has to work.
func (l *lab) must(args ...string) string {
	l.t.Helper()
	out, err := l.ctl(args...)
	if err != nil {
		l.t.Fatalf("ipvctl %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return out
}

// refused is ctl for what has to fail with a text that holds all of want.
func (l *lab) refused(args []string, want ...string) {
	l.t.Helper()
	out, err := l.ctl(args...)
	if err == nil {
		l.t.Errorf("ipvctl %s: done, want an error", strings.Join(args, " "))
	}
	for _, w := range want {
		if !strings.Contains(out, w) {
			l.t.Errorf("ipvctl %s: got %q, want %q in it", strings.Join(args, " "), out, w)
		}
	}
}

// add makes slave ipvlI and moves it to box i, with its address, as the HOWTO
// does.
func (l *lab) add(i int, words ...string) {
	l.t.Helper()
	name := fmt.Sprintf("ipvl%d", i)
	l.must(append([]string{"link", "add", "link", "eth0", name, "type", "ipvlan"}, words...)...)
	l.host.IP(fmt.Sprintf("link set dev %s netns %s", name, l.boxes[i].Name))
	l.boxes[i].IP("link set dev " + name + " up")
	l.boxes[i].IP("addr add " + boxAddr(i) + "/24 dev " + name)
	l.boxes[i].IP("route replace default via " + routerAddr + " dev " + name)
}

// plainFrames makes an interface of the router send whole frames with checksums,
// as they would come over a cable.
func (l *lab) plainFrames(name string) {
	l.t.Helper()
	out, err := exec.Command("ip", "netns", "exec", l.router.Name, "ethtool", "-K", name, "tx", "off", "tso", "off", "gso", "off").CombinedOutput()
	if err != nil {
		l.t.Fatalf("ethtool: %v: %s", err, out)
	}
}

// existing is a namespace of the lab by name.
func (l *lab) existing(name string) hosttest.NS { return hosttest.Existing(l.t, name) }

// ping pings once a try until dst answers.
func (l *lab) ping(from hosttest.NS, dst string) {
	l.t.Helper()
	l.await(from.Name+" reaches "+dst, defaultWait, func() bool { return l.reaches(from, dst) })
}

func (l *lab) reaches(from hosttest.NS, dst string) bool {
	return exec.Command("ip", "netns", "exec", from.Name, "ping", "-c", "1", "-W", "1", dst).Run() == nil
}

// await waits for what must become true.
func (l *lab) await(what string, limit time.Duration, f func() bool) {
	l.t.Helper()
	for end := time.Now().Add(limit); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// links are the masters and slaves as ipvctl shows them.
func (l *lab) links() []api.Link {
	l.t.Helper()
	return decode[[]api.Link](l, l.must("-j", "-d", "-s", "link", "show"))
}

// link is one of them.
func (l *lab) link(name string) api.Link {
	l.t.Helper()
	for _, k := range l.links() {
		if k.IfName == name {
			return k
		}
	}
	l.t.Fatalf("no link %s", name)
	return api.Link{}
}

// addrs are the addresses of slaves.
func (l *lab) addrs() []api.Addr {
	l.t.Helper()
	return decode[[]api.Addr](l, l.must("-j", "addr", "show"))
}

// state is that of an address on a slave, "" when it has none.
func (l *lab) state(name, addr string) string {
	l.t.Helper()
	for _, a := range l.addrs() {
		if a.Link == name && a.Local == addr {
			return a.State
		}
	}
	return ""
}

// verify takes the account, whose difference must be 0 at rest.
func (l *lab) verify() api.Verify {
	l.t.Helper()
	out, err := l.ctl("-j", "verify")
	v := decode[api.Verify](l, out)
	if err != nil || !v.OK || v.Difference != 0 {
		l.t.Fatalf("verify: %v: %+v", err, v.Account)
	}
	return v
}

// decode reads the value that s begins with; an error of ipvctl may follow.
func decode[T any](l *lab, s string) (v T) {
	l.t.Helper()
	if err := json.NewDecoder(strings.NewReader(s)).Decode(&v); err != nil {
		l.t.Fatalf("%v in %.1000s", err, s)
	}
	return v
}

// containsOnly says whether every line begins with one of the words.
func containsOnly(lines string, words ...string) bool {
	for line := range strings.Lines(lines) {
		if !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(line, w) }) {
			return false
		}
	}
	return true
}

// sweep removes what a test that failed in the middle has left of daemons that
// it had killed: the namespaces of wires taken over from home.
func sweep(t *testing.T, dir string, home netns.ID) {
	paths, _ := filepath.Glob(filepath.Join(dir, "*"))
	killed, _ := filepath.Glob("/run/ipvd/run-*")
	for _, path := range append(paths, killed...) {
		if records, _ := filepath.Glob(filepath.Join(path, "wires", "*.json")); len(records) == 0 {
			continue
		}
		state, err := store.Open(path)
		if err != nil {
			continue // of a daemon that runs
		}
		wires, _ := state.Wires.Load()
		own := slices.ContainsFunc(wires, func(w store.Wire) bool { return w.Home == home })
		for _, w := range wires {
			if w.Home != home {
				continue
			}
			t.Logf("removing what is left of wire %s", w.Name)
			if err := netns.Delete(w.Netns); err != nil {
				t.Error(err)
			}
		}
		state.Close()
		if own {
			os.RemoveAll(path)
		}
	}
}
