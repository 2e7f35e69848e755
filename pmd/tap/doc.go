// Package tap makes kernel TAP interfaces poll-mode ports.
//
// A worker reads and writes TAPs with raw non-blocking system calls on its own
// thread, never through the runtime's poller. One epoll_pwait a step tells
// which of the TAPs a poll set reads have frames; only those are read.
//
// # Virtio-net header
//
// Every frame travels with a virtio-net header of 12 bytes, the size of virtio
// 1.0 and of vhost-net with mergeable buffers, in an iovec of its own beside
// the frame. Offloads are off (TUNSETOFFLOAD 0): what is sent has a zero header,
// and the kernel completes checksums and segments before a frame is read.
//
// # Network namespaces
//
// A tun file refers to the network namespace in which /dev/net/tun was opened
// (drivers/net/tun.c, tun_chr_open), for as long as it is open, and TUNSETIFF
// looks for its device there. A namespace with such a reference is never
// destroyed. So Open makes the interface in the caller's namespace and MoveTo
// takes it where it belongs: then the namespace can go, the interface with it,
// and the port reports Gone. Attach must open the file inside the interface's
// namespace and keeps that alive until the port is closed: see PinsNetns.
package tap
