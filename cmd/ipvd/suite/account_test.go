package suite

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/doctor"
)

func TestVerifyTellsSlavesStagesAndWorkersApart(t *testing.T) {
	l := newLookLab(t, "mode", "l2", "private")
	l.ping(l.boxes[0], routerAddr)
	l.boxes[0].IP("neigh replace " + boxAddr(1) + " lladdr " + masterMAC + " dev ipvl0")
	l.reaches(l.boxes[0], boxAddr(1))
	l.must("link", "del", "ipvl1")
	v := l.verify()
	var sum, workers api.AccountRow
	kinds := map[string]int{}
	for _, r := range v.Rows {
		kinds[r.Kind]++
		to := &sum
		if r.Kind == "worker" {
			to = &workers
		}
		to.Received, to.Copied = to.Received+r.Received, to.Copied+r.Copied
		to.Delivered, to.Dropped = to.Delivered+r.Delivered, to.Dropped+r.Dropped
		if r.Where == "ipvl0 (eth0/1)" && (r.Received == 0 || r.Delivered == 0 || r.Dropped == 0) {
			t.Errorf("of a slave that sent, received and lost: %+v", r)
		}
	}
	if want := (api.AccountRow{Received: v.Received, Copied: v.Copied, Delivered: v.Delivered, Dropped: v.Dropped}); sum != want {
		t.Errorf("rows add up to %+v, want %+v", sum, want)
	}
	if kinds["slave"] != 1 || kinds["port"] < 2 || kinds["stage"] != 2 || kinds["rest"] != 1 || kinds["worker"] != 1 {
		t.Errorf("rows of kinds %v", kinds)
	}
	if v.Reasons["private"] == 0 || v.Dropped != total(v.Reasons) {
		t.Errorf("%d packets dropped, by reasons %v", v.Dropped, v.Reasons)
	}
	lost := v.Reasons["imissed"] + v.Reasons["rx_nombuf"] + v.Reasons["rx_error"] + v.Reasons["ierrors"]
	if workers.Received != v.Received-lost {
		t.Errorf("the workers received %d packets, want %d", workers.Received, v.Received-lost)
	}
	if out := l.must("-d", "verify"); !strings.Contains(out, "worker  0 (CPU ") || !strings.Contains(out, "eth0/replicate") {
		t.Errorf("verify:\n%s", out)
	}
	l.stop()
}

func TestDoctorsExitStatusTellsOfFailures(t *testing.T) {
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(filepath.Join(bin, "ipvd"), "doctor", "-j", "--master", "nosuch0").Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(exit.Stderr), "things fail") {
		t.Errorf("exit status: %v, want 1", err)
	}
	var all []doctor.Finding
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	last := all[len(all)-1]
	if last.State != doctor.Fail || last.Name != "wire nosuch0" || last.Do == "" {
		t.Errorf("found %+v of a wire that is not there", last)
	}
}

func total(reasons map[string]uint64) (n uint64) {
	for _, part := range reasons {
		n += part
	}
	return n
}
