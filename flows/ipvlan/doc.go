// Package ipvlan decides who gets which packet: it is the data plane of Linux
// ipvlan, whose slaves share a master's MAC address and are told apart by their
// IP addresses. Build puts it into a graph.
//
//	wire ── classify ─┬─ address of slave k ─ deliver ─── slave k
//	                  ├─ group MAC, l2 ────── replicate ─ host, all slaves
//	                  ├─ tag taken off ────── tag ─────── host
//	                  ├─ question, l3 ─────── proxy ───── wire
//	                  └─ no match ─────────────────────── host
//
//	slave ─ ingress ─ egress l2 ─┬─ sibling ───── deliver ─── slave k
//	                             ├─ group MAC ─── replicate ─ wire, other slaves
//	                             ├─ own MAC ───────────────── host
//	                             └─ else ──────────────────── wire
//
//	slave ─ ingress ─ egress l3 ─┬─ sibling ───── deliver ─── slave k
//	                             ├─ host's address, l3 ────── host
//	                             └─ IP ────────── l3, routed ──── wire
//	                                              l3, else ────── punt: the kernel's output path
//	                                              l3s ─────────── shortcut
//
//	wire, l3s ─┬─ question ─ proxy ─────────────────────────── wire
//	           └─ else ─────────────────────────────────────── shortcut
//	shortcut ─┬─ flow whose shortcut is open ── rewritten ──── wire, slave k
//	          └─ else ─ to return ─ return port, and from the wire: host
//	return port ─ from return ─── address of slave k ─ deliver ─ slave k
//	host ─ from host ─┬─ address of slave k ─ deliver ─── slave k
//	                  ├─ question, l3 ─────── answer ──── host
//	                  ├─ of neighbours, l2 ── replicate ─ wire, slaves
//	                  └─ else ─────────────────────────── wire
//	host ─ returned, l3s ─────────────────────────────── wire
//
// Egress reads a slave's frames before ingress does, and asks it to admit those that it
// cannot tell to bear the master's MAC address and no other: so most are read once.
//
// While the master is down the stage down stands behind the wire in the place of
// what is drawn, and what is for the wire is dropped.
//
// Every stage is a file; build.go joins them. A stage that classifies gives
// each packet a verdict, sorts the burst by it, and hands whole groups on. What
// is not handed on is dropped, and counted under one of DropReasons: drops that
// a slave caused in the slave's counter set, others in the stage's.
//
// # Shortcuts
//
// In l3s the host's netfilter decides about a flow by its first packets. FlowTable
// holds the flows that its connection tracking calls established; what of them may
// leave out the turn through the host, the workers see: while the host has a packet
// of a flow and direction, those behind it follow it there, and when it has sent on
// all that it was given (round), the next one is sent as it would be, by the next
// hop and up to the length that it was seen to use. A change of rules or routes, a
// period that is over, or a packet that the host must see closes the shortcut, and the
// same opens it again. So no packet overtakes another, and what the host drops is
// not sent past it.
//
// # Packets are shared
//
// Replicate queues one packet on many ports and adds references. Whoever writes
// to a packet (tag, ingress, shortcut, answer, from host, the two return stages, and
// classify when it takes off a tag) first makes it writable, and replicate is always the last stage.
//
// # Differences from the kernel's driver
//
// DIFFERENCES.md in this folder is the table of all that are known: what the
// kernel does, what ipvd does by default and with --compat kernel, and why.
// Differences gives the same to programs.
//
// What the driver did with 153 stimuli in every mode and with every flag, and
// with frames drawn at random, is in testdata, recorded by cmd/ipvconform; the
// tests replay it through the graph.
package ipvlan
