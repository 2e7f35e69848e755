// Package packet makes a kernel network interface a poll-mode port by a packet
// socket (packet(7)), for kernels and interfaces that have no AF_XDP.
//
// A worker reads up to a burst of frames with one recvmmsg and sends with
// sendmmsg, on its own thread and without blocking. The kernel copies each
// frame. Unlike DPDK's net_af_packet the port takes IPv4 fragments as they come
// (that driver joins the socket to a fanout group that defragments, and cuts
// off what has become too long), keeps the protocol of a VLAN tag, takes frames
// of any MTU, never waits for a full ring, counts what the socket had no room
// for, and wakes a sleeping worker.
//
// # The kernel's own stack
//
// A packet socket gets copies: the kernel's stack handles each frame as well.
// Who opens a port has to see to it that it does not, for example by moving the
// interface to a namespace without addresses. What others send by the interface
// is not received (PACKET_IGNORE_OUTGOING).
//
// # What a frame is like
//
// The kernel takes a VLAN tag off (net/core/dev.c, skb_vlan_untag); the port
// puts it back. A frame whose checksum the sender left to its device, as a veth
// does, is completed. One that is sent unfinished the kernel finishes, or its
// device; that is why it passes the interface's qdisc (PACKET_QDISC_BYPASS drops
// what has to be segmented). One that a device is to segment, or that the kernel has
// put together of several (GRO, LRO), counts as an Error: these offloads must
// be off.
package packet
