//go:build !race

package pmd

// alone reports that m has one reference, the caller's. With one there is nobody who could
// change the count, and with more it does not matter when the others give theirs up. It is
// read without sync/atomic, which would keep the compiler from testing it where it lies.
func (m *Mbuf) alone() bool { return m.refcnt == 1 }
