package main

import "sync"

// chores does on its own goroutine what events ask for and what takes longer
// than an event may: netlink requests, changes of the graph. A chore that waits
// is not added a second time under the same name.
type chores struct {
	mu      sync.Mutex
	waiting []chore
	wake    chan struct{}
	stop    chan struct{}
	done    chan struct{}
}

type chore struct {
	name string
	do   func()
}

func newChores() *chores {
	return &chores{wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
}

// add queues a chore, in place of a waiting one of the same name. It never
// waits.
func (c *chores) add(name string, do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.waiting {
		if c.waiting[i].name == name {
			c.waiting[i].do = do
			return
		}
	}
	c.waiting = append(c.waiting, chore{name, do})
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// take gives the oldest waiting chore.
func (c *chores) take() (chore, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		return chore{}, false
	}
	first := c.waiting[0]
	c.waiting = c.waiting[1:]
	return first, true
}

// run works until close.
func (c *chores) run() {
	defer close(c.done)
	for {
		select {
		case <-c.stop:
			return
		case <-c.wake:
		}
		for next, ok := c.take(); ok && !c.stopped(); next, ok = c.take() {
			next.do()
		}
	}
}

func (c *chores) stopped() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

// close ends run after the chore that is being done. What waits is left.
func (c *chores) close() {
	close(c.stop)
	<-c.done
}
