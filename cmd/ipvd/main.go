// ipvd is Linux ipvlan in user space: it polls a NIC through DPDK and shares it,
// with its one MAC address, among network interfaces in other namespaces.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/build"
	"ipvd/cmd/internal/config"
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
	logs, log := newLogs(cfg, os.Stderr)
	d, err := start(ctx, cfg, logs, log)
	if err != nil {
		return err
	}
	err = d.wait(ctx, hangups)
	// A second signal ends the process at once, as if nobody had listened.
	stop()
	return d.stop(err)
}
