package differential

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/cmd/ipvconform/uml"
	"ipvd/cmd/ipvconform/volley"
)

// Kernel is a guest in which the kernel's own driver answers volleys.
type Kernel struct {
	Release string // of the guest's kernel, once it has answered

	dir   string
	post  *volley.Post
	ended context.Context // done when the guest has ended, for what cause
	done  chan error
}

// StartKernel boots a guest that runs program, for limit at most.
func StartKernel(ctx context.Context, program string, limit time.Duration) (*Kernel, error) {
	dir, err := os.MkdirTemp("", "ipvconform-")
	if err != nil {
		return nil, err
	}
	k := &Kernel{dir: dir, done: make(chan error, 1)}
	if k.post, err = volley.NewPost(dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	ended, cancel := context.WithCancelCause(ctx)
	k.ended = ended
	go func() {
		console, err := uml.Run(ctx, uml.Guest{Init: program, Args: []string{dir}, Dir: dir, Memory: 768, Limit: limit})
		if said, e := os.ReadFile(filepath.Join(dir, "error.txt")); e == nil {
			err = errors.Join(err, fmt.Errorf("guest: %s", said))
		}
		cause := err
		if cause == nil {
			cause = fmt.Errorf("the guest has ended; its console:\n%s", console)
		}
		k.done <- err
		cancel(cause)
	}()
	return k, nil
}

// Fire fires shots in the guest's lab of s.
func (k *Kernel) Fire(_ context.Context, s scenario.Scenario, shots []volley.Shot) (volley.Answer, error) {
	a, err := k.post.Fire(k.ended, s, shots)
	if err != nil {
		return a, fmt.Errorf("the kernel's driver: %w", err)
	}
	k.Release = a.Kernel
	return a, nil
}

// Close ends the guest.
func (k *Kernel) Close() error {
	err := k.post.Stop()
	return errors.Join(err, <-k.done, os.RemoveAll(k.dir))
}

// Daemon is ipvd on this machine.
type Daemon struct{ *volley.Gallery }

// Fire fires shots in the lab of s.
func (d Daemon) Fire(_ context.Context, s scenario.Scenario, shots []volley.Shot) (volley.Answer, error) {
	a, err := d.Gallery.Fire(s, shots)
	if err != nil {
		err = fmt.Errorf("ipvd: %w", err)
	}
	return a, err
}
