// Command ipvconform compares ipvd with the kernel's own ipvlan driver, frame by
// frame: it makes scenarios, records what the driver answers, and says where
// ipvd answers otherwise.
//
// Scenarios and results are JSON files, of package scenario; one whose name ends
// with .gz is compressed.
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
