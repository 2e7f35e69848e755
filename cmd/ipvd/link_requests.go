package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/netns"
	"ipvd/flows/ipvlan"
)

// master finds a master by name. Under mu.
func (d *daemon) master(name string) *master {
	i := slices.IndexFunc(d.masters, func(m *master) bool { return m.name == name })
	if i < 0 {
		return nil
	}
	return d.masters[i]
}

func (d *daemon) masterNames() []string {
	var names []string
	for _, m := range d.masters {
		names = append(names, m.name)
	}
	return names
}

// masterFor finds the master of a link add, which may be named by one of its
// slaves, as for the kernel (ipvlan_main.c, ipvlan_link_new). It sees when link
// and name were swapped.
func (d *daemon) masterFor(c api.Caller, r api.LinkAdd) (*master, error) {
	if m := d.master(r.Master); m != nil {
		return m, nil
	}
	if s, err := d.find(c, r.Master, ""); err == nil {
		return s.m, nil
	}
	text := fmt.Sprintf("%q is no master of this daemon; its masters: %s", r.Master, strings.Join(d.masterNames(), ", "))
	if d.master(r.Name) != nil {
		text = fmt.Sprintf("link and name are swapped: %q is a master and %q is not, so it must be `link add link %s %s type ipvlan …`",
			r.Name, r.Master, r.Name, r.Master)
	}
	return nil, &api.Refusal{Text: text, Errno: unix.ENODEV}
}

// modeForAdd gives the mode and flag that the master will have after a link add.
// The kernel lets the last one win for all slaves of the master (ipvlan_main.c,
// ipvlan_link_new); here that takes `force` once there are slaves.
func (m *master) modeForAdd(r api.LinkAdd) (ipvlan.Mode, ipvlan.Flag, error) {
	compat := m.template.CompatKernel
	if compat {
		r.Mode, r.Flag = m.kernelWords(r.Mode, r.Flag)
	}
	mode, flag, err := m.parseMode(r.Mode, r.Flag)
	now := m.template
	same := mode == now.Mode && flag == now.Flag
	if err == nil && !same && len(m.slaves) > 0 && !r.Force && !compat {
		err = &api.Refusal{Errno: unix.EBUSY, Text: fmt.Sprintf(
			"%s has mode %v %v for all its %d slaves, not %v %v: leave the mode out, change it with `link set`, or say force",
			m.name, now.Mode, now.Flag, len(m.slaves), mode, flag)}
	}
	return mode, flag, err
}

// kernelWords are the mode and flag that the kernel's driver takes a link add of
// ip(8) for: without a mode it is l3 (ipvlan_main.c, ipvlan_link_new); ip sends a
// flag with every mode, and bridge unless it is named (ip/iplink_ipvlan.c). The
// first slave makes a new port, whose flag is bridge.
func (m *master) kernelWords(mode, flag string) (string, string) {
	if flag == "" && (mode != "" || len(m.slaves) == 0) {
		flag = ipvlan.Bridge.String()
	}
	if mode == "" {
		mode = ipvlan.L3.String()
	}
	return mode, flag
}

// parseMode reads mode and flag; an empty word keeps what the master has.
func (m *master) parseMode(mode, flag string) (ipvlan.Mode, ipvlan.Flag, error) {
	md, fl := m.template.Mode, m.template.Flag
	var errs []error
	if mode != "" {
		v, err := ipvlan.ParseMode(mode)
		md, errs = v, append(errs, err)
	}
	if flag != "" {
		v, err := ipvlan.ParseFlag(flag)
		fl, errs = v, append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return md, fl, &api.Refusal{Text: err.Error(), Errno: unix.EINVAL}
	}
	return md, fl, nil
}

// LinkSet changes mode and flag of a master, or of the master of a slave.
func (d *daemon) LinkSet(ctx context.Context, c api.Caller, r api.LinkSet) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.master(r.Name)
	if m == nil {
		s, err := d.find(c, r.Name, r.Netns)
		if err != nil {
			return err
		}
		m = s.m
	}
	if m.template.CompatKernel && r.Mode != "" && r.Flag == "" {
		r.Flag = ipvlan.Bridge.String() // as ip sends it: see kernelWords
	}
	mode, flag, err := m.parseMode(r.Mode, r.Flag)
	if err != nil {
		return err
	}
	return m.setMode(mode, flag)
}

// LinkDel removes a slave.
func (d *daemon) LinkDel(ctx context.Context, c api.Caller, r api.LinkDel) error {
	s, err := d.takeOut(c, r)
	if err != nil {
		return err
	}
	return s.end()
}

func (d *daemon) takeOut(c api.Caller, r api.LinkDel) (*slave, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.master(r.Name) != nil {
		return nil, &api.Refusal{Text: fmt.Sprintf("%s is a master: it goes away with the daemon", r.Name), Errno: unix.EOPNOTSUPP}
	}
	s, err := d.find(c, r.Name, r.Netns)
	if err != nil {
		return nil, err
	}
	if err := s.m.takeOut(s); err != nil {
		return nil, err
	}
	d.undeclare(s)
	return s, nil
}

// find gives the slave that a request means by name, or by MASTER/ID. Names are
// unique in a namespace only: the one asked for, or the caller's, is looked
// into first; without a namespace a name that only one slave has will do.
func (d *daemon) find(c api.Caller, name, ref string) (*slave, error) {
	if m, id, ok := d.byID(name); ok {
		if s := m.slave(id); s != nil {
			return s, nil
		}
		return nil, d.orMissing(name, &api.Refusal{Text: fmt.Sprintf("master %s has no slave %d", m.name, id), Errno: unix.ENODEV})
	}
	fd, done, err := callerNetns(c, ref)
	var here netns.ID
	if err == nil {
		here, err = netns.IDOf(fd)
		done()
	}
	if err != nil && ref != "" {
		return nil, err
	}
	var all []*slave
	for _, s := range d.slaves() {
		p := s.place()
		if p.name == name && p.netns == here {
			return s, nil
		}
		if p.name == name {
			all = append(all, s)
		}
	}
	if len(all) == 1 && ref == "" {
		return all[0], nil
	}
	return nil, d.orMissing(name, notFound(name, ref, all))
}

func notFound(name, ref string, all []*slave) error {
	if len(all) == 0 || ref != "" {
		where := ""
		if ref != "" {
			where = " in namespace " + ref
		}
		return &api.Refusal{Text: fmt.Sprintf("no slave is called %q%s", name, where), Errno: unix.ENODEV}
	}
	var keys []string
	for _, s := range all {
		keys = append(keys, fmt.Sprintf("%s in %s", s.key(), s.place().where()))
	}
	return &api.Refusal{Text: fmt.Sprintf("%d slaves are called %q, none of them in your namespace: say which one by netns or by MASTER/ID (%s)",
		len(all), name, strings.Join(keys, ", ")), Errno: unix.EINVAL}
}

func (d *daemon) byID(name string) (*master, uint16, bool) {
	master, number, ok := strings.Cut(name, "/")
	id, err := strconv.ParseUint(number, 10, 16)
	m := d.master(master)
	return m, uint16(id), ok && err == nil && m != nil
}

// slaves are those of all masters. Under mu.
func (d *daemon) slaves() []*slave {
	var all []*slave
	for _, m := range d.masters {
		all = append(all, m.slaves...)
	}
	return all
}
