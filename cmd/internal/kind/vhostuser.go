package kind

// vhostUser is the backend of a virtio device, of our own (pmd/vhost).
func vhostUser() Kind {
	return Kind{Name: "vhost-user", Takes: []string{"socket", "role", "queues", "trusted", "learn"},
		Short: "a virtio device of a virtual machine (QEMU) or of DPDK's virtio-user",
		check: checkSocket}
}
