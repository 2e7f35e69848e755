package suite

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/hosttest"
)

// tour is the script with two masters and ten slaves that README.md tells of.
func tour(ctx context.Context, t *testing.T) *exec.Cmd {
	t.Helper()
	hosttest.NeedRoot(t)
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "../../../deploy/tour")
	cmd.Env = append(os.Environ(), "IPVD_PROGRAMS="+bin)
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	cmd.WaitDelay = time.Minute // in which it cleans up
	return cmd
}

func TestTheTourOfTheReadme(t *testing.T) {
	out, err := tour(t.Context(), t).CombinedOutput()
	// Each of its parts must have been reached.
	for _, want := range []string{
		`ok   two masters and ten slaves run`,
		`ok   of (\d+) pings from tour-1 to 10\.1\.0\.254 \d+ were answered`,
		`ok   they are the sessions of before`,
		`ok   explain says so without a packet`,
		`ok   Prometheus finds the drop`,
		`ok   every packet received was delivered or counted as dropped: difference 0`,
		`tour: \d+ ok, 0 failed\n$`,
	} {
		if !regexp.MustCompile(want).Match(out) {
			t.Errorf("it does not say %q", want)
		}
	}
	if err != nil || t.Failed() {
		t.Errorf("deploy/tour: %v\n%s", err, out)
	}
}

func TestATourThatIsInterruptedLeavesNothingBehind(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := tour(ctx, t)
	stdout := new(logged)
	cmd.Stdout, cmd.Stderr = stdout, stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	(&lab{t: t, stderr: stdout}).await("the daemon answers", 2*time.Minute, func() bool {
		return strings.Contains(stdout.String(), "ok   the daemon answers\n")
	})
	cancel()
	if err := cmd.Wait(); err == nil {
		t.Error("it ended well, although it was interrupted")
	}
	if !strings.Contains(stdout.String(), "ok   nothing is left of the tour\n") {
		t.Errorf("it does not say that nothing is left:\n%s", stdout)
	}
	for _, path := range []string{"/run/netns/tour-host", "/run/ipvd-tour"} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is left", path)
		}
	}
}
