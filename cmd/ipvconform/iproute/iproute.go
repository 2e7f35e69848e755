// Package iproute does the work of ip(8) in scenarios' commands: what concerns
// ipvlan links ipvctl does for it, and everything else the machine's own ip.
//
// A link that ipvd has made is a TAP whose alias says so, `ipvd:MASTER:ID`, as
// the host port's says `ipvd:MASTER`; by that it is known in any namespace and
// under any name. What ip shows of a slave is told in the kernel driver's words.
package iproute

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Names of the environment variables that Setting makes and FromEnv reads.
const (
	envIP      = "IPVCONFORM_IP"
	envControl = "IPVCONFORM_CONTROL"
	envSocket  = "IPVD_SOCKET" // ipvctl's own
)

// Exit statuses of ip(8).
const (
	exitUsage   = 1   // also of an interface that is not there
	exitRefused = 2   // by the kernel
	exitLost    = 127 // a program could not be run
)

// Tool is ip(8) for scenarios.
type Tool struct {
	IP      string // the machine's own program
	Control string // ipvctl

	in       io.Reader
	out, err io.Writer
}

// Environment is what the processes of a scenario's commands need, so that FromEnv
// gives this tool in them.
func (t Tool) Environment(socket string) []string {
	return []string{envIP + "=" + t.IP, envControl + "=" + t.Control, envSocket + "=" + socket}
}

// FromEnv is the tool that the environment describes.
func FromEnv() (Tool, error) {
	t := Tool{IP: os.Getenv(envIP), Control: os.Getenv(envControl), in: os.Stdin, out: os.Stdout, err: os.Stderr}
	if t.IP == "" || t.Control == "" {
		return t, fmt.Errorf("%s and %s are not set: as ip this program runs in the commands of scenarios only", envIP, envControl)
	}
	return t, nil
}

// Run does one command line, and gives the exit status.
func (t Tool) Run(args []string) int {
	l := parse(args)
	switch {
	case l.batch != "":
		return t.batch(l)
	case !l.concerns():
		return t.pass(args...)
	case l.netns != "":
		// Names are looked up where the line says, by ourselves.
		return t.pass(append([]string{"netns", "exec", l.netns, "ip"}, l.words()...)...)
	}
	var status int
	var err error
	switch l.verb {
	case "add", "replace":
		status, err = t.add(l)
	case "set":
		status, err = t.set(l)
	case "delete":
		status, err = t.remove(l)
	default:
		status, err = t.show(l)
	}
	if err != nil {
		fmt.Fprintf(t.err, "ip %v: %v\n", args, err)
		return max(status, exitUsage)
	}
	return status
}

// pass lets the machine's ip do it.
func (t Tool) pass(args ...string) int { return t.run(t.IP, args...) }

// control lets ipvctl do it.
func (t Tool) control(args ...string) int { return t.run(t.Control, args...) }

func (t Tool) run(program string, args ...string) int {
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = t.in, t.out, t.err
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	fmt.Fprintf(t.err, "%s: %v\n", program, err)
	return exitLost
}
