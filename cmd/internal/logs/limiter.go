package logs

import (
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	// limitBurst lines with the same text are logged at once, and limitRate a
	// second from then on: a slave's namespace, or a client, can cause lines
	// without end, and a start with a thousand slaves has a thousand to tell.
	limitBurst = 2000
	limitRate  = 20
	// limitTexts bounds how many texts are told apart.
	limitTexts = 512
)

// limiter keeps lines with the same text from filling the log. The next that is
// logged says how many were not.
type limiter struct {
	now func() time.Time

	mu    sync.Mutex
	texts map[string]*allowance
}

// allowance is what a text may still cost.
type allowance struct {
	left    float64 // lines
	at      time.Time
	skipped int
}

func newLimiter() *limiter { return &limiter{now: time.Now, texts: map[string]*allowance{}} }

// Run is called by zerolog for each line that is to be logged.
func (l *limiter) Run(e *zerolog.Event, _ zerolog.Level, text string) {
	skipped, ok := l.allow(text)
	switch {
	case !ok:
		e.Discard()
	case skipped > 0:
		e.Int("not_logged", skipped)
	}
}

// allow takes a line's cost, and gives how many lines were skipped before it.
func (l *limiter) allow(text string) (skipped int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	a := l.texts[text]
	if a == nil {
		if len(l.texts) >= limitTexts {
			clear(l.texts)
		}
		a = &allowance{left: limitBurst, at: now}
		l.texts[text] = a
	}
	a.left = min(limitBurst, a.left+limitRate*now.Sub(a.at).Seconds())
	a.at = now
	if a.left < 1 {
		a.skipped++
		return 0, false
	}
	a.left--
	skipped, a.skipped = a.skipped, 0
	return skipped, true
}
