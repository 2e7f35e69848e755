package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// daemon is an ipvd that has taken over the lab's wire, with one worker.
type daemon struct {
	*process
	lab    *lab
	ctl    string // the program ipvctl
	socket string
	undo   func() error
}

// built finds a program of ours: beside the bench, or where make puts it.
func built(name string) (string, error) {
	places := []string{"bin"}
	if self, err := os.Executable(); err == nil {
		places = append([]string{filepath.Dir(self)}, places...)
	}
	for _, dir := range places {
		if path, err := filepath.Abs(filepath.Join(dir, name)); err == nil && exists(path)() {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not in %v (make): %w", name, places, errAbsent)
}

// startDaemon starts it with an idle-friendly worker on a CPU and waits until it
// answers. Its namespaces for the wire go with it, for `ip netns exec` gives it
// mounts of its own.
func (b *bench) startDaemon(l *lab, cpu int) (d *daemon, err error) {
	program, err := built("ipvd")
	if err != nil {
		return nil, err
	}
	d = &daemon{lab: l, socket: filepath.Join(b.dir, "ipvd.sock")}
	if d.ctl, err = built("ipvctl"); err != nil {
		return nil, err
	}
	d.process, err = startProcess(nil, "ip", "netns", "exec", l.host, program, "--master", "eth0", "--mode", "l2", "--ephemeral",
		"--poll", "adaptive", "--workers", strconv.Itoa(cpu), "--pool", "8192", "--socket", d.socket, "--group", "root", "--log-level", "warn")
	if err != nil {
		return nil, err
	}
	d.undo = b.cleanup.add(d.process.stop)
	if err := d.await("it answers", endLimit, func() bool { _, err := d.ask("status"); return err == nil }); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// ask runs ipvctl in the host's namespace.
func (d *daemon) ask(words ...string) (string, error) {
	return command("ip", append([]string{"netns", "exec", d.lab.host, d.ctl, "--socket", d.socket, "-j"}, words...)...)
}

// addSlave makes slave ipvlI and gives it to box number box, with an address if
// it is that box's first.
func (d *daemon) addSlave(i, box int) error {
	name, ns := fmt.Sprintf("ipvl%d", i), d.lab.boxes[box]
	if _, err := d.ask("link", "add", "link", "eth0", name, "type", "ipvlan"); err != nil {
		return err
	}
	return errors.Join(
		in(d.lab.host, "ip", "link", "set", name, "netns", ns),
		in(ns, "ip", "link", "set", name, "up"),
		in(ns, "ip", "addr", "add", fmt.Sprintf("10.0.0.%d/24", 11+i), "dev", name))
}

// sleeps is how often the worker has gone to sleep.
func (d *daemon) sleeps() (uint64, error) {
	said, err := d.ask("status")
	if err != nil {
		return 0, err
	}
	var status struct {
		Load []struct{ Sleeps uint64 }
	}
	if err := json.Unmarshal([]byte(said), &status); err != nil || len(status.Load) != 1 {
		return 0, fmt.Errorf("ipvd says of its worker %q: %w", said, err)
	}
	return status.Load[0].Sleeps, nil
}

// cpuTime is what all threads of the daemon have used so far.
func (d *daemon) cpuTime() (sum time.Duration, err error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", d.cmd.Process.Pid))
	for _, task := range tasks {
		t, err := cpuTime(task)
		if err != nil {
			return 0, err
		}
		sum += t
	}
	return sum, err
}

// verify says whether the daemon accounts for every packet.
func (d *daemon) verify() error {
	_, err := d.ask("verify")
	return err
}

func (d *daemon) close() error { return d.undo() }
