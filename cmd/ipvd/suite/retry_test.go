package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSlaveThatSomebodyElseHasComesBack(t *testing.T) {
	l := newLab(t, 3)
	args := []string{"--mode", "l2", "--state-dir", filepath.Join(l.dir, "state")}
	l.start(args...)
	for i := range l.boxes {
		l.add(i)
	}
	l.ping(l.boxes[0], boxAddr(1))
	l.stop()
	thief := l.boxes[0].TAP("ipvl0")
	l.start(args...)

	holder := fmt.Sprintf("in use by pid %d (%.15s)", os.Getpid(), filepath.Base(os.Args[0])) // as proc_pid_comm(5) cuts it
	if k := l.link("ipvl0"); !strings.Contains(k.State, holder) || k.ID != 1 || k.Netns != l.boxes[0].Name {
		t.Errorf("link show: %+v, want slave 1 in %s, %s", k, l.boxes[0].Name, holder)
	}
	says(t, "the log", l.stderr.String(), holder, "next_try")
	for _, name := range []string{"ipvl0", "eth0/1"} {
		l.refused([]string{"link", "del", name}, "not taken up yet", holder)
	}
	l.ping(l.boxes[1], boxAddr(2))
	l.ping(l.boxes[2], routerAddr)
	if l.must("link", "add", "link", "eth0", "new", "type", "ipvlan"); l.link("new").ID != 4 {
		t.Errorf("a new slave has id %d, want 4", l.link("new").ID)
	}
	l.await("a second try", defaultWait, func() bool { return strings.Count(l.stderr.String(), `"next_try"`) >= 2 })

	thief.Close()
	l.await("the slave is back", defaultWait, func() bool { return l.link("ipvl0").State == "ok" })
	l.ping(l.boxes[0], boxAddr(1))
	l.ping(l.router, boxAddr(0))
	if n := len(l.links()); n != 5 {
		t.Errorf("%d links at the end, want the master and 4 slaves", n)
	}
	l.verify()
	l.stop()
}
