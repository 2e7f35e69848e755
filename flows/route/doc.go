// Package route answers for a worker what the kernel of the master's namespace
// would: where an IP packet that leaves by the host port goes next. What it knows
// is told by the control plane, which mirrors the kernel.
//
//	packet ── rules, by priority ── table, longest prefix ── hop ─┬─ neighbour: a MAC address
//	                                                              ├─ the host decides
//	                                                              └─ no route, unreachable, …
//
// # Readers never wait
//
// One goroutine at a time, the control plane's, calls the methods that change
// something; any number of workers look up meanwhile, with neither a lock nor an
// allocation. A route changes in place: an entry of a table is a word of 64 bits,
// written as a whole, so that a lookup finds the route that was or the one that is.
// A prefix that a table has throughout a lookup is never missed by it. What a
// lookup may still hold is not used for something else before a minute has passed
// (cells).
//
// # What is odd is the host's
//
// A route, rule or packet that is not understood in full is of kind Host: the
// packet is given to the kernel's own output path, which knows better. So the
// mirror need not be complete to be right.
package route
