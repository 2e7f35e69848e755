// Package peer makes a port of rings in memory that another process shares with
// ours: what pmd/memif and pmd/vhost have in common. They speak the protocol by
// which the two agree on a socket, and read and write the rings.
//
// # What a peer may do
//
// Nothing that a peer does may harm others. It may end, stop or come back at any
// time, in the middle of a word; the port waits for the next one, and what is sent
// to it meanwhile is Refused. It may write anything anywhere in the memory that it
// shares, at any time: a ring reads each number once and checks it. It may shrink
// the file behind that memory: the fault is caught, and ends the connection. A file
// whose pages come from a process (FUSE) could make a worker wait, so that only
// memfd, tmpfs and hugetlbfs are mapped. It may let the eventfd run full by which it
// wants to be told, which would block who writes to it: a goroutine does that, not a
// worker.
//
// # Who may touch a ring
//
// A connection's goroutine makes rings and gives them to the port's queues
// (Session.Up). A worker uses them only within Send and Receive of its poll set,
// which it enters and leaves by a counter: odd inside. Session.Down takes the rings
// from the queues and returns when each worker that was inside has left, so that
// the memory can be unmapped. No worker ever waits for that.
package peer
