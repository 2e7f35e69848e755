package suite

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/store"
)

// traces is everything of a host that a daemon changes.
func (l *lab) traces() string {
	l.t.Helper()
	var all strings.Builder
	for _, args := range []string{"-4 -o addr", "route show table all", "-6 route show table all type unicast", "rule"} {
		all.WriteString(l.host.IP(args))
	}
	for _, line := range strings.Fields("nft,list,ruleset sysctl,-a,--pattern,^net\\.ipv[46]\\.(conf\\.(all|default|eth0)|ip_forward)") {
		words := append([]string{"netns", "exec", l.host.Name}, strings.Split(line, ",")...)
		out, err := exec.Command("ip", words...).CombinedOutput()
		if err != nil && words[3] == "sysctl" {
			l.t.Fatalf("%v: %v: %s", words, err, out)
		}
		all.Write(out)
	}
	// IPv6 adds and removes these by itself after the interface came up.
	return strings.Join(keep(all.String(), func(line string) bool { return !strings.Contains(line, "fe80:") && !strings.Contains(line, "ff00::") }), "")
}

func keep(text string, wanted func(string) bool) (lines []string) {
	for line := range strings.Lines(text) {
		if wanted(line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// states are the directories under /run/ipvd that are about this host.
func (l *lab) states() []string {
	l.t.Helper()
	records, err := filepath.Glob(fmt.Sprintf("/run/ipvd/run-*/*/*@%d.json", l.host.ID().Ino))
	if err != nil {
		l.t.Fatal(err)
	}
	return records
}

// wantNoTrace checks that the host is as before.
func (l *lab) wantNoTrace(before string) {
	l.t.Helper()
	after := l.traces()
	for end := time.Now().Add(defaultWait); after != before && time.Now().Before(end); after = l.traces() {
		time.Sleep(10 * time.Millisecond)
	}
	for _, line := range keep(before, func(line string) bool { return !strings.Contains(after, line) }) {
		l.t.Errorf("no longer there: %s", line)
	}
	for _, line := range keep(after, func(line string) bool { return !strings.Contains(before, line) }) {
		l.t.Errorf("new: %s", line)
	}
	if strings.Contains(l.host.IP("-d link show dev eth0"), "xdp") {
		l.t.Errorf("an XDP program is left: %s", l.host.IP("-d link show dev eth0"))
	}
	if left := l.states(); len(left) != 0 {
		l.t.Errorf("left: %v", left)
	}
}

func TestEphemeralLeavesNothing(t *testing.T) {
	for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGKILL} {
		t.Run(unix.SignalName(sig), func(t *testing.T) {
			l := newLab(t, 2)
			l.ping(l.host, routerAddr)
			before := l.traces()
			l.start("--ephemeral", "--mode", "l3s")
			l.add(0)
			l.add(1)
			l.ping(l.boxes[0], boxAddr(1))
			l.ping(l.host, routerAddr)
			if len(l.states()) == 0 || l.traces() == before {
				t.Error("nothing was changed")
			}
			if sig != unix.SIGKILL {
				l.verify()
				l.end(sig)
			} else {
				l.kill()
				l.start("--ephemeral")
				l.ping(l.host, routerAddr)
				l.stop()
			}
			for _, b := range l.boxes {
				if out := b.IP("-br link"); !containsOnly(out, "lo") {
					t.Errorf("left in %s: %s", b.Name, out)
				}
			}
			l.wantNoTrace(before)
			l.ping(l.host, routerAddr)
		})
	}
}

// TestRecoveryKeepsToItsNamespace: what a killed daemon has left in another
// namespace waits for one there, and is forgotten with the namespace.
func TestRecoveryKeepsToItsNamespace(t *testing.T) {
	a, b := newLab(t, 0), newLab(t, 0)
	a.ping(a.host, routerAddr)
	before := a.traces()
	a.start("--ephemeral", "--mode", "l3s")
	a.kill()
	b.start("--ephemeral")
	if len(a.states()) == 0 {
		t.Error("the other namespace's wire is forgotten")
	}
	b.stop()
	a.start("--ephemeral")
	a.stop()
	a.wantNoTrace(before)

	a.start("--ephemeral", "--mode", "l3s")
	a.kill()
	left := append(a.states(), a.wireNetns())
	a.host.Delete()
	b.start("--ephemeral")
	b.stop()
	for _, path := range left {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("left although its namespace has ended: %s", path)
		}
	}
}

// wireNetns is the path of the namespace in which the wire is.
func (l *lab) wireNetns() string {
	l.t.Helper()
	for _, path := range l.states() {
		text, err := os.ReadFile(path)
		if err != nil {
			l.t.Fatal(err)
		}
		if f := decode[struct{ Record store.Wire }](l, string(text)); f.Record.Netns != "" {
			return filepath.Join(netns.Dir, f.Record.Netns)
		}
	}
	l.t.Fatal("no wire is recorded")
	return ""
}
