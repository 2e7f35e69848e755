// ipvd is Linux ipvlan in user space: it polls a NIC through DPDK and shares it,
// with its one MAC address, among network interfaces in other namespaces.
//
// The files of the daemon by the beginning of their names:
//
//	daemon    its life: start, recovery of what was killed, work in turn, systemd, end
//	config    what a file declares: plan, apply, roll back, show
//	master    a NIC and what all its slaves share: mode, MTU, MAC, host port
//	wire      the NIC itself: opened, taken over, filtered, put to rest, found again
//	slave     an interface for others: made, found again, tried again, learned from
//	kind      how the ports of each kind of slave are opened
//	link      requests that add, change and delete slaves
//	addr      whose address is whose, and how the interfaces' addresses are followed
//	routing   the host's routing, mirrored for l3
//	shortcut  flows of l3s that leave out the turn through the host
//	show      links, counters, the account, metrics, telemetry, events
//	look      capture, trace and explain
//
// Package suite, in the folder below, tests all of it as its users meet it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/build"
	"ipvd/cmd/internal/config"
	"ipvd/cmd/internal/logs"
	"ipvd/pmd/dpdk"
)

// Version is set by the linker.
var Version = "dev"

func main() {
	cmd := config.Command(run)
	cmd.Version = build.Describe(Version, "DPDK "+dpdk.Version())
	cmd.AddCommand(config.DoctorCommand(func(masters []config.Master, workers []int, json bool) error {
		return examine(os.Stdout, masters, workers, json)
	}))
	if err := cmd.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "ipvd:", err)
		os.Exit(1)
	}
}

// run is the life of the daemon, from its checked configuration to a signal.
func run(cfg config.Config) error {
	if uid := os.Geteuid(); uid != 0 {
		return fmt.Errorf("must be run as root to make interfaces and enter network namespaces, but the user id is %d: use sudo", uid)
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	signal.Ignore(unix.SIGPIPE)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, unix.SIGHUP) // from now on it ends nothing
	all, log := logs.New(cfg, os.Stderr)
	d, err := start(ctx, cfg, all, log)
	if err != nil {
		return err
	}
	err = d.wait(ctx, hangups)
	// A second signal ends the process at once, as if nobody had listened.
	stop()
	return d.stop(err)
}
