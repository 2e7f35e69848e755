package suite

import (
	"bytes"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/hosttest"
)

// cpuTime is what the daemon's threads have used of all CPUs.
func (l *lab) cpuTime() time.Duration {
	l.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", l.cmd.Process.Pid))
	if err != nil {
		l.t.Fatal(err)
	}
	// Fields 14 and 15 (proc_pid_stat(5)), counted behind the name, in USER_HZ.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks time.Duration
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		if err != nil {
			l.t.Fatal(err)
		}
		ticks += time.Duration(n)
	}
	return ticks * time.Second / 100
}

// idleShare is the daemon's share of a CPU over 2 seconds, the least of some tries
// until it is at most limit: interrupts of others count as the daemon's.
func (l *lab) idleShare(limit float64) float64 {
	const span = 2 * time.Second
	best := math.Inf(1)
	for try := 0; try < 10 && best > limit; try++ {
		begin, before := time.Now(), l.cpuTime()
		time.Sleep(span)
		best = min(best, float64(l.cpuTime()-before)/float64(time.Since(begin)))
	}
	return best
}

func (l *lab) status() api.Status { return decode[api.Status](l, l.must("-j", "status")) }

// pingOften pings with pauses in which workers go to sleep, until n pings are answered,
// which must be the first n.
func (l *lab) pingOften(from hosttest.NS, dst string, n int) {
	l.t.Helper()
	out, err := exec.Command("ip", "netns", "exec", from.Name, "ping", "-c", fmt.Sprint(n), "-w", "60", "-i", "0.01", dst).CombinedOutput()
	if err != nil {
		l.t.Errorf("ping %s: %v", dst, err)
	}
	for i := 1; i <= n; i++ {
		if !strings.Contains(string(out), fmt.Sprintf("icmp_seq=%d ", i)) {
			l.t.Errorf("ping %d of %d to %s is not answered", i, n, dst)
		}
	}
	l.t.Logf("%s", out[max(0, bytes.LastIndex(out, []byte("rtt"))):])
}

func TestAdaptivePollingLetsGoOfItsCPU(t *testing.T) {
	l := newLab(t, 2)
	l.start("--ephemeral", "--mode", "l2", "--log-level", "warn", "--poll", "adaptive")
	l.add(0)
	l.add(1)
	l.ping(l.router, boxAddr(0))
	l.ping(l.boxes[0], boxAddr(1))
	const most = 0.05
	share := l.idleShare(most)
	t.Logf("idle: %.2f %% of a CPU\n%s", 100*share, l.must("-d", "status"))
	if share > most {
		t.Errorf("idle: %.1f %% of a CPU, want at most 5 %%", 100*share)
	}
	// A worker that waits for a CPU is not asleep: on a busy machine it takes longer
	// until it was for half of the time.
	if l.await("the worker was asleep for half of the time", time.Minute, func() bool { return l.status().Load[0].Asleep >= 0.5 }); l.status().Poll != "adaptive" {
		t.Errorf("polling is %s", l.status().Poll)
	}
	if w := l.status().Load[0]; w.Sleeps == 0 || w.WakeP50 == 0 || w.WakeP99 < w.WakeP50 {
		t.Errorf("status says %+v", w)
	}
	l.pingOften(l.router, boxAddr(0), 50)
	l.verify()
	l.stop()
}

func TestSleepingDaemonFollowsChangesAndLosesNoBurst(t *testing.T) {
	l := newLab(t, 3)
	l.start("--ephemeral", "--mode", "l2", "--log-level", "warn", "--poll", "adaptive")
	for i := range 3 {
		time.Sleep(50 * time.Millisecond) // the worker is asleep by then
		begin := time.Now()
		l.add(i)
		t.Logf("slave %d added in %v", i, time.Since(begin))
		l.ping(l.router, boxAddr(i))
	}
	const burst = 10000
	// Room for all of it in the kernel: the sender can be faster than anybody.
	l.boxes[0].IP(fmt.Sprintf("link set ipvl0 txqueuelen %d", 2*burst))
	l.ping(l.boxes[0], boxAddr(1))
	time.Sleep(50 * time.Millisecond)
	to, err := socketIn(l.boxes[1], "0.0.0.0:7000")
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	from, err := socketIn(l.boxes[0], "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	before := l.link("ipvl1").Stats64.RX
	for range burst {
		if _, err := from.WriteTo([]byte("burst"), &net.UDPAddr{IP: net.ParseIP(boxAddr(1)), Port: 7000}); err != nil {
			t.Fatal(err)
		}
	}
	l.await("the whole burst is with its receiver", defaultWait, func() bool {
		return l.link("ipvl1").Stats64.RX.Packets-before.Packets >= burst
	})
	v := l.verify()
	if n := v.Reasons["tx_full"] + v.Reasons["rx_nombuf"] + v.Reasons["imissed"]; n != 0 {
		t.Errorf("%d packets were lost of a burst onto a sleeping worker: %v", n, v.Reasons)
	}
	time.Sleep(50 * time.Millisecond)
	begin := time.Now()
	l.stop()
	t.Logf("stopped in %v", time.Since(begin))
}

func TestBusyPollingNeverSleeps(t *testing.T) {
	l := newLab(t, 1)
	l.start("--ephemeral", "--log-level", "warn", "--poll", "busy")
	if s := l.status(); s.Poll != "busy" || s.Load[0].Sleeps != 0 || s.Load[0].Steps == 0 {
		t.Errorf("status says %+v", s)
	}
	l.stop()
}
