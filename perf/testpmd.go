package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"ipvd/perf/measure"
)

// What it says when it is ready, and when it has stopped forwarding.
const (
	testpmdReady   = "testpmd> "
	testpmdStopped = "Done.\n"
)

// testpmd is DPDK's own forwarding program with the bed's kind of ports: a
// process of its own, whose worker thread sleeps between turns.
type testpmd struct {
	cmd    *exec.Cmd
	cancel func() // kills it
	in     io.WriteCloser
	out    *bufio.Reader
	sched  string // /proc file with the worker's CPU time
}

// startTestpmd starts it in a forwarding mode, on the file that the bed's source
// reads. It needs Debian's package dpdk and two CPUs.
func (b *bench) startTestpmd(t *bed, mode string) (p *testpmd, err error) {
	return b.startTestpmdWith([]string{"net_pcap0,infinite_rx=1,rx_pcap=" + t.file, "net_null0,no-rx=1"}, mode, t.cfg.burst, len(t.cfg.frames)+spare)
}

// startTestpmdWith starts it with devices of its own.
func (b *bench) startTestpmdWith(vdevs []string, mode string, burst, mbufs int) (p *testpmd, err error) {
	if _, err := exec.LookPath("dpdk-testpmd"); err != nil {
		return nil, fmt.Errorf("testpmd is not installed (make bench-deps): %w", errAbsent)
	}
	ctx, cancel := context.WithTimeout(context.Background(), testpmdLimit)
	// stdbuf makes it say what it says at the end of a line, into a pipe as well.
	args := []string{"-oL", "dpdk-testpmd", "--no-huge", "-m", "256", "--no-pci", "--no-shconf", "--no-telemetry",
		"--file-prefix", fmt.Sprintf("perf%dpmd", os.Getpid()), "-l", "0,1"}
	for _, d := range vdevs {
		args = append(args, "--vdev", d)
	}
	args = append(args, "--", "-i", "--forward-mode="+mode, fmt.Sprintf("--burst=%d", burst), fmt.Sprintf("--mbcache=%d", 2*burst),
		fmt.Sprintf("--total-num-mbufs=%d", mbufs), "--no-mlockall")
	cmd := exec.CommandContext(ctx, "stdbuf", args...)
	cmd.SysProcAttr = dieWithBench()
	p = &testpmd{cmd: cmd, cancel: cancel}
	out, err := cmd.StdoutPipe()
	if err == nil {
		p.in, err = cmd.StdinPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("testpmd: %w", err)
	}
	p.out = bufio.NewReader(out)
	if _, err = p.until(testpmdReady); err == nil {
		p.sched, err = threadSchedstat(cmd.Process.Pid, "-worker-")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("testpmd: %w", err), p.close())
	}
	return p, nil
}

// until reads what it says up to the next mark.
func (p *testpmd) until(mark string) (string, error) {
	var b strings.Builder
	for !strings.HasSuffix(b.String(), mark) {
		c, err := p.out.ReadByte()
		if err != nil {
			return b.String(), fmt.Errorf("testpmd: no %q in %q: %w", mark, b.String(), err)
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}

// testpmdLimit ends one that hangs.
const testpmdLimit = 5 * time.Minute

// turnTime is how long a foreign program forwards in a turn.
const turnTime = 50 * time.Millisecond

// variant is turns of forwarding. Every packet received must have been sent.
func (p *testpmd) variant(name string) measure.Variant {
	return measure.Variant{Name: name, Run: func() (s measure.Sample, err error) {
		before, err := cpuTime(p.sched)
		if err != nil {
			return s, err
		}
		said, err := p.forward()
		if err != nil {
			return s, err
		}
		after, err := cpuTime(p.sched)
		if err != nil {
			return s, err
		}
		rx, tx, err := accumulated(said)
		if err == nil && rx != tx {
			err = fmt.Errorf("testpmd received %d packets and sent %d", rx, tx)
		}
		return measure.Sample{Work: rx, CPU: after - before}, err
	}}
}

// forward lets it forward for a turn and gives what it says about it.
func (p *testpmd) forward() (said string, err error) {
	if _, err := io.WriteString(p.in, "start\n"); err != nil {
		return "", fmt.Errorf("testpmd: start: %w", err)
	}
	time.Sleep(turnTime)
	if _, err := io.WriteString(p.in, "stop\n"); err != nil {
		return "", fmt.Errorf("testpmd: stop: %w", err)
	}
	return p.until(testpmdStopped)
}

var accumulatedCounts = regexp.MustCompile(`(?s)Accumulated forward statistics.*?RX-packets: (\d+).*?TX-packets: (\d+)`)

// accumulated reads what testpmd says when it stops.
func accumulated(said string) (rx, tx uint64, err error) {
	m := accumulatedCounts.FindStringSubmatch(said)
	if m == nil {
		return 0, 0, fmt.Errorf("testpmd: no statistics in %q", said)
	}
	rx, errRx := strconv.ParseUint(m[1], 10, 64)
	tx, errTx := strconv.ParseUint(m[2], 10, 64)
	return rx, tx, errors.Join(errRx, errTx)
}

// close ends the process.
func (p *testpmd) close() error {
	defer p.cancel()
	_, err := io.WriteString(p.in, "quit\n")
	p.in.Close()
	_, drain := io.Copy(io.Discard, p.out)
	return errors.Join(err, drain, p.cmd.Wait())
}
