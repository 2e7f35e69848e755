package kind

// virtioUser is DPDK's virtio-user: of the kernel by vhost-net, or of another
// program's vhost-user backend. There it is always the client: as a server DPDK 22.11
// waits for the backend and lets nobody else do anything meanwhile.
func virtioUser() Kind {
	return Kind{Name: "virtio-user", Takes: []string{"socket", "queues", "trusted", "learn"},
		Short: "an interface of the kernel by vhost-net; with socket: a device of another program's vhost-user backend",
		check: func(o Options) error {
			if o.Socket == "" {
				return checkQueues(o)
			}
			if err := checkSocket(o); err != nil {
				return err
			}
			return needTrust("virtio-user with a socket", o)
		}}
}
