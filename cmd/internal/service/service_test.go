package service

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// listen is the socket of a systemd that the process believes to be started by.
func listen(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return c
}

// heard is a message and the descriptors that came with it.
func heard(t *testing.T, c *net.UnixConn) (text string, fds []int) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(time.Minute))
	b, oob := make([]byte, 1024), make([]byte, 1024)
	n, oobn, _, _, err := c.ReadMsgUnix(b, oob)
	if err != nil {
		t.Fatal(err)
	}
	controls, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range controls {
		got, err := unix.ParseUnixRights(&m)
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, got...)
	}
	return string(b[:n]), fds
}

func TestSystemdIsTold(t *testing.T) {
	c := listen(t)
	t.Setenv("WATCHDOG_USEC", "30000000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	m, err := Find()
	if err != nil || m.Watchdog() != 30*time.Second {
		t.Fatalf("found %+v, %v; want a watchdog of 30 s", m, err)
	}
	if left := os.Getenv("NOTIFY_SOCKET") + os.Getenv("WATCHDOG_USEC"); left != "" {
		t.Errorf("the environment still has %q, which children would take for theirs", left)
	}
	for want, tell := range map[string]func() error{
		"READY=1\nSTATUS=two":            func() error { return m.Ready("two") },
		"WATCHDOG=1":                     m.Alive,
		"STOPPING=1":                     m.Stopping,
		"FDSTOREREMOVE=1\nFDNAME=eth0/1": func() error { return m.Forget("eth0/1") },
	} {
		if err := tell(); err != nil {
			t.Fatal(err)
		}
		if got, _ := heard(t, c); got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	}
}

func TestAStoredDescriptorIsTheSameFile(t *testing.T) {
	c := listen(t)
	m, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := m.Store("eth0/7", int(f.Fd())); err != nil {
		t.Fatal(err)
	}
	text, fds := heard(t, c)
	if text != "FDSTORE=1\nFDNAME=eth0/7" || len(fds) != 1 {
		t.Fatalf("told %q with descriptors %v, want one for eth0/7", text, fds)
	}
	defer unix.Close(fds[0])
	var want, got unix.Stat_t
	if unix.Fstat(int(f.Fd()), &want) != nil || unix.Fstat(fds[0], &got) != nil || got.Ino != want.Ino {
		t.Errorf("inode %d came, want %d", got.Ino, want.Ino)
	}
}

func TestWithoutSystemdNothingIsTold(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	m, err := Find()
	if m != nil || err != nil || m.Ready("") != nil || m.Store("x", 0) != nil || m.Watchdog() != 0 {
		t.Errorf("found %+v, %v; want nobody to tell", m, err)
	}
}

func TestABadWatchdogIsNamed(t *testing.T) {
	listen(t)
	t.Setenv("WATCHDOG_USEC", "soon")
	if m, err := Find(); err == nil || m == nil || !strings.Contains(err.Error(), `"soon"`) {
		t.Errorf("found %+v, %v; want an error that names soon", m, err)
	}
}

// TestStoredDescriptorsComeByName runs itself as systemd would run a service.
func TestStoredDescriptorsComeByName(t *testing.T) {
	if os.Getenv("IPVDT_STORED") != "" {
		stored, err := Stored()
		if err != nil || len(stored) != 2 {
			t.Fatalf("stored %v, %v; want two", stored, err)
		}
		b := make([]byte, 1)
		if _, err := unix.Pread(stored["eth0/2"], b, 0); err != nil || b[0] != 'b' {
			t.Errorf("eth0/2 reads %q, %v; want b", b, err)
		}
		if again, err := Stored(); again != nil || err != nil {
			t.Errorf("a second time: %v, %v; want none", again, err)
		}
		return
	}
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh", os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "IPVDT_STORED=1", "LISTEN_FDS=2", "LISTEN_FDNAMES=eth0/1:eth0/2")
	for _, text := range []string{"a", "b"} {
		path := filepath.Join(t.TempDir(), text)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestDescriptorsForAnotherProcessAreNotTaken(t *testing.T) {
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "1")
	t.Setenv("LISTEN_FDNAMES", "x")
	if stored, err := Stored(); stored != nil || err != nil {
		t.Errorf("stored %v, %v; want none", stored, err)
	}
	t.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	t.Setenv("LISTEN_FDS", "2")
	t.Setenv("LISTEN_FDNAMES", "x")
	if _, err := Stored(); err == nil {
		t.Error("one name for two descriptors is no error")
	}
}

// mostExposed is what `systemd-analyze security` may give the unit, of 10. Options
// that give it mounts of its own would bring it to 4.7, but hide the namespace of the
// wire, mounted under /run/netns, from the start after a kill -9.
const mostExposed = "5.9"

func TestTheUnitIsHardened(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("needs systemd-analyze, of the package systemd")
	}
	threshold := strings.ReplaceAll(mostExposed, ".", "")
	out, err := exec.Command(analyze, "security", "--no-pager", "--offline=yes", "--threshold="+threshold, "../../../deploy/ipvd.service").CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	t.Log(lines[len(lines)-1])
	if err != nil {
		t.Errorf("more than %s: %v\n%s", mostExposed, err, out)
	}
}
