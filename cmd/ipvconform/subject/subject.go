// Package subject puts ipvd in the place of the kernel's driver: a daemon that
// takes the scenario's eth0 over, and its client for what a scenario asks of
// ip(8).
package subject

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/ipvconform/iproute"
	"ipvd/cmd/ipvconform/lab"
	"ipvd/cmd/ipvconform/scenario"
)

// Limits of waiting for the daemon.
const (
	startLimit = 60 * time.Second
	stopLimit  = 30 * time.Second
	pause      = 20 * time.Millisecond // between two questions
)

// Config says how the daemon is started.
type Config struct {
	Bin   string   // folder of ipvd and ipvctl
	Flags []string // of the daemon, beside those that this package needs
	Self  string   // the program ipvconform; empty: the one that runs
}

// Driver is a lab.Driver. Each runs one scenario.
type Driver struct {
	config Config
	dir    string // of the daemon's socket and state
	log    bytes.Buffer
	cmd    *exec.Cmd
	exited chan error
	client *api.Client // once asked
	ip     iproute.Tool
}

var _ lab.Driver = (*Driver)(nil)

// New makes a driver.
func New(c Config) *Driver { return &Driver{config: c} }

// Start starts the daemon in the host's namespace and waits until it answers.
func (d *Driver) Start(l *lab.Lab) (err error) {
	if d.dir, err = os.MkdirTemp("", "ipvconform-"); err != nil {
		return err
	}
	if err := d.tools(); err != nil {
		return err
	}
	args := append([]string{"netns", "exec", l.Namespace(scenario.Host), filepath.Join(d.config.Bin, "ipvd"), "--master", lab.Master,
		"--mode", l.Scenario.Mode, "--flag", l.Scenario.FlagWord(), "--socket", d.socket(), "--state-dir", filepath.Join(d.dir, "state"),
		"--gro", "off", // no wire of the kernel's driver merges frames there
		"--group", "root", "--pool", "8192", "--ephemeral"}, d.config.Flags...)
	d.cmd = exec.Command("ip", args...)
	d.cmd.Stderr = &d.log
	d.cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		return fmt.Errorf("start ipvd: %w", err)
	}
	d.exited = make(chan error, 1)
	go func() { d.exited <- d.cmd.Wait() }()
	for end := time.Now().Add(startLimit); ; time.Sleep(pause) {
		_, err := d.control(l, "link", "show")
		if err == nil {
			return nil
		}
		select {
		case err := <-d.exited:
			d.exited <- err
			return fmt.Errorf("ipvd ended: %w: %s", err, d.log.Bytes())
		default:
		}
		if time.Now().After(end) {
			return fmt.Errorf("ipvd does not answer within %v: %w", startLimit, err)
		}
	}
}

func (d *Driver) socket() string { return filepath.Join(d.dir, "s") }

// control runs the client in the host's namespace.
func (d *Driver) control(l *lab.Lab, args ...string) (string, error) {
	words := append([]string{"netns", "exec", l.Namespace(scenario.Host), filepath.Join(d.config.Bin, "ipvctl"), "--socket", d.socket()}, args...)
	out, err := exec.Command("ip", words...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("ipvctl %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// AddSlave makes the link in the host's namespace and moves it, as with the
// kernel's driver.
func (d *Driver) AddSlave(l *lab.Lab, s scenario.Slave) error {
	if _, err := d.control(l, "link", "add", "link", lab.Master, "name", s.Name, "type", "ipvlan",
		"mode", l.Scenario.Mode, l.Scenario.FlagWord()); err != nil {
		return err
	}
	return l.IP(scenario.Host, fmt.Sprintf("link set dev %s netns %s", s.Name, l.Namespace(s.Name)))
}

// Queues is true: a worker forwards when its CPU lets it.
func (d *Driver) Queues() bool { return true }

// Command lets a command find iproute's ip(8) before the machine's own.
func (d *Driver) Command(_ *lab.Lab, _, cmd string) string {
	words := append(d.ip.Environment(d.socket()), "PATH="+filepath.Join(d.dir, toolFolder)+":"+os.Getenv("PATH"))
	for i, w := range words {
		name, value, _ := strings.Cut(w, "=")
		words[i] = name + "='" + strings.ReplaceAll(value, "'", `'\''`) + "'"
	}
	return "export " + strings.Join(words, " ") + "; " + cmd
}

// toolFolder holds ip, in the driver's folder.
const toolFolder = "bin"

// tools makes the folder that comes first in the commands' PATH.
func (d *Driver) tools() (err error) {
	self := d.config.Self
	if self == "" {
		if self, err = os.Executable(); err != nil {
			return err
		}
	}
	if d.ip.IP, err = exec.LookPath("ip"); err != nil {
		return err
	}
	if d.ip.Control, err = filepath.Abs(filepath.Join(d.config.Bin, "ipvctl")); err != nil {
		return err
	}
	dir := filepath.Join(d.dir, toolFolder)
	return errors.Join(os.Mkdir(dir, 0o755), os.Symlink(self, filepath.Join(dir, "ip")))
}

// Close ends the daemon.
func (d *Driver) Close() error {
	defer os.RemoveAll(d.dir)
	if d.client != nil {
		d.client.Close()
	}
	if d.exited == nil {
		return nil
	}
	_ = d.cmd.Process.Signal(unix.SIGTERM)
	select {
	case err := <-d.exited:
		if err != nil {
			return fmt.Errorf("ipvd ended with %w: %s", err, d.log.Bytes())
		}
		return nil
	case <-time.After(stopLimit):
		_ = d.cmd.Process.Kill()
		return errors.Join(fmt.Errorf("ipvd does not end within %v", stopLimit), <-d.exited)
	}
}
