// Package pmd is the contract between poll-mode ports and everything that
// moves packets: message buffers, pools, ports, queues and the poll sets that
// drive all queues of a worker at once.
//
// It needs neither DPDK nor root to build and test. Implementations live in
// pmd/dpdk (any ethdev or vdev), pmd/tap (kernel TAP interfaces), pmd/packet
// (other kernel interfaces), pmd/rawip (the kernel's IP output path) and
// pmd/pmdtest (fakes for unit tests). pmd/offload does in software what a device
// cannot.
//
// # One step of a worker
//
// A worker owns one Vector, the packet memory of a step, and one PollSet for
// each driver whose queues it drives. A step is
//
//	for each set: Send      what the last step queued goes out
//	v.Reset                 the vector is empty again
//	for each set: Receive   new packets are appended to the vector
//	stages run              they append to the vector and to the sets' TX lists
//
// A packet list handed from stage to stage is a Burst, a range of the vector,
// so that passing packets on copies no pointers and a packet list that goes to
// many queues (a broadcast) is stored once.
//
// # Ownership
//
// Every mbuf has one owner. Receive makes the worker the owner; adding a burst
// to a TX list or calling Vector.Drop gives it away. One reference is given
// away for each time a packet is added to a TX list: whoever adds it to n lists
// first calls Mbuf.AddRefs(n-1). An mbuf whose reference count is over one, and
// an indirect one, is read-only: see Vector.Writable.
//
// # Unfinished frames
//
// A packet with Mbuf.Offload has a checksum to be completed, or stands for
// several frames, as the virtio-net header beside it says (Mbuf.Vnet). The driver
// that received it has checked the header (offload.Accept) and has counted the
// packet in Vector.Offloads. Stages pass it on like any other; what they compare
// with an MTU is Mbuf.Longest. The driver that sends it gives it to a device that
// can finish it (Caps.Offloads) or finishes it first, and counts the frames that
// it is cut into, but the first, as QueueStats.Segmented.
package pmd
