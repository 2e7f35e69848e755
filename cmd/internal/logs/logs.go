// Package logs is the daemon's log: JSON or console, with a level that changes at
// run time, followers, and a limit for lines that a peer can cause without end.
package logs

import (
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"ipvd/cmd/internal/config"
)

// Log writes the log, whose level can be changed, and gives each line to those who
// follow it with a level of their own.
type Log struct {
	out   io.Writer
	level atomic.Int32 // zerolog.Level of the log

	mu        sync.Mutex
	followers map[*Follower]bool
}

// Follower gets the log's lines. One that does not keep up loses some.
type Follower struct {
	Lines chan []byte // one each
	Lost  atomic.Uint64
	level zerolog.Level
}

// followerLines is how many lines wait for a follower.
const followerLines = 1024

// New makes the log that cfg asks for, on f, and a logger that writes to it.
func New(cfg config.Config, f *os.File) (*Log, zerolog.Logger) {
	zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000Z07:00"
	l := &Log{out: f, followers: map[*Follower]bool{}}
	if cfg.LogFormat == "console" {
		l.out = zerolog.ConsoleWriter{Out: f, TimeFormat: "15:04:05.000", NoColor: !isatty.IsTerminal(f.Fd())}
	}
	level, err := zerolog.ParseLevel(cfg.LogLevel)
	if err != nil {
		level = zerolog.InfoLevel
	}
	l.SetLevel(level)
	return l, zerolog.New(l).Level(zerolog.TraceLevel).Hook(newLimiter()).With().Timestamp().Logger()
}

// SetLevel makes level the least important that is logged.
func (l *Log) SetLevel(level zerolog.Level) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.level.Store(int32(level))
	l.settle()
}

// Level is the least important that is logged.
func (l *Log) Level() zerolog.Level { return zerolog.Level(l.level.Load()) }

// settle makes zerolog skip at once what nobody wants. Under mu.
func (l *Log) settle() {
	least := l.Level()
	for f := range l.followers {
		least = min(least, f.level)
	}
	zerolog.SetGlobalLevel(least)
}

// Write writes a line without a level.
func (l *Log) Write(line []byte) (int, error) { return l.WriteLevel(zerolog.NoLevel, line) }

// WriteLevel writes a line of JSON.
func (l *Log) WriteLevel(level zerolog.Level, line []byte) (int, error) {
	l.mu.Lock()
	for f := range l.followers {
		f.tell(level, line)
	}
	l.mu.Unlock()
	if level < l.Level() {
		return len(line), nil
	}
	if _, err := l.out.Write(line); err != nil {
		return 0, err
	}
	return len(line), nil
}

func (f *Follower) tell(level zerolog.Level, line []byte) {
	if level < f.level {
		return
	}
	select {
	case f.Lines <- append([]byte(nil), line...):
	default:
		f.Lost.Add(1)
	}
}

// Follow gives the lines from now on that are at least as important as level, until
// Unfollow.
func (l *Log) Follow(level zerolog.Level) *Follower {
	f := &Follower{Lines: make(chan []byte, followerLines), level: level}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followers[f] = true
	l.settle()
	return f
}

// Unfollow tells f no more.
func (l *Log) Unfollow(f *Follower) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.followers, f)
	l.settle()
}
