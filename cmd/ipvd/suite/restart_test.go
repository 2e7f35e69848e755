package suite

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/hosttest"
	"ipvd/cmd/internal/host/netns"
)

// talk is a TCP connection between two containers.
type talk struct {
	t    *testing.T
	a, b net.Conn
	n    int
}

func (l *lab) talk(from, to hosttest.NS, addr string) *talk {
	l.t.Helper()
	c := &talk{t: l.t}
	err := inNS(to, func() error {
		ln, err := net.Listen("tcp", net.JoinHostPort(addr, "7001"))
		if err != nil {
			return err
		}
		defer ln.Close()
		if err := inNS(from, func() (err error) {
			c.a, err = net.DialTimeout("tcp", ln.Addr().String(), defaultWait)
			return err
		}); err != nil {
			return err
		}
		c.b, err = ln.Accept()
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.a.Close(); c.b.Close() })
	return c
}

// inNS is hosttest.NS.Do that gives its error.
func inNS(ns hosttest.NS, f func() error) error {
	fd, err := netns.Open(ns.Name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return netns.Run(fd, f)
}

// say sends a line and waits for it at the other end. A retransmission may take
// some seconds.
func (c *talk) say() {
	c.t.Helper()
	c.n++
	want := fmt.Sprintf("line %d\n", c.n)
	c.b.SetReadDeadline(time.Now().Add(time.Minute))
	fmt.Fprint(c.a, want)
	if got, err := bufio.NewReader(c.b).ReadString('\n'); err != nil || got != want {
		c.t.Errorf("TCP connection: got %q, %v; want %q", got, err, want)
	}
}

// unnamed is a namespace that nothing but a process keeps. It is given as that
// process's id, which ip(8) and ipvctl take for a name.
func (l *lab) unnamed() (pid string, end func()) {
	l.t.Helper()
	cmd := exec.Command("unshare", "-n", "sleep", "600")
	exited := spawn(l.t, cmd)
	pid = strconv.Itoa(cmd.Process.Pid)
	own, _ := netns.IDOf(netns.Here)
	l.await("the process is in its namespace", defaultWait, func() bool {
		fd, err := netns.Open(pid)
		if err != nil {
			return false
		}
		defer unix.Close(fd)
		id, err := netns.IDOf(fd)
		return err == nil && id != own
	})
	end = func() { cmd.Process.Kill(); exited <- <-exited }
	l.t.Cleanup(end)
	return pid, end
}

// canary puts an end of a veth into a namespace; what it gives says whether that
// namespace has ended, which takes the other end away. No MAC address may have a
// part that is like name.
func (l *lab) canary(name, ns string) (ended func() bool) {
	l.t.Helper()
	l.router.IP("link add " + name + " type veth peer name canary netns " + ns)
	return func() bool { return !strings.Contains(l.router.IP("-br link"), name) }
}

// logHolders tells which threads are in a namespace, and which descriptors are of
// it, while it ought to have ended.
func (l *lab) logHolders(ns string) {
	for _, pattern := range []string{"/proc/[0-9]*/task/[0-9]*/ns/net", "/proc/[0-9]*/fd/*"} {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			if at, err := os.Readlink(path); err == nil && at == ns {
				comm, _ := os.ReadFile(filepath.Join("/proc", strings.Split(path, "/")[2], "comm"))
				l.t.Logf("%s is kept by %s of %s", ns, path, comm)
			}
		}
	}
}

func TestRestartTakesSlavesUp(t *testing.T) {
	for name, end := range map[string]func(*lab){"SIGTERM": (*lab).stop, "SIGKILL": (*lab).kill} {
		t.Run(name, func(t *testing.T) { restart(t, end) })
	}
}

func restart(t *testing.T, end func(*lab)) {
	l := newLab(t, 4)
	args := []string{"--mode", "l2", "--state-dir", filepath.Join(l.dir, "state")}
	l.start(args...)
	for i := range l.boxes {
		l.add(i)
	}
	pid, killHolder := l.unnamed()
	l.must("link", "add", "link", "eth0", "eth0", "netns", pid, "type", "ipvlan")
	l.must("addr", "add", "10.0.0.50/24", "dev", "eth0/5")
	l.ping(l.boxes[0], boxAddr(1))
	l.ping(l.router, boxAddr(2))
	talk := l.talk(l.boxes[0], l.boxes[1], boxAddr(1))
	talk.say()
	before := l.boxes[0].IP("-4 -o addr show dev ipvl0") + l.boxes[0].IP("route")

	end(l)
	if got := strings.ReplaceAll(l.boxes[0].IP("route"), " linkdown", ""); !strings.Contains(before, got) || got == "" {
		t.Errorf("routes while the daemon is away: got %q, want those of %q", got, before)
	}
	l.boxes[2].IP("link set ipvl2 down")
	l.boxes[2].IP("link set ipvl2 name other")
	l.boxes[2].IP("link set other up")
	l.boxes[3].Delete()

	l.start(args...)
	talk.say()
	if got := l.boxes[0].IP("-4 -o addr show dev ipvl0") + l.boxes[0].IP("route"); got != before {
		t.Errorf("after the restart: got %s, want %s", got, before)
	}
	l.ping(l.router, boxAddr(0))
	l.ping(l.router, boxAddr(2))
	l.await("the new name is known", defaultWait, func() bool { return l.state("other", boxAddr(2)) == "active" })
	if len(l.links()) != 1+4 {
		t.Errorf("links: got %+v, want eth0 and four slaves", l.links())
	}
	if !strings.Contains(l.stderr.String(), "is forgotten: its interface or namespace has ended") {
		t.Error("no word in the log about the slave whose namespace was deleted")
	}
	// The daemon keeps the namespaces of slaves that it has taken up by its
	// descriptors, and must notice that nobody else does.
	ended := l.canary("canary0", l.boxes[2].Name)
	l.boxes[2].Delete()
	l.await("the namespace of a slave taken up ends with its name", defaultWait, ended)
	endedToo := l.canary("canary1", pid)
	held, err := os.Readlink("/proc/" + pid + "/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	killHolder()
	t.Cleanup(func() {
		if t.Failed() {
			l.logHolders(held)
		}
	})
	l.await("the namespace of a slave taken up ends with its process", time.Minute, endedToo)
	l.await("both slaves are gone", time.Minute, func() bool { return len(l.links()) == 1+2 })
	talk.say()
	l.verify()
	l.stop()
}
