package flows

import (
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

// wait is what a worker sleeps on while it runs one graph. Worker only, once
// the graph is sealed.
type wait struct {
	fds  []unix.PollFd     // of the bell, then of the poll sets
	arms []pmd.Interrupter // those of the sets that must be told before a sleep
	look time.Duration     // longest sleep
}

// pulse is the longest sleep: a worker that nothing wakes tells all the same how
// late it wakes.
const pulse = 100 * time.Millisecond

// newWait makes the wait of a graph whose queues are in their poll sets; nil
// when its worker must not sleep, because it makes packets by itself.
func newWait(g *Graph, b *bell, look time.Duration) *wait {
	if b == nil || len(g.sources) > 0 {
		return nil
	}
	w := &wait{fds: []unix.PollFd{{Fd: int32(b.fd), Events: unix.POLLIN}}, look: pulse}
	for _, s := range g.sets {
		if len(s.ways) == 0 {
			continue // it only sends
		}
		waiter, ok := s.PollSet.(pmd.Waiter)
		if !ok || !w.add(waiter) {
			w.look = min(look, pulse)
		}
	}
	return w
}

// add makes set end sleeps, as far as it can; false when some of its queues must
// be looked at.
func (w *wait) add(set pmd.Waiter) (all bool) {
	fd, all := set.WaitFD()
	if fd < 0 {
		return false
	}
	w.fds = append(w.fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	if i, ok := set.(pmd.Interrupter); ok {
		w.arms = append(w.arms, i)
	}
	return all
}

// rung reports that the bell ended the sleep.
func (w *wait) rung() bool { return w.fds[0].Revents != 0 }

// rest follows a step that received packets or none. After idleSteps of the
// latter the worker sleeps. It has nothing to send then: a step that receives
// nothing queues nothing, and has sent what the one before had queued.
func (w *worker) rest(received int) {
	pause := w.pause
	w.pause = 0
	if received > 0 {
		w.empty = 0
		w.disarm()
		w.gather()
		return
	}
	if pause > 0 {
		w.nap(pause)
		return
	}
	w.empty++
	wait := w.cur.wait
	switch {
	case w.empty < w.idleSteps || wait == nil:
	case len(wait.arms) > 0 && !w.armed:
		w.armed = true
		for _, i := range wait.arms {
			i.Arm()
		}
	default:
		w.sleep(wait)
		w.disarm()
	}
}

// gather lets the sets that want to be left alone for a while be so: the next step
// sends what this one queued and does not look at them, and if it finds nothing
// elsewhere the worker sleeps. It is what an interface's moderation of interrupts is:
// a packet that meets a stream of others comes a pause later at most, one that comes
// alone does not.
func (w *worker) gather() {
	for _, s := range w.cur.sets {
		if s.gather == nil || s.rx.N == 0 || w.cur.wait == nil {
			continue
		}
		if d := s.gather.Gather(); d > 0 {
			s.held, w.pause = true, max(w.pause, d)
		}
	}
}

// nap sleeps for a moment in which nothing but the time may wake the worker.
func (w *worker) nap(d time.Duration) {
	begin := w.bell.now()
	ppoll(nil, min(d, shortSleep))
	w.sleeps.Add(1)
	w.slept.Add(uint64(w.bell.now() - begin))
}

// disarm undoes the Arm of the current graph's sets.
func (w *worker) disarm() {
	if w.armed {
		w.armed = false
		for _, i := range w.cur.wait.arms {
			i.Disarm()
		}
	}
}

// sleep sleeps, unless there is another graph to run, and notes how long it
// took to wake up where that can be known.
func (w *worker) sleep(wait *wait) {
	b := w.bell
	b.due.Store(0)
	b.asleep.Store(true)
	if w.next.Load() == w.cur {
		begin := b.now()
		expired := ppoll(wait.fds, wait.look)
		end := b.now()
		w.sleeps.Add(1)
		w.slept.Add(uint64(end - begin))
		if expired {
			w.late[latencyCell(end-begin-wait.look)].Add(1)
		} else if wait.rung() {
			if due := b.heard(); due > 0 {
				w.late[latencyCell(end-due)].Add(1)
			}
		}
	}
	b.asleep.Store(false)
}
