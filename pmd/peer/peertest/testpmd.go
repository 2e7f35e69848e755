package peertest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Testpmd starts DPDK's own forwarding program, which hands on what comes by each of two
// devices to the other, and ends it with the test. It polls with one CPU.
func Testpmd(t testing.TB, devargs ...string) {
	t.Helper()
	args := []string{"--no-huge", "-m", "128", "--no-pci", "--no-shconf", "--no-telemetry",
		"--file-prefix", fmt.Sprintf("peer%d", os.Getpid()), "-l", "0,1"}
	for _, d := range devargs {
		args = append(args, "--vdev", d)
	}
	args = append(args, "--", "--forward-mode=io", "--auto-start", "--total-num-mbufs=8192", "--no-mlockall")
	cmd := exec.Command("dpdk-testpmd", args...)
	var said output
	cmd.Stdout, cmd.Stderr = &said, &said
	in, err := cmd.StdinPipe() // it ends when there is nothing to read
	if err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatalf("testpmd (Debian's package dpdk): %v", err)
	}
	t.Cleanup(func() {
		end := time.AfterFunc(Limit, func() { cmd.Process.Kill() })
		defer end.Stop()
		in.Close()
		cmd.Process.Signal(unix.SIGINT)
		cmd.Wait()
		if t.Failed() {
			t.Logf("testpmd: %s", said.String())
		}
	})
}

type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
