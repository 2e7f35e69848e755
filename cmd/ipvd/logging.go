package main

import (
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"ipvd/cmd/internal/config"
)

// logs writes the log, whose level can be changed, and gives each line to those who
// follow it with a level of their own.
type logs struct {
	out   io.Writer
	level atomic.Int32 // zerolog.Level of the log

	mu        sync.Mutex
	followers map[*logFollower]bool
}

// logFollower gets the log's lines. One that does not keep up loses some.
type logFollower struct {
	lines chan []byte
	level zerolog.Level
	lost  atomic.Uint64
}

// followerLines is how many lines wait for a follower.
const followerLines = 1024

// newLogs makes the log that cfg asks for, on f.
func newLogs(cfg config.Config, f *os.File) (*logs, zerolog.Logger) {
	zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000Z07:00"
	l := &logs{out: f, followers: map[*logFollower]bool{}}
	if cfg.LogFormat == "console" {
		l.out = zerolog.ConsoleWriter{Out: f, TimeFormat: "15:04:05.000", NoColor: !isatty.IsTerminal(f.Fd())}
	}
	level, err := zerolog.ParseLevel(cfg.LogLevel)
	if err != nil {
		level = zerolog.InfoLevel
	}
	l.setLevel(level)
	return l, zerolog.New(l).Level(zerolog.TraceLevel).Hook(newLimiter()).With().Timestamp().Logger()
}

// setLevel makes level the least important that is logged.
func (l *logs) setLevel(level zerolog.Level) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.level.Store(int32(level))
	l.settle()
}

// settle makes zerolog skip at once what nobody wants. Under mu.
func (l *logs) settle() {
	least := zerolog.Level(l.level.Load())
	for f := range l.followers {
		least = min(least, f.level)
	}
	zerolog.SetGlobalLevel(least)
}

// Write writes a line without a level.
func (l *logs) Write(line []byte) (int, error) { return l.WriteLevel(zerolog.NoLevel, line) }

// WriteLevel writes a line of JSON.
func (l *logs) WriteLevel(level zerolog.Level, line []byte) (int, error) {
	l.mu.Lock()
	for f := range l.followers {
		f.tell(level, line)
	}
	l.mu.Unlock()
	if level < zerolog.Level(l.level.Load()) {
		return len(line), nil
	}
	if _, err := l.out.Write(line); err != nil {
		return 0, err
	}
	return len(line), nil
}

func (f *logFollower) tell(level zerolog.Level, line []byte) {
	if level < f.level {
		return
	}
	select {
	case f.lines <- append([]byte(nil), line...):
	default:
		f.lost.Add(1)
	}
}

// follow gives the lines from now on, until unfollow.
func (l *logs) follow(level zerolog.Level) *logFollower {
	f := &logFollower{lines: make(chan []byte, followerLines), level: level}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followers[f] = true
	l.settle()
	return f
}

func (l *logs) unfollow(f *logFollower) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.followers, f)
	l.settle()
}
