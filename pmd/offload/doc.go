// Package offload finishes frames that came with a virtio-net header: it
// completes their checksum and cuts them into segments, for ports whose device
// does neither. For ports whose receiver gains by it, it finds the packets that a
// single frame can stand for (Merger).
//
// Whoever receives such a header calls Accept, which checks it against the
// frame: it may come from a hostile sender, and everybody behind relies on it.
//
// A frame that is cut counts as one packet received; the frames that it becomes,
// beyond the first, count as copies (pmd.QueueStats.Segmented).
package offload
