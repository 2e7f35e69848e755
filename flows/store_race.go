//go:build race

package flows

import "sync/atomic"

// store is for the race detector, which knows no other way to write a word that is
// read at the same time.
func store(word *uint64, v uint64) { atomic.StoreUint64(word, v) }
