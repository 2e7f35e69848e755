package logs

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ipvd/cmd/internal/config"
)

func TestTheLogsLevelChangesWithoutItsFollowers(t *testing.T) {
	defer zerolog.SetGlobalLevel(zerolog.GlobalLevel())
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l, log := New(config.Config{LogLevel: "warn", LogFormat: "json"}, f)
	log.Info().Msg("nobody")
	follower := l.Follow(zerolog.InfoLevel)
	log.Info().Msg("follower")
	log.Debug().Msg("neither")
	l.SetLevel(zerolog.DebugLevel)
	log.Debug().Msg("log")
	log.Error().Msg("both")
	l.Unfollow(follower)
	log.Error().Msg("later")
	written, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	close(follower.Lines)
	var told bytes.Buffer
	for line := range follower.Lines {
		told.Write(line)
	}
	for text, want := range map[string][2]bool{"nobody": {}, "follower": {false, true}, "neither": {}, "log": {true, false}, "both": {true, true}, "later": {true, false}} {
		in := func(s string) bool { return strings.Contains(s, `"message":"`+text+`"`) }
		if got := [2]bool{in(string(written)), in(told.String())}; got != want {
			t.Errorf("%s: in the log and told: %v, want %v", text, got, want)
		}
	}
}

func TestAFollowerThatDoesNotKeepUpLosesLines(t *testing.T) {
	f := &Follower{Lines: make(chan []byte, 2)}
	for range 5 {
		f.tell(zerolog.InfoLevel, []byte("line"))
	}
	if len(f.Lines) != 2 || f.Lost.Load() != 3 {
		t.Errorf("%d lines wait and %d are lost, want 2 and 3", len(f.Lines), f.Lost.Load())
	}
}

func TestLinesOfOneTextAreLimited(t *testing.T) {
	now := time.Now()
	l := newLimiter()
	l.now = func() time.Time { return now }
	count := func(text string, lines int) (logged, skipped int) {
		for range lines {
			n, ok := l.allow(text)
			if ok {
				logged++
			}
			skipped += n
		}
		return logged, skipped
	}
	if logged, _ := count("flood", 3*limitBurst); logged != limitBurst {
		t.Errorf("%d lines at once, want %d", logged, limitBurst)
	}
	if logged, _ := count("other", 1); logged != 1 {
		t.Error("another text is not logged")
	}
	now = now.Add(time.Second)
	if logged, skipped := count("flood", 100); logged != limitRate || skipped != 2*limitBurst {
		t.Errorf("a second later %d lines, and %d told as skipped, want %d and %d", logged, skipped, limitRate, 2*limitBurst)
	}
	for i := range 10 * limitTexts {
		l.allow(strings.Repeat("x", i))
	}
	if len(l.texts) > limitTexts {
		t.Errorf("%d texts are kept, more than %d", len(l.texts), limitTexts)
	}
}

func TestALimitedLineSaysHowManyWereNotLogged(t *testing.T) {
	defer zerolog.SetGlobalLevel(zerolog.GlobalLevel())
	zerolog.SetGlobalLevel(zerolog.TraceLevel)
	now := time.Now()
	l := newLimiter()
	l.now = func() time.Time { return now }
	var out bytes.Buffer
	log := zerolog.New(&out).Hook(l)
	for range limitBurst + 7 {
		log.Info().Msg("flood")
	}
	if n := strings.Count(out.String(), "\n"); n != limitBurst {
		t.Errorf("%d lines, want %d", n, limitBurst)
	}
	now = now.Add(time.Second)
	out.Reset()
	log.Info().Msg("flood")
	if !strings.Contains(out.String(), `"not_logged":7`) {
		t.Errorf("got %s", out.String())
	}
}
