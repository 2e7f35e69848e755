package flows

import (
	"math/bits"
	"time"
)

// Latencies counts durations by powers of two: cell 0 those under a
// microsecond, cell i those from 1<<(i-1) to 1<<i microseconds, the last cell
// all that are longer.
type Latencies [24]uint64

// latencyCell is the cell of Latencies that d belongs to.
func latencyCell(d time.Duration) int {
	return min(bits.Len64(uint64(max(d, 0)/time.Microsecond)), len(Latencies{})-1)
}

// Total is the number of durations counted.
func (l *Latencies) Total() uint64 {
	var n uint64
	for _, c := range l {
		n += c
	}
	return n
}

// Quantile is an upper bound of the share q, from 0 to 1, of all durations: at
// most twice the exact value. It is 0 when nothing was counted.
func (l *Latencies) Quantile(q float64) time.Duration {
	total := l.Total()
	var n uint64
	for i, c := range l {
		if n += c; c > 0 && float64(n) >= q*float64(total) {
			return time.Microsecond << i
		}
	}
	return 0
}
