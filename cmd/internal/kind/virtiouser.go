package kind

import "errors"

// virtioUser is DPDK's virtio-user: of the kernel by vhost-net, or of another
// program's vhost-user backend.
func virtioUser() Kind {
	return Kind{Name: "virtio-user", Takes: []string{"socket", "role", "queues", "trusted", "learn"},
		Short: "an interface of the kernel by vhost-net; with socket: a device of another program's vhost-user backend",
		check: func(o Options) error {
			if o.Socket == "" {
				if o.Role != "" {
					return errors.New("role goes with socket")
				}
				return checkQueues(o)
			}
			if err := checkSocket(o); err != nil {
				return err
			}
			return needTrust("virtio-user with a socket", o)
		}}
}
