// Package l3s makes the host route between a master's host port and its return
// interface, a TAP through which slaves' packets enter the host and packets for
// slaves leave it: so both directions pass the host's netfilter.
//
//	wire ─ host port ─ PREROUTING, FORWARD ─ SLAVE/32 dev return ─ slave
//	slave ─ return ─ PREROUTING, FORWARD, POSTROUTING ─ host port ─ wire
//
// Every sysctl that is changed is recorded first and put back exactly, by a
// later process if need be.
package l3s

import (
	"errors"
	"fmt"

	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/host/sysctl"
	"ipvd/cmd/internal/store"

	"golang.org/x/sys/unix"
)

// Host is the host's set-up for a master in mode l3s. Its methods are for one
// goroutine; no other may call SetUp, Restore or Recover meanwhile.
type Host struct {
	records store.Table[store.Host]
	rec     store.Host
	home    int // descriptor of the host's namespace
	ret     link.Link
	vrf     int    // index of the VRF that the return interface is in; 0: none
	table   uint32 // that VRF's routing table; 0: the main one
}

// SetUp prepares the calling thread's namespace, which must be the daemon's:
// the return interface ret goes up without ARP and without an address of its
// own, and packets are forwarded between it and hostPort. On an error nothing
// stays changed.
func SetUp(master, hostPort, ret string, records store.Table[store.Host]) (*Host, error) {
	h, err := setUp(master, hostPort, ret, records)
	if err != nil {
		return nil, fmt.Errorf("master %s: set up the host for l3s: %w", master, err)
	}
	return h, nil
}

func setUp(master, hostPort, ret string, records store.Table[store.Host]) (*Host, error) {
	wanted, err := wantedSysctls(hostPort, ret)
	if err != nil {
		return nil, err
	}
	plan, err := sysctl.Plan(wanted)
	if err != nil {
		return nil, err
	}
	home, err := netns.Current()
	if err != nil {
		return nil, err
	}
	id, err := netns.IDOf(home)
	if err != nil {
		unix.Close(home)
		return nil, err
	}
	h := &Host{records: records, rec: store.Host{Master: master, Home: id, HostPort: hostPort, Return: ret, Sysctls: plan}, home: home}
	if h.ret, _, err = link.ByName(home, ret); err != nil {
		unix.Close(home)
		return nil, err
	}
	if err := records.Save(h.rec); err != nil {
		unix.Close(home)
		return nil, err
	}
	if err := h.change(); err != nil {
		return nil, errors.Join(err, h.Restore())
	}
	return h, nil
}

func (h *Host) change() error {
	if err := sysctl.Apply(h.rec.Sysctls); err != nil {
		return err
	}
	if err := h.ret.SetNoARP(true); err != nil {
		return err
	}
	return h.ret.SetUp(true)
}

// Renew sets the sysctls again, of which the kernel forgets the host port's when
// its interface moves to another namespace. It must have come back.
func (h *Host) Renew() error {
	if err := netns.Run(h.home, func() error { return sysctl.Apply(h.rec.Sysctls) }); err != nil {
		return fmt.Errorf("master %s: set up the host for l3s again: %w", h.rec.Master, err)
	}
	return nil
}

// Home reports that ns is the namespace that was set up.
func (h *Host) Home(ns netns.ID) bool { return h.rec.Home == ns }

// Changes lists what was changed in the host's settings.
func (h *Host) Changes() []sysctl.Change { return h.rec.Sysctls }

// Restore puts the sysctls back and removes the record. After success another
// call does nothing. The routes end with the return interface.
func (h *Host) Restore() error {
	if h.home < 0 {
		return nil
	}
	err := netns.Run(h.home, func() error { return restore(h.rec, h.records) })
	if err != nil {
		return fmt.Errorf("master %s: put the host's settings back: %w", h.rec.Master, err)
	}
	unix.Close(h.home)
	h.home = -1
	return nil
}

// Recover puts back what a killed process changed, in the calling thread's
// namespace, which must be rec.Home.
func Recover(rec store.Host, records store.Table[store.Host]) error {
	if err := restore(rec, records); err != nil {
		return fmt.Errorf("master %s: put the host's settings back: %w", rec.Master, err)
	}
	return nil
}

// restore works from the record on disk, since another master's may have been
// left to it. What all masters share is left to one that still needs it.
func restore(rec store.Host, records store.Table[store.Host]) error {
	all, err := records.Load()
	if err != nil && !errors.Is(err, store.ErrDamaged) {
		return err
	}
	var own, heir *store.Host
	for i := range all {
		switch {
		case all[i].Key() == rec.Key():
			own = &all[i]
		case all[i].Home == rec.Home:
			heir = &all[i]
		}
	}
	if own == nil {
		return nil
	}
	back := own.Sysctls
	if heir != nil {
		var shared []sysctl.Change
		back, shared = divide(*own)
		heir.Sysctls = append(shared, heir.Sysctls...)
		if err := records.Save(*heir); err != nil {
			return err
		}
	}
	if err := sysctl.Restore(back); err != nil {
		return err
	}
	return records.Delete(rec.Key())
}
