// Command ipvctl asks a running ipvd to add, change and show ipvlan links, in
// the words of ip(8).
//
// Exit status: 0 done; 1 `verify` found that the account does not balance; 2
// the daemon refused, or does not run; 255 the command line is wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/build"
)

const (
	exitNotOK   = 1
	exitRefused = 2
	exitUsage   = 255

	defaultSocket = "/run/ipvd.sock"
)

// Version is set by the linker.
var Version = "dev"

// errNotOK is verify's: all is said, and it is bad.
var errNotOK = errors.New("the account does not balance")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	socket := os.Getenv("IPVD_SOCKET")
	if socket == "" {
		socket = defaultSocket
	}
	code := run(ctx, os.Args[1:], socket, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program: arguments, the default socket and the outputs give the
// exit status.
func run(ctx context.Context, args []string, socket string, stdout, stderr io.Writer) int {
	c := &ctl{out: stdout, socket: socket}
	cmd := newRoot(c)
	cmd.SetArgs(longFlags(args))
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	cmd.Version = build.Describe(Version)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "ipvctl: %v\n", err)
	switch {
	case errors.Is(err, api.ErrNotRunning):
		fmt.Fprintln(stderr, "Start one as `ipvd --master eth0`, or name its socket with --socket or IPVD_SOCKET.")
		return exitRefused
	case errors.Is(err, errNotOK):
		return exitNotOK
	case c.asked:
		return exitRefused
	}
	return exitUsage
}
