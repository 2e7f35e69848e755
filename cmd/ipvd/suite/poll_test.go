package suite

import (
	"bytes"
	"fmt"
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

// idleShare is the daemon's share of a CPU over 2 seconds.
func (l *lab) idleShare() float64 {
	const span = 2 * time.Second
	before := l.cpuTime()
	time.Sleep(span)
	return float64(l.cpuTime()-before) / float64(span)
}

func (l *lab) status() api.Status { return decode[api.Status](l, l.must("-j", "status")) }

// pingOften pings n times, with pauses in which workers go to sleep. For the last
// answer ping waits hardly longer than the others took: it may be missing.
func (l *lab) pingOften(from hosttest.NS, dst string, n int) {
	l.t.Helper()
	out, err := exec.Command("ip", "netns", "exec", from.Name, "ping", "-c", fmt.Sprint(n), "-i", "0.01", dst).CombinedOutput()
	if err != nil {
		l.t.Errorf("ping %s: %v", dst, err)
	}
	for i := 1; i < n; i++ {
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
	share := l.idleShare()
	t.Logf("idle: %.2f %% of a CPU\n%s", 100*share, l.must("-d", "status"))
	if share > 0.05 {
		t.Errorf("idle: %.1f %% of a CPU, want at most 5 %%", 100*share)
	}
	s := l.status()
	if w := s.Load[0]; s.Poll != "adaptive" || w.Sleeps == 0 || w.Asleep < 0.5 || w.WakeP50 == 0 || w.WakeP99 < w.WakeP50 {
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
