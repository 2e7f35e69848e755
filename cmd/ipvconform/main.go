// Command ipvconform compares ipvd with the kernel's own ipvlan driver, frame by
// frame: it makes scenarios, records what the driver answers, and says where
// ipvd answers otherwise.
//
//	scenarios ─┬─ record: the kernel's driver ─┐
//	           │                               ├─ compare ─ listed or unexplained
//	           └─ run: ipvd, the subject ──────┘
//
// A scenario is a wire, a host with a master, slaves, and steps: a frame or
// datagram that one of them sends, or a command. A result is what came of each
// step at every port, at sockets and in counters, and what a command told.
// Both are JSON files (package scenario); one whose name ends with .gz is
// compressed. The sets of scenarios are made by the packages matrix, devices and
// sets, of frames of package frame.
//
// The recorder has the kernel's driver do the steps, and the subject (package
// subject) has ipvd do the same in its place: package lab makes the stations and
// watches them for both. Where ipvd is the subject commands meet this program
// under the name of ip, which leaves to ipvctl what concerns ipvlan (package
// iproute).
//
// Few machines have the driver, nor all types of interface. Debian has a kernel
// that has them as an ordinary program, user-mode Linux (package uml): the
// recorder runs in it unless told otherwise, and the subject where a scenario
// needs it. Its first process is the folder guest, a program of its own.
//
// The comparison (package compare) says what one side saw and the other did not.
// A rule explains what follows from a difference that is listed in flows/ipvlan;
// the exit status is 0 when nothing is left unexplained. Recorded answers are
// kept in testdata here, and those that the data plane's own tests replay in
// flows/ipvlan/testdata.
//
// The differential (packages differential and volley) needs no scenarios: it draws
// frames at random and sends many at a time through the driver and ipvd at once,
// and shrinks what is unexplained to a minimal frame.
//
// Mutants say whether all this would notice a fault: each is the data plane with
// one wrong branch, and has to fail the replay of the recorded answers.
//
// `make oracle`, `make conformance`, `make differential` and
// `make conformance-mutants` run these. Each but the last needs root.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"ipvd/cmd/ipvconform/iproute"
)

func main() {
	if filepath.Base(os.Args[0]) == "ip" {
		os.Exit(asIP(os.Args[1:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	err := newRoot().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "ipvconform:", err)
		os.Exit(1)
	}
}

// asIP is this program under the name of ip(8), as commands of scenarios find it.
func asIP(args []string) int {
	t, err := iproute.FromEnv()
	if err != nil {
		fmt.Fprintln(os.Stderr, "ipvconform as ip:", err)
		return 1
	}
	return t.Run(args)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{Use: "ipvconform", Short: "Compare ipvd with the kernel's ipvlan driver", SilenceErrors: true, SilenceUsage: true}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(scenariosCmd(), recordCmd(), runCmd(), compareCmd(), mutantsCmd(), differentialCmd())
	return root
}
