// Package flows runs bursts of packets through graphs of stages.
//
// A graph is built from verbs, or from stages of one's own, or from both:
//
//	sys, err := flows.Start(cfg, func(g *flows.Graph) error {
//		all := g.Receive(eth0)
//		other := all.Separate(isUDP)
//		all.Handle(count).Send(eth1)
//		other.Stop()
//		return nil
//	})
//
//	eth0 rx ─ separate ─┬─ yes ─ handle ─ eth1 tx
//	                    └─ no ── stop
//
// System.DOT draws the graph that runs.
//
// # Workers
//
// A worker is a goroutine with a thread and, as a rule, a CPU to itself. Every
// worker runs its own copy of the graph to completion, step after step (see
// package pmd); nothing passes between workers but packets that they send to
// the same port. One CPU is enough for any graph. Start raises GOMAXPROCS so
// that the control plane runs while all workers poll.
//
// With Config.IdleSteps a worker that finds no packets sleeps on the descriptors
// of its poll sets (pmd.Waiter). What goes to sleep has nothing to send, and looks
// once more after its devices were told to wake it. Queues without a descriptor
// are looked at every Config.Look. Swap and Stop wake it by an eventfd, and
// Synchronize need not. Such a worker also leaves a poll set alone for a moment that
// asks for it while packets come (pmd.Gatherer): it sends what it has, polls the
// others, and sleeps until the moment is over if they have nothing.
//
// # Invariants
//
//   - A stage owns the packets of the burst that it is given, and has given
//     each of them away when Push returns: between two steps no stage holds one.
//   - A burst is a range of the worker's vector. Its owner may replace packets
//     in it, until it hands the burst on.
//   - A packet that somebody else refers to is read-only: pmd.Vector.Writable.
//   - A graph does not change once it is built. A change is a new graph, which
//     System.Swap puts in the place of the old one without losing a packet.
//   - An RX queue is polled by one worker. A TX queue that several workers send
//     to is marked as shared, so that its driver locks it.
//   - A step neither allocates nor locks nor blocks. When a stage panics, the
//     worker frees what the step owned, counts it as dropped by `panic`, tells
//     Config.OnFault and goes on with the next step. Between growing the vector
//     and filling what was grown a stage must not panic, and it counts what it
//     makes or copies before it calls anything that may.
//
// # The account
//
// Every packet ends in exactly one counter, and every drop has a reason. When no
// packet is under way,
//
//	received + copied = delivered + dropped
//
// where
//
//	received   RX queues: Packets + NoMbuf + Errors; ports: Missed + Errors +
//	           NoMbuf; counters of kind In (`generated`)
//	copied     counters of kind Copied: further references to a packet;
//	           TX queues: Segmented, the frames that one is cut into but the first
//	delivered  TX queues: Packets; less the ports' OErrors; counters of kind Out
//	dropped    rx_nombuf    RX queues' and ports' NoMbuf
//	           rx_error     RX queues' Errors
//	           imissed      ports' Missed
//	           ierrors      ports' Errors
//	           tx_full      TX queues' Full
//	           tx_too_big   TX queues' TooBig
//	           tx_refused   TX queues' Refused
//	           oerrors      ports' OErrors
//	           and every counter of kind Dropped, by its name; the package's own
//	           are stopped, bad_verdict, vector_full, no_mbuf and panic
//
// A port and a counter set are counted from the moment when the first graph uses
// them. When a swap leaves them unused, what they counted becomes part of the
// totals, and the port may be closed: the account does not grow with what came
// and went.
//
// # What a step costs
//
// Four steps that look at each packet of a burst of 64 cost 6 ns per packet as
// stages, 9 as functions for bursts (HandleBurst) and 10 as functions for packets
// (Handle); sorting a burst by verdict costs 3 to 8 ns per packet, whatever the
// number of outputs; a step without packets costs 14 ns and what the drivers'
// polling takes. These are the least of several runs on a 2-core Xeon machine
// (BenchmarkFourStages, BenchmarkGrouper, BenchmarkEmptyStep).
//
// # For users of NFF-Go
//
// The verbs are those of github.com/intel-go/nff-go, with these differences.
// There is no scheduler, and no ring between two verbs: all of a graph runs on
// each CPU given, and Build is called for each. There is no global state and
// nothing ends the process: Start gives a System and an error, and a graph can
// be replaced while it runs.
//
//	SystemInit, SystemStart            Start; ports come from pmd/dpdk or pmd/tap
//	SystemStop, SystemReset            System.Stop, then Close of ports and runtime
//	CheckFatal                         none: Start and Swap give the build's first error
//	SetReceiver                        Graph.Receive
//	SetGenerator, SetFastGenerator     Graph.Generate; its function paces itself
//	SetVectorFastGenerator             Graph.GenerateBurst
//	SetHandler, SetVectorHandler       Flow.Handle, Flow.HandleBurst
//	SetHandlerDrop                     Flow.Separate, then Stop on the flow it gives
//	SetSeparator                       Flow.Separate
//	SetVectorSeparator                 Flow.SplitBurst with 2 outputs
//	SetSplitter, SetVectorSplitter     Flow.Split, Flow.SplitBurst
//	SetPartitioner                     Flow.Partition
//	SetCopier                          Flow.Copy; data is copied when it is written
//	SetMerger                          Graph.Merge
//	SetSender                          Flow.Send
//	SetStopper                         Flow.Stop
//	SetReceiverFile, SetSenderFile     a net_pcap port
//	SetSenderKNI, SetReceiverKNI       a port of pmd/tap, or a virtio-user port
//	SetReceiverOS, SetSenderOS         a port of pmd/packet
//	SetReceiverXDP, SetSenderXDP       a net_af_xdp port
//	UserContext                        variables of the function that is passed
//	packet.Packet                      pmd.Mbuf, read with flows/wire
package flows
