// The guest is the first process of a user-mode Linux and runs a program there:
//
//	guest DIR
//
// It mounts DIR of the machine, does what the job in it says, or answers the volleys
// that DIR brings (package volley) until it is told to stop, and halts. It is built
// without cgo, since there is nothing yet when it starts.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"ipvd/cmd/ipvconform/lab"
	"ipvd/cmd/ipvconform/uml"
	"ipvd/cmd/ipvconform/volley"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Println("guest:", err)
		_ = os.WriteFile(uml.Out+"/error.txt", []byte(err.Error()), 0o644)
	}
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

func run(args []string) error {
	// The kernel adds words of its own, such as console=tty0.
	if len(args) == 0 || os.Getpid() != 1 {
		return fmt.Errorf("usage, as the first process of a guest: guest DIR, got %q", args)
	}
	if err := mount(args[0]); err != nil {
		return err
	}
	// What else is needed the kernel loads by itself, iptables' tables aside,
	// whose absence a scenario would only notice as counters that are missing.
	if err := modules("ipv6", "tun", "iptable_mangle", "ip6table_mangle", "xt_conntrack"); err != nil {
		return err
	}
	if volley.Serves(uml.Out) {
		g := volley.Gallery{Driver: func() lab.Driver { return lab.Kernel{} }, Prefix: "v"}
		return g.Serve(uml.Out)
	}
	b, err := os.ReadFile(filepath.Join(uml.Out, uml.JobFile))
	if err != nil {
		return err
	}
	var job uml.Job
	if err := json.Unmarshal(b, &job); err != nil {
		return fmt.Errorf("read %s: %w", uml.JobFile, err)
	}
	for at, dir := range job.Folders {
		if err := mountFolder(filepath.Join("/mnt", at), dir, unix.MS_RDONLY); err != nil {
			return err
		}
	}
	return do(job.Words)
}

// do runs the program to its end. Its output goes to the console; that it failed
// is told by what it leaves in the folder.
func do(words []string) error {
	if len(words) == 0 {
		return errors.New("the job has no program")
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		fmt.Printf("guest: %s: %v\n", words[0], err)
		return nil
	}
	return err
}

// mount makes what programs expect below the read-only root.
func mount(dir string) error {
	for _, m := range []struct{ kind, source, target, data string }{
		{"proc", "proc", "/proc", ""},
		{"sysfs", "sys", "/sys", ""},
		{"tmpfs", "tmp", "/run", "mode=755"},
		{"tmpfs", "tmp", "/mnt", ""},
		{"tmpfs", "tmp", "/tmp", ""},
	} {
		if err := unix.Mount(m.source, m.target, m.kind, 0, m.data); err != nil {
			return fmt.Errorf("mount %s on %s: %w", m.kind, m.target, err)
		}
	}
	for _, d := range []string{"/run/lock", "/run/netns"} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	if err := os.Setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"); err != nil {
		return err
	}
	return mountFolder(uml.Out, dir, 0)
}

// mountFolder mounts a folder of the machine.
func mountFolder(at, dir string, flags uintptr) error {
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("none", at, "hostfs", flags, dir); err != nil {
		return fmt.Errorf("mount the machine's %s on %s: %w", dir, at, err)
	}
	return nil
}

// modulesRoot is a root for modprobe that leads to the guest's modules.
const modulesRoot = "/mnt/modules"

// modules loads the kernel's modules and lets the kernel load others later.
func modules(names ...string) error {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return err
	}
	release := unix.ByteSliceToString(u.Release[:])
	lib := filepath.Join(modulesRoot, "lib/modules")
	if err := os.MkdirAll(lib, 0o755); err != nil {
		return err
	}
	if err := os.Symlink("/usr/lib/uml/modules/"+release, filepath.Join(lib, release)); err != nil {
		return err
	}
	loader := "/mnt/modprobe"
	script := "#!/bin/sh\nexec /usr/sbin/modprobe -d " + modulesRoot + " \"$@\"\n"
	if err := os.WriteFile(loader, []byte(script), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/kernel/modprobe", []byte(loader), 0); err != nil {
		return err
	}
	for _, name := range names {
		if b, err := exec.Command(loader, name).CombinedOutput(); err != nil {
			return fmt.Errorf("module %s: %w: %s", name, err, strings.TrimSpace(string(b)))
		}
	}
	return os.WriteFile("/proc/sys/kernel/printk", []byte("0"), 0)
}
