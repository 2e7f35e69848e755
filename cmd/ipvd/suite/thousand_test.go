package suite

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"ipvd/cmd/internal/api"
)

// TestThousandSlaves: a thousand TAPs of one master, each reached from the wire. It tells
// what one costs.
func TestThousandSlaves(t *testing.T) {
	const n = 1000
	l := newLab(t, 1)
	l.router.IP("link set eth0 down")
	l.router.IP("link set eth0 address " + macW + " up")
	l.start("--ephemeral", "--mode", "l3", "--log-level", "warn", "--pool", "32768", "--memory", "256")
	b := &bench{lab: l, whole: t, mac: macM, mode: "l3 bridge"}
	b.t = t
	b.watch("w", b.router, "eth0")
	before := l.footprint()
	begin := time.Now()
	b.crowd(n)
	added := time.Since(begin)
	after := l.footprint()
	b.crowdGets(n, macM, func(i int) string { return crowdAddr(i, 4) }, 1)

	begin = time.Now()
	if err := l.crowdGoes(n); err != nil {
		t.Fatal(err)
	}
	removed := time.Since(begin)
	t.Logf("added %v each, addresses included; removed %v each; %d KB and %.1f descriptors each in the daemon",
		added/n, removed/n, (after.rssKB-before.rssKB)/n, float64(after.fds-before.fds)/n)
	if kb := (after.rssKB - before.rssKB) / n; kb > 100 {
		t.Errorf("a slave takes %d KB of the daemon's memory, want 100 at most", kb)
	}
	if got := l.footprint(); got.fds > before.fds+8 {
		t.Errorf("descriptors: %d before, %d after all slaves are gone", before.fds, got.fds)
	}
	l.stop()
}

// crowdGoes deletes the slaves of crowd, with some clients at once.
func (l *lab) crowdGoes(n int) error {
	const clients = 4
	done := make(chan error, clients)
	for c := range clients {
		go func() {
			client := api.NewClient(l.socket)
			defer client.Close()
			var errs []error
			for i := 1 + c; i <= n; i += clients {
				errs = append(errs, client.LinkDel(brief(l.t), api.LinkDel{Name: fmt.Sprintf("eth0/%d", i)}))
			}
			done <- errors.Join(errs...)
		}()
	}
	var errs []error
	for range clients {
		errs = append(errs, <-done)
	}
	return errors.Join(errs...)
}
