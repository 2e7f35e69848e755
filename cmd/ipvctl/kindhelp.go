package main

import (
	"fmt"
	"strings"

	"ipvd/cmd/internal/kind"
)

// kindHelp tells the kinds of slave ports and their words.
func kindHelp() string {
	var b strings.Builder
	b.WriteString("Make a slave; without a mode or flag the master keeps its own.\n\nKinds of ports, and the words that each takes:\n")
	for _, k := range kind.All() {
		fmt.Fprintf(&b, "  %-12s %s\n", k.Name, k.Short)
		if len(k.Takes) > 0 {
			fmt.Fprintf(&b, "  %-12s   %s\n", "", strings.Join(k.Takes, ", "))
		}
	}
	b.WriteString(`
  socket PATH     where the two ends meet
  role ROLE       server (master) makes the socket, client (slave) connects to it
                  and tries again until it is there; server unless given
  queues N        queues each way, at most; 1 unless given
  id N, secret S  of a memif: both ends say the same
  learn           learn the slave's addresses from its ARP, ND and DHCP, at most 16,
                  each until 10 minutes after it was seen last
  trusted         the peer may crash the daemon

The peer of a memif, vhost-user or virtio-user port shares memory with the daemon.
ipvd's own memif and vhost-user check every descriptor that they find there. DPDK
22.11 does not, so that virtio-user with a socket, and vdev with DPDK's memif, vhost
or virtio-user, need the word trusted.

A slave that is not of kind tap has no interface that tells its addresses: give them
by "ipvctl addr add", or say learn.`)
	return b.String()
}
