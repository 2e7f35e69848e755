// The guest is the first process of a user-mode Linux and runs scenarios on the
// kernel's own ipvlan driver:
//
//	guest DIR
//
// It mounts DIR of the machine, reads DIR/scenarios.json, writes
// DIR/results.json, and halts; or it answers the volleys that DIR brings
// (package volley) until it is told to stop. It is built without cgo, since the guest has no
// other libraries than the machine's.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"ipvd/cmd/ipvconform/lab"
	"ipvd/cmd/ipvconform/scenario"
	"ipvd/cmd/ipvconform/volley"
)

// out is where DIR is in the guest.
const out = "/mnt/out"

func main() {
	err := run(os.Args[1:])
	if err != nil {
		fmt.Println("guest:", err)
		_ = os.WriteFile(out+"/error.txt", []byte(err.Error()), 0o644)
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
	if err := modules("ipv6", "veth", "ipvlan", "8021q", "dummy", "ip_tables", "iptable_mangle", "ip6table_mangle", "nf_conntrack", "xt_conntrack"); err != nil {
		return err
	}
	if volley.Serves(out) {
		g := volley.Gallery{Driver: func() lab.Driver { return lab.Kernel{} }, Prefix: "v"}
		return g.Serve(out)
	}
	todo, err := scenario.Load[scenario.Scenario](out + "/scenarios.json")
	if err != nil {
		return err
	}
	var results []scenario.Result
	for i, s := range todo {
		results = append(results, lab.Run(s, lab.Kernel{}, fmt.Sprintf("o%d-", i)))
	}
	return scenario.Save(out+"/results.json", results)
}

// mount makes what programs expect below the read-only root.
func mount(dir string) error {
	for _, m := range []struct{ kind, source, target, data string }{
		{"proc", "proc", "/proc", ""},
		{"sysfs", "sys", "/sys", ""},
		{"tmpfs", "tmp", "/run", "mode=755"},
		{"tmpfs", "tmp", "/mnt", ""},
		{"hostfs", "none", out, dir},
		{"tmpfs", "tmp", "/tmp", ""},
	} {
		if m.target == out {
			if err := os.MkdirAll(out, 0o755); err != nil {
				return err
			}
		}
		if err := unix.Mount(m.source, m.target, m.kind, 0, m.data); err != nil {
			return fmt.Errorf("mount %s on %s: %w", m.kind, m.target, err)
		}
	}
	for _, d := range []string{"/run/lock", "/run/netns"} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	return os.Setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
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
