package main

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// ovsWork is what the switch's worker has done so far.
type ovsWork struct {
	received uint64
	missed   uint64 // went to the slow path, for there was no cached rule yet
	lost     uint64 // dropped there
}

var ovsWorker = regexp.MustCompile(`(?s)^pmd thread .*?packets received: (\d+).*?miss with success upcall: (\d+).*?miss with failed upcall: (\d+)`)

func (o *ovs) worked() (ovsWork, error) {
	said, err := o.ctl.ask("dpif-netdev/pmd-stats-show")
	if err != nil {
		return ovsWork{}, err
	}
	return parseWork(said)
}

func parseWork(said string) (w ovsWork, err error) {
	m := ovsWorker.FindStringSubmatch(said)
	if m == nil {
		return w, fmt.Errorf("Open vSwitch: no counters of a worker in %q", said)
	}
	// What matches is numbers, too small to overflow.
	w.received, _ = strconv.ParseUint(m[1], 10, 64)
	w.missed, _ = strconv.ParseUint(m[2], 10, 64)
	w.lost, _ = strconv.ParseUint(m[3], 10, 64)
	w.missed += w.lost
	return w, nil
}

// warmUp waits until the switch has cached all rules: a while without a miss.
func (o *ovs) warmUp() error {
	const quiet, limit = 300 * time.Millisecond, 10 * time.Second
	var last ovsWork
	for begin := time.Now(); time.Since(begin) < limit; time.Sleep(quiet) {
		w, err := o.worked()
		if err != nil {
			return err
		}
		if w.received > last.received && w.missed == last.missed && last.received > 0 {
			return nil
		}
		last = w
	}
	return fmt.Errorf("after %v it still misses rules, or receives nothing: %+v", limit, last)
}

var ovsPorts = regexp.MustCompile(`(?s)port \d+: (out\d+) .*?TX packets:(\d+)`)

// sent is what each output has taken so far.
func (o *ovs) sent() (map[string]uint64, error) {
	said, err := o.ctl.ask("dpctl/show", "-s")
	if err != nil {
		return nil, err
	}
	return parseSent(said), nil
}

func parseSent(said string) map[string]uint64 {
	sent := map[string]uint64{}
	for _, m := range ovsPorts.FindAllStringSubmatch(said, -1) {
		sent[m[1]], _ = strconv.ParseUint(m[2], 10, 64)
	}
	return sent
}

// check takes the source away and compares what was received with what the
// outputs took: the proof of work.
func (o *ovs) check(l load) error {
	o.vswitch.signal(unix.SIGCONT)
	if err := o.vsctl("del-port", ovsSource); err != nil {
		return err
	}
	w, err := o.worked()
	if err != nil {
		return err
	}
	sent, err := o.sent()
	if err != nil {
		return err
	}
	return checkSent(l, w, sent)
}

// checkSent says whether all that was received and not lost went where the
// file says, but for the last, unfinished pass over it.
func checkSent(l load, w ovsWork, sent map[string]uint64) error {
	var sum uint64
	passes := w.received / uint64(len(l.frames))
	for k, want := range l.want {
		got := sent[ovsOutput(k)]
		sum += got
		if lo, hi := passes*want, (passes+1)*want; got+w.lost < lo || got > hi {
			return fmt.Errorf("Open vSwitch: output %d took %d packets, want %d to %d", k, got, lo, hi)
		}
	}
	if sum != w.received-w.lost {
		return fmt.Errorf("Open vSwitch received %d packets, lost %d and sent %d", w.received, w.lost, sum)
	}
	return nil
}
