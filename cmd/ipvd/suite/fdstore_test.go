package suite

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// systemd is what the daemon believes to be started by: it hears what it says, and
// keeps its descriptors.
type systemd struct {
	l      *lab
	socket *net.UnixConn
	said   []string
	names  []string
	files  []*os.File
}

func (l *lab) newSystemd() *systemd {
	l.t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(l.dir, "n"), Net: "unixgram"})
	if err != nil {
		l.t.Fatal(err)
	}
	s := &systemd{l: l, socket: c}
	l.t.Cleanup(func() {
		c.Close()
		for _, f := range s.files {
			f.Close()
		}
	})
	return s
}

// start starts the daemon with the descriptors that were kept, and waits until it
// is ready.
func (s *systemd) start(args ...string) {
	s.l.t.Helper()
	cmd := s.l.command(args...)
	at := slices.IndexFunc(cmd.Args, func(a string) bool { return filepath.Base(a) == "ipvd" })
	// LISTEN_PID is the daemon's own, which the shell becomes.
	cmd.Args = slices.Insert(cmd.Args, at, "sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh")
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+s.socket.LocalAddr().String(), "WATCHDOG_USEC=300000",
		"LISTEN_FDS="+strconv.Itoa(len(s.files)), "LISTEN_FDNAMES="+strings.Join(s.names, ":"))
	cmd.ExtraFiles = s.files
	s.l.run(cmd)
	s.said = nil
	s.await("READY=1")
}

// run launches a command line that was made of command.
func (l *lab) run(cmd *exec.Cmd) {
	l.cmd, l.stderr = cmd, &logged{}
	cmd.Stderr = l.stderr
	exited := spawn(l.t, cmd)
	l.exited = exited
	l.t.Cleanup(func() { l.cleanup(cmd, exited) })
}

// await hears the daemon until it has said a line.
func (s *systemd) await(line string) {
	s.l.t.Helper()
	for !slices.Contains(s.said, line) {
		s.hear()
	}
}

func (s *systemd) hear() {
	s.l.t.Helper()
	b, oob := make([]byte, 1024), make([]byte, 128)
	s.socket.SetReadDeadline(time.Now().Add(time.Minute))
	n, oobn, _, _, err := s.socket.ReadMsgUnix(b, oob)
	if err != nil {
		s.l.t.Fatalf("the daemon has said %q, and no more: %v", s.said, err)
	}
	lines := strings.Split(string(b[:n]), "\n")
	s.said = append(s.said, lines...)
	name, _ := strings.CutPrefix(lines[len(lines)-1], "FDNAME=")
	switch lines[0] {
	case "FDSTORE=1":
		m, _ := unix.ParseSocketControlMessage(oob[:oobn])
		fds, err := unix.ParseUnixRights(&m[0])
		if err != nil || len(fds) != 1 {
			s.l.t.Fatalf("descriptors of %s: %v, %v", name, fds, err)
		}
		s.forget(name) // of the same file only one is kept
		s.names, s.files = append(s.names, name), append(s.files, os.NewFile(uintptr(fds[0]), name))
	case "FDSTOREREMOVE=1":
		s.forget(name)
	}
}

func (s *systemd) forget(name string) {
	if i := slices.Index(s.names, name); i >= 0 {
		s.files[i].Close()
		s.names, s.files = slices.Delete(s.names, i, i+1), slices.Delete(s.files, i, i+1)
	}
}

// TestPacketsWaitForADaemonThatIsStartedAgain: what a slave sends while the daemon
// is away arrives when it is back.
func TestPacketsWaitForADaemonThatIsStartedAgain(t *testing.T) {
	const waiting = 300
	l := newLab(t, 2)
	f := l.newDeclared(2)
	s := l.newSystemd()
	s.start(f.args()...)
	s.await("WATCHDOG=1")
	if want := []string{"eth0/1", "eth0/2"}; !slices.Equal(s.names, want) {
		t.Errorf("kept: got %v, want %v", s.names, want)
	}
	l.ping(l.boxes[0], boxAddr(1))
	to, err := socketIn(l.boxes[1], net.JoinHostPort(boxAddr(1), "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	from, err := socketIn(l.boxes[0], ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()

	l.kill()
	if got := l.boxes[0].IP("link show dev ipvl0"); !strings.Contains(got, "LOWER_UP") {
		t.Errorf("while the daemon is away: got %s, want a carrier", got)
	}
	for range waiting {
		if _, err := from.WriteToUDP([]byte("wait"), to.LocalAddr().(*net.UDPAddr)); err != nil {
			t.Fatal(err)
		}
	}
	s.start(f.args()...)
	to.SetReadDeadline(time.Now().Add(defaultWait))
	for i := range waiting {
		if _, _, err := to.ReadFromUDP(make([]byte, 16)); err != nil {
			t.Fatalf("%d of %d packets came: %v", i, waiting, err)
		}
	}
	l.ping(l.router, boxAddr(0))

	l.must("link", "del", "ipvl1", "-n", l.boxes[1].Name)
	s.await("FDSTOREREMOVE=1")
	if want := []string{"eth0/1"}; !slices.Equal(s.names, want) {
		t.Errorf("kept after a slave was removed: got %v, want %v", s.names, want)
	}
	// A slave whose interface has gone meanwhile is forgotten, and its descriptor.
	l.kill()
	l.boxes[0].IP("link del ipvl0")
	s.start(f.args()...)
	l.verify()
	l.end(unix.SIGTERM)
	s.await("STOPPING=1")
}
