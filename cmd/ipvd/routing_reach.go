package main

import (
	"time"

	"ipvd/flows/ipvlan"
)

// What --l3-proxy answers at most for a master: answersPerTurn every answersTurn,
// so 2,000 a second. A router that asks for all slaves of a busy host asks less,
// and whoever asks more gets its answer when it asks again.
const (
	answersTurn    = 100 * time.Millisecond
	answersPerTurn = 200
)

// answers fills up what --l3-proxy may answer for each master, turn by turn.
type answers struct {
	of         []*ipvlan.Allowance
	stop, done chan struct{}
}

// setReach makes what --host-reach and --l3-proxy say part of the master.
func (m *master) setReach() {
	t := m.template
	t.HostReach, t.Hosts = m.d.cfg.HostReach == "on", m.addrs.reg.Hosts()
	if m.d.cfg.L3Proxy == "on" {
		t.L3Proxy, t.Answers = true, new(ipvlan.Allowance)
		t.Answers.Refill(answersPerTurn)
	}
}

// startAnswers begins to fill up what may be answered, if anything is. All masters
// are there.
func (d *daemon) startAnswers() error {
	if d.cfg.L3Proxy != "on" {
		return nil
	}
	d.answers = &answers{stop: make(chan struct{}), done: make(chan struct{})}
	for _, m := range d.masters {
		d.answers.of = append(d.answers.of, m.template.Answers)
	}
	go d.answers.run()
	return nil
}

func (a *answers) run() {
	defer close(a.done)
	turn := time.NewTicker(answersTurn)
	defer turn.Stop()
	for {
		select {
		case <-a.stop:
			return
		case <-turn.C:
			for _, left := range a.of {
				left.Refill(answersPerTurn)
			}
		}
	}
}

// close ends run. It may be called for nil, and once else.
func (a *answers) close() {
	if a == nil {
		return
	}
	close(a.stop)
	<-a.done
}
