package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// commandLimit is how long a command may take.
const commandLimit = 20 * time.Second

// run runs a scenario's command at a port.
func (l *Lab) run(at, cmd string) (status int, out string) {
	return shell(l.Namespace(at), l.driver.Command(l, at, cmd))
}

// shell runs cmd in a namespace and gives what it printed. The status of a
// command that could not run is 127, as a shell's.
func shell(ns, cmd string) (status int, out string) {
	ctx, cancel := context.WithTimeout(context.Background(), commandLimit)
	defer cancel()
	b, err := exec.CommandContext(ctx, "ip", "netns", "exec", ns, "sh", "-c", cmd).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, string(b)
	case errors.As(err, &exit):
		return exit.ExitCode(), string(b)
	}
	return 127, err.Error()
}

// ip runs commands of ip(8) in a namespace, or in ours when ns is empty.
func ip(ns string, commands ...string) error {
	args := []string{"-batch", "-"}
	if ns != "" {
		args = append([]string{"-n", ns}, args...)
	}
	c := exec.Command("ip", args...)
	c.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("ip -n %q: %s: %w: %s", ns, strings.Join(commands, "; "), err, bytes.TrimSpace(out))
	}
	return nil
}

// IP runs commands of ip(8) in a port's namespace.
func (l *Lab) IP(port string, commands ...string) error { return ip(l.Namespace(port), commands...) }
