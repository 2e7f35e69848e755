// Package dpdk implements the contract of package pmd with DPDK: the EAL, ethdev
// ports (NICs and vdevs), mbuf pools and poll sets. It is the only package that
// calls C.
//
// # Life of a port
//
//	rt, err := dpdk.Start(cfg)                once per process
//	pool, err := rt.NewPool(...)
//	port, err := rt.Attach(devargs, options)  probed, configured, started
//	set, err := rt.NewPollSet(vector)         per worker; set.AddRx(port.Rx()[0], 32)
//	... the worker steps ...
//	set.Close()                               out of every poll set
//	port.Close()                              stopped, closed, removed
//	pool.Close()                              when no mbuf is out
//	rt.Close()
//
// # Threads
//
// Control calls may come from any goroutine. They run one at a time in a port,
// and probing and removing one at a time in the process. Workers call Send,
// Receive and Flush only, on threads that Runtime.Register made known to DPDK.
// An exchange is one call into C for all queues of the worker.
//
// A worker can sleep on queues of net_af_xdp (their sockets) and of drivers with
// RX interrupts (PortOptions.Interrupts): NICs, virtio-user. DPDK 22.11 has none
// for af_packet, memif, pcap and ring.
package dpdk
