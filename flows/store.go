//go:build !race

package flows

// store writes a word that any goroutine may read with sync/atomic and one writes.
// sync/atomic's own store waits until all that was written before it is seen, which
// costs a worker some twenty cycles, and what it would overlap with; no reader of a
// counter needs that. A word of 64 bits is written whole on every machine that DPDK
// runs on, and Go's memory model lets a reader see no other values than those written.
func store(word *uint64, v uint64) { *word = v }
