// ipvgen loads a device under test through DPDK ports, one or two of them, and
// measures what comes back: loss, order, latency, and the tests of RFC 2544.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// Version is set by the linker.
var Version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	// A second signal ends the process at once, as if nobody had listened.
	context.AfterFunc(ctx, stop)
	if err := newRoot().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "ipvgen:", err)
		os.Exit(1)
	}
}
