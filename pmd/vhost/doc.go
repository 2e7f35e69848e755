// Package vhost makes a port of a virtio network device that another process drives:
// the backend of vhost-user, for virtual machines (QEMU) and for DPDK's virtio-user.
// Split rings, mergeable buffers, several queues, checksums and TCP segmentation left
// to the other end.
//
// The driver's side, the frontend, sends us the files of its memory, and says where
// in it the rings are. Ring 2i is our TX queue i, ring 2i+1 our RX queue i.
//
// DPDK 22.11's own backend, net_vhost, is not used: a frontend that shrinks its
// memory's file ends the process, one that stops in the middle of a message stops the
// messages of all others, and each port is one of the 32 that Debian's build has.
// Ours copies each frame between ring and mbuf, as that does, and believes nothing that
// stands in the shared memory: package peer says what a peer may do.
//
// Left out are what a switch of packets does not need: live migration (dirty logging),
// an IOMMU in the guest, packed rings, indirect descriptors and resuming requests that
// were under way when a backend died.
package vhost
