// Package uml runs a program as the first process of a user-mode Linux, that is
// of a second kernel in an ordinary process: Debian's package user-mode-linux,
// whose kernel has the ipvlan driver that the machine's own may lack.
//
// The guest's root is the machine's own, read-only. One folder of the machine
// can be written to, and carries what goes in and comes out.
package uml

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ErrUnsupported is wrapped when the machine cannot run user-mode Linux.
var ErrUnsupported = errors.New("user-mode Linux does not run here")

// Kernel is the program, of Debian's package user-mode-linux.
const Kernel = "linux.uml"

//go:embed shim/ptrace.c
var shim []byte

// Guest is what runs.
type Guest struct {
	Init   string        // the guest's first process, a program without shared libraries
	Args   []string      // of Init, without spaces
	Dir    string        // the folder that the guest may write to, mounted by Init; absolute
	Memory int           // MiB
	Limit  time.Duration // after which the guest is ended
}

// Check gives an error that wraps ErrUnsupported when no guest can run.
func Check() error {
	if runtime.GOARCH != "amd64" {
		return fmt.Errorf("%w: it needs x86-64, not %s", ErrUnsupported, runtime.GOARCH)
	}
	for program, pkg := range map[string]string{Kernel: "user-mode-linux", "modprobe": "kmod", "gcc": "gcc"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w: %s is missing: install the package %s", ErrUnsupported, program, pkg)
		}
	}
	return checkPtrace()
}

// checkPtrace traces a process, as user-mode Linux does with each of its own:
// containers may not be allowed to.
func checkPtrace() error {
	runtime.LockOSThread() // the thread that traces
	defer runtime.UnlockOSThread()
	cmd := exec.Command("true")
	cmd.SysProcAttr = &unix.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%w: a process cannot be traced (ptrace(2)): %w", ErrUnsupported, err)
	}
	_ = cmd.Process.Kill() // it has stopped before its first instruction
	_ = cmd.Wait()
	return nil
}

// Run boots the guest and waits until it halts. Its console is the error's text
// when it did not end by itself; whether Init did its work only what it left in
// Dir tells.
func Run(ctx context.Context, g Guest) (console string, err error) {
	if err := Check(); err != nil {
		return "", err
	}
	preload, err := buildShim(g.Dir)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, g.Limit)
	defer cancel()
	args := []string{fmt.Sprintf("mem=%dM", g.Memory), "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "quiet",
		"con=null", "con0=fd:0,fd:1", "con1=null", "ssl=null", "uml_dir=" + g.Dir, "umid=guest", "init=" + g.Init, "--"}
	cmd := exec.CommandContext(ctx, Kernel, append(args, g.Args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = append(os.Environ(), "LD_PRELOAD="+preload, "TMPDIR="+memoryDir(g.Dir, g.Memory))
	// The guest's processes are processes here, and outlive their kernel.
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	err = cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("ended after %v: %w", g.Limit, ctx.Err())
	}
	if err != nil {
		return out.String(), fmt.Errorf("%s %s: %w: %s", Kernel, strings.Join(g.Args, " "), err, lastLines(out.String()))
	}
	return out.String(), nil
}

// memoryDir is where the guest's memory lies: in memory, if there is room. The
// folder of a container is often small, and the guest would end with SIGBUS.
func memoryDir(otherwise string, mebibytes int) string {
	const shm = "/dev/shm"
	var st unix.Statfs_t
	if unix.Statfs(shm, &st) == nil && st.Type == unix.TMPFS_MAGIC && st.Bavail*uint64(st.Bsize)>>20 >= uint64(mebibytes) {
		return shm
	}
	return otherwise
}

// buildShim compiles what linux.uml needs preloaded on CPUs with AMX.
func buildShim(dir string) (string, error) {
	source, library := filepath.Join(dir, "ptrace.c"), filepath.Join(dir, "ptrace.so")
	if err := os.WriteFile(source, shim, 0o644); err != nil {
		return "", err
	}
	if out, err := exec.Command("gcc", "-O2", "-shared", "-fPIC", "-o", library, source).CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile %s: %w: %s", source, err, out)
	}
	return library, nil
}

// lastLines is the end of a console's text.
func lastLines(s string) string {
	const most = 2000
	return s[max(0, len(s)-most):]
}
