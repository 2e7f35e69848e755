// Package watch looks on at what a graph does with packets: it copies what is
// wanted of them (a capture), or follows each wanted one on its way (a trace).
//
//	worker ── Worker (a flows.Watcher) ── ring ── Session.Read ── whoever asked
//
// A graph that is built without a watcher has nothing of this in it. With one, a
// worker copies into a ring of its own, of fixed size and without waiting; what
// finds no room is counted as lost, and the packet itself goes its way.
package watch
