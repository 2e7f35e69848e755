package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"ipvd/cmd/internal/build"
	"ipvd/pmd/dpdk"
)

const about = `ipvgen sends packets through a DPDK port and receives what comes back on the
same one or on others. Ports are PCI addresses or devargs; by memif, for
example, it loads another process of the same machine:

  ipvgen run --tx memif,socket=/run/m0.sock --rx memif,socket=/run/m1.sock \
             --src 10.0.0.11 --dst 10.0.0.12 --rate 1Mpps --duration 10s \
             --src-mac 02:00:00:00:00:01 --dst-mac 02:00:00:00:00:01

between the slaves m0 and m1 of an ipvd whose master has that MAC (kind memif).
A port memif,socket=PATH takes role=client|server (client), id=N, secret=S and
slots=N (1024; a power of two) as well. It is ipvgen's own, which waits for its
peer and outlives it; DPDK's is net_memif.

Sizes count the FCS, as in RFC 2544. What follows -- goes to DPDK.`

// newRoot is the command tree.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "ipvgen",
		Short:         "Packet generator and RFC 2544 tester",
		Long:          about,
		Version:       build.Describe(Version, "DPDK "+dpdk.Version()),
		SilenceErrors: true, // main prints them
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(runCmd(), rfc2544Cmd(), resetCmd(), reportCmd(), shareCmd())
	return root
}

// onlyEAL refuses arguments that do not follow `--`.
func onlyEAL(cmd *cobra.Command, args []string) error {
	if n := cmd.ArgsLenAtDash(); n > 0 || n < 0 && len(args) > 0 {
		return fmt.Errorf("unexpected argument %q: flags begin with --, and EAL arguments stand behind a lone --", args[0])
	}
	return nil
}
