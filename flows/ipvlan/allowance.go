package ipvlan

import "sync/atomic"

// Allowance bounds how often something is done: workers take from it, and who
// owns it fills it up again and again.
type Allowance struct{ left atomic.Int64 }

// Refill makes n all that is left. From any goroutine.
func (a *Allowance) Refill(n int) { a.left.Store(int64(n)) }

// take takes one; false when nothing is left. A nil allowance has no end.
func (a *Allowance) take() bool { return a == nil || a.left.Add(-1) >= 0 }
