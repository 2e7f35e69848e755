package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// errAbsent: a program that ipvd is compared with is not installed, or the bench
// may not do what a row needs. Such a row is not measured, which is no fault.
var errAbsent = errors.New("cannot be measured here")

// process is a program that runs beside the bench and dies with it.
type process struct {
	cmd  *exec.Cmd
	said *recording
	end  chan error // what Wait gave
}

// recording is what a program says.
type recording struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *recording) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(b)
}

// String is the end of it.
func (r *recording) String() string {
	const enough = 500
	r.mu.Lock()
	defer r.mu.Unlock()
	b := bytes.TrimSpace(r.buf.Bytes())
	return string(b[max(0, len(b)-enough):])
}

// dieWithBench lets the kernel kill a child whose parent thread ends. The bench
// stays on one.
func dieWithBench() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL} }

// startProcess starts a program with more variables in its environment.
func startProcess(env []string, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), said: &recording{}, end: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	p.cmd.SysProcAttr = dieWithBench()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() { p.end <- p.cmd.Wait() }()
	return p, nil
}

// endLimit is how long a program may take to end when it is asked to.
const endLimit = 10 * time.Second

// stop asks the program to end, and forces it if it does not. That it dies of
// the request is as good as an end of its own. A second call gives the same
// error.
func (p *process) stop() error {
	p.signal(unix.SIGTERM)
	p.signal(unix.SIGCONT)
	var late error
	select {
	case err := <-p.end:
		p.end <- err
	case <-time.After(endLimit):
		p.signal(unix.SIGKILL)
		late = fmt.Errorf("it did not end within %v", endLimit)
		p.end <- <-p.end
	}
	err := <-p.end
	p.end <- err
	if late == nil && p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() == unix.SIGTERM {
		return nil
	}
	if err = errors.Join(late, err); err != nil {
		return fmt.Errorf("%s: %w: %s", p.cmd.Path, err, p.said)
	}
	return nil
}

func (p *process) signal(s syscall.Signal) {
	// It may have ended; Wait tells that.
	_ = p.cmd.Process.Signal(s)
}

// pause stops the program until SIGCONT, and returns when it stands still.
func (p *process) pause() error {
	p.signal(unix.SIGSTOP)
	stat := fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid)
	return p.await("it has stopped", endLimit, func() bool {
		text, err := os.ReadFile(stat)
		state := text[bytes.LastIndexByte(text, ')')+1:]
		return err == nil && bytes.HasPrefix(state, []byte(" T"))
	})
}

// await waits until ready says yes. It fails when the program ends before.
func (p *process) await(what string, limit time.Duration, ready func() bool) error {
	for begin := time.Now(); !ready(); time.Sleep(5 * time.Millisecond) {
		select {
		case err := <-p.end:
			p.end <- err
			return fmt.Errorf("%s: ended before %s: %v: %s", p.cmd.Path, what, err, p.said)
		default:
		}
		if time.Since(begin) > limit {
			return fmt.Errorf("%s: not within %v: %s: %s", p.cmd.Path, limit, what, p.said)
		}
	}
	return nil
}

// exists says whether a file is there.
func exists(path string) func() bool {
	return func() bool {
		_, err := os.Stat(path)
		return err == nil
	}
}

// command runs a program to its end and gives what it said.
func command(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %v: %w: %s", name, args, err, out)
	}
	return string(out), nil
}
