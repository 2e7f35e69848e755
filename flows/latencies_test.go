package flows

import (
	"testing"
	"time"
)

func TestQuantilesBoundWhatWasCounted(t *testing.T) {
	var l Latencies
	if got := l.Quantile(0.5); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
	for range 98 {
		l[latencyCell(26*time.Microsecond)]++
	}
	l[latencyCell(1500*time.Microsecond)]++
	l[latencyCell(time.Hour)]++
	for _, c := range []struct {
		q    float64
		want time.Duration
	}{
		{0, 32 * time.Microsecond}, {0.5, 32 * time.Microsecond}, {0.98, 32 * time.Microsecond},
		{0.99, 2048 * time.Microsecond}, {1, time.Microsecond << 23},
	} {
		if got := l.Quantile(c.q); got != c.want {
			t.Errorf("quantile %v: got %v, want %v", c.q, got, c.want)
		}
	}
}

func TestLatencyCellsAreOctaves(t *testing.T) {
	for d, want := range map[time.Duration]int{
		-time.Second: 0, 0: 0, 999: 0, time.Microsecond: 1, 2*time.Microsecond - 1: 1, 2 * time.Microsecond: 2,
		1024 * time.Microsecond: 11, time.Hour: len(Latencies{}) - 1,
	} {
		if got := latencyCell(d); got != want {
			t.Errorf("%v: cell %d, want %d", d, got, want)
		}
	}
}
