package kind

import (
	"errors"
	"fmt"
	"strings"
)

// vdev is any device of DPDK.
func vdev() Kind {
	return Kind{Name: "vdev", Takes: []string{"devargs", "trusted", "learn"},
		Short: "any device of DPDK by its devargs",
		check: func(o Options) error {
			if o.Devargs == "" {
				return errors.New("devargs is missing: DPDK's name of the device with its arguments, as net_ring0")
			}
			for _, driver := range sharing() {
				if strings.HasPrefix(o.Devargs, driver) {
					return needTrust("vdev "+driver, o)
				}
			}
			return nil
		}}
}

// sharing are DPDK's drivers whose peer is a process with which they share memory.
func sharing() []string {
	return []string{"net_memif", "net_vhost", "eth_vhost", "net_virtio_user", "virtio_user"}
}

// needTrust refuses what gives a peer power over the daemon unless the user says that
// it may have it.
func needTrust(what string, o Options) error {
	if o.Trusted {
		return nil
	}
	return fmt.Errorf("%s shares memory with its peer, and DPDK believes what stands there: a peer could crash the daemon or read its memory; "+
		"add the word trusted if it may, or use kind memif or vhost-user, which check it", what)
}
