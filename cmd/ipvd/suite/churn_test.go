package suite

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"ipvd/cmd/internal/api"
)

// footprint is what a daemon holds.
type footprint struct {
	fds, threads, rssKB, mbufs int
	links                      int // interfaces in the host's namespace
}

func (l *lab) footprint() (f footprint) {
	l.t.Helper()
	dir := fmt.Sprintf("/proc/%d", l.cmd.Process.Pid)
	entries, err := os.ReadDir(dir + "/fd")
	if err != nil {
		l.t.Fatal(err)
	}
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		l.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		fmt.Sscanf(line, "Threads: %d", &f.threads)
		fmt.Sscanf(line, "VmRSS: %d", &f.rssKB)
	}
	f.fds, f.mbufs = len(entries), l.verify().MbufsInUse
	f.links = strings.Count(l.host.IP("-o link"), "\n")
	return f
}

// TestSlavesComeAndGoUnderTraffic: nothing is lost on the others, nothing stays
// behind.
func TestSlavesComeAndGoUnderTraffic(t *testing.T) {
	const cycles, clients = 1000, 4
	l := newLab(t, 3)
	l.start("--ephemeral", "--mode", "l2", "--log-level", "warn")
	l.add(0)
	l.add(1)
	l.churn(clients, 40) // threads and heap reach their size
	l.ping(l.boxes[0], boxAddr(1))
	l.ping(l.router, boxAddr(0))
	before := l.footprint()

	east, north := l.stream(l.boxes[0], l.boxes[1], boxAddr(1)), l.stream(l.router, l.boxes[0], boxAddr(0))
	begin := time.Now()
	l.churn(clients, cycles)
	took := time.Since(begin)
	east.wantNoLoss(t, "slave to slave")
	north.wantNoLoss(t, "router to slave")
	t.Logf("%.0f cycles per second", cycles/took.Seconds())

	var after footprint
	l.await("descriptors, mbufs and interfaces are as before", defaultWait, func() bool {
		after = l.footprint()
		return after.fds <= before.fds && after.mbufs == before.mbufs && after.links == before.links
	})
	t.Logf("before %+v, after %+v", before, after)
	if after.threads > before.threads+4 || after.rssKB > before.rssKB+16<<10 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	l.stop()
}

// churn adds slaves to box 2, uses and deletes them, with some clients at once:
// the kernel makes each wait for tens of milliseconds, mostly not for another.
func (l *lab) churn(clients, cycles int) {
	l.t.Helper()
	done := make(chan error)
	for i := range clients {
		go func() {
			done <- l.churner(fmt.Sprintf("churn%d", i), fmt.Sprintf("10.0.0.%d/24", 100+i), cycles/clients)
		}()
	}
	for range clients {
		if err := <-done; err != nil {
			l.t.Error(err)
		}
	}
	if l.t.Failed() {
		l.t.FailNow()
	}
}

func (l *lab) churner(name, addr string, cycles int) error {
	c := api.NewClient(l.socket)
	defer c.Close()
	ctx, box := context.Background(), l.boxes[2].Name
	for i := range cycles {
		_, err := c.LinkAdd(ctx, api.LinkAdd{Master: "eth0", Name: name, Netns: box})
		if err == nil {
			err = c.AddrAdd(ctx, api.AddrChange{Name: name, Netns: box, Addr: addr})
		}
		if err == nil {
			err = c.LinkDel(ctx, api.LinkDel{Name: name, Netns: box})
		}
		if err != nil {
			return fmt.Errorf("%s, cycle %d: %w", name, i, err)
		}
	}
	return nil
}
