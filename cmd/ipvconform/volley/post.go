package volley

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"ipvd/cmd/ipvconform/scenario"
)

// A guest and its machine share a folder and nothing else. The machine writes
// ask-N, the guest takes it away and writes answer-N, and so on until the
// machine writes stop. Files appear whole, by renaming.

const (
	stopFile  = "stop"
	pollEvery = 4 * time.Millisecond
	// deserted is how long a guest waits for a machine that asks no more.
	deserted = 10 * time.Minute
)

// ErrDeserted is wrapped when nobody asks any more.
var ErrDeserted = errors.New("nobody asks any more")

// request is what ask-N holds.
type request struct {
	Scenario scenario.Scenario
	Shots    []Shot
}

// Serves reports that dir is such a folder.
func Serves(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, marker))
	return err == nil
}

// marker tells that the folder carries volleys.
const marker = "volleys"

// Serve answers what is asked in dir until stop is there.
func (g *Gallery) Serve(dir string) error {
	for n, last := 0, time.Now(); ; time.Sleep(pollEvery) {
		if exists(dir, stopFile) {
			return g.Close()
		}
		if time.Since(last) > deserted {
			return errors.Join(fmt.Errorf("%w: none for %v", ErrDeserted, deserted), g.Close())
		}
		var q request
		ok, err := take(dir, fmt.Sprintf("ask-%d", n), &q)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		a, err := g.Fire(q.Scenario, q.Shots)
		if err != nil {
			a.Error = err.Error()
		}
		if err := put(dir, fmt.Sprintf("answer-%d", n), a); err != nil {
			return err
		}
		n, last = n+1, time.Now()
	}
}

// Post is the machine's end of the folder. It is used by one goroutine.
type Post struct {
	Dir string
	n   int
}

// NewPost makes dir such a folder.
func NewPost(dir string) (*Post, error) {
	return &Post{Dir: dir}, os.WriteFile(filepath.Join(dir, marker), nil, 0o644)
}

// Fire asks the guest to fire shots in the lab of s.
func (p *Post) Fire(ctx context.Context, s scenario.Scenario, shots []Shot) (a Answer, err error) {
	if err := put(p.Dir, fmt.Sprintf("ask-%d", p.n), request{s, shots}); err != nil {
		return a, err
	}
	name := fmt.Sprintf("answer-%d", p.n)
	p.n++
	for tick := time.NewTicker(pollEvery); ; {
		ok, err := take(p.Dir, name, &a)
		if err == nil && a.Error != "" {
			err = errors.New(a.Error)
		}
		if ok || err != nil {
			tick.Stop()
			return a, err
		}
		select {
		case <-ctx.Done():
			return a, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// Stop tells the guest to end.
func (p *Post) Stop() error { return os.WriteFile(filepath.Join(p.Dir, stopFile), nil, 0o644) }

func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// put writes a file that appears whole.
func put(dir, name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path+".part", b, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

// take reads a file and removes it; false when it is not there yet.
func take(dir, name string, v any) (bool, error) {
	path := filepath.Join(dir, name)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	return true, os.Remove(path)
}
