package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/api/apitest"
)

func TestStatusWaitsForADaemonThatIsBeingStarted(t *testing.T) {
	real := apitest.Start(t, &apitest.Daemon{Running: api.Status{Version: "v7", Masters: []string{"eth0"}}})
	late := filepath.Join(t.TempDir(), "s")
	linked := make(chan error)
	go func() {
		time.Sleep(100 * time.Millisecond) // so that it has asked in vain
		linked <- os.Symlink(real, late)
	}()
	code, out, errs := runLine(late, "status --wait 60s")
	if err := <-linked; err != nil {
		t.Fatal(err)
	}
	if code != 0 || !strings.HasPrefix(out, "ipvd v7 ") {
		t.Errorf("exit status %d, %q, output %q; want v7's status", code, errs, out)
	}
}

func TestStatusDoesNotWaitForEver(t *testing.T) {
	begin := time.Now()
	code, _, errs := runLine(filepath.Join(t.TempDir(), "nobody"), "status --wait 100ms")
	if took := time.Since(begin); code != exitRefused || !strings.Contains(errs, "no daemon answers") || took < 100*time.Millisecond {
		t.Errorf("exit status %d after %v, %q; want %d after 100ms, and that no daemon answers", code, took, errs, exitRefused)
	}
}
