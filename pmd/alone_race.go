//go:build race

package pmd

// alone reports that m has one reference, the caller's.
func (m *Mbuf) alone() bool { return m.Refs() == 1 }
