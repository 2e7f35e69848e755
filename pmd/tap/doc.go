// Package tap makes kernel TAP interfaces poll-mode ports.
//
// A worker reads and writes TAPs with raw non-blocking system calls on its own
// thread, never through the runtime's poller. One epoll_pwait a step tells
// which of the TAPs a poll set reads have frames; only those are read.
//
// # Virtio-net header
//
// Every frame travels with a virtio-net header of 12 bytes, the size of virtio
// 1.0 and of vhost-net with mergeable buffers, in an iovec of its own: it is
// read into, and written from, the mbuf beside the frame. So a TCP frame of 64
// KB whose checksum nobody has computed goes from one TAP to another as it is.
// The header of a frame that is received was checked (offload.Accept); a frame
// whose header does not fit it counts as Errors.
//
// Nobody knows a frame's length before it is read. A TAP that sent long frames
// lately is read into a chain of mbufs that could hold the longest; one that did
// not into a single mbuf, what does not fit going to a buffer from where it is
// copied.
//
// # Merging
//
// Packets of a burst that one frame can stand for are written as one
// (offload.Merger), with a header that says how they are to be segmented: a system
// call and a run of the receiver's stack for up to 64 KB. The payload is not
// copied: the frame is the parts of the packets' mbufs behind headers of its own.
// The kernel cuts it for a socket that wants datagrams one by one. UDP is merged
// where the kernel knows how (Linux 6.2), and nothing for an interface without
// offloads. A frame that the kernel finds invalid goes out again packet by packet.
//
// # Gathering
//
// A worker that polls is quicker than a sender, and finds one packet at a time: nothing
// to merge, and a wake-up of the receiver for each. So while small packets come in a
// stream a poll set asks for pauses of 100 µs (pmd.Gatherer), in which some gather. A
// packet that comes alone, an answer to it, and large frames never wait.
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
