package main

import (
	"errors"

	"ipvd/cmd/internal/api"
)

// parseLinkAdd reads `[name] NAME link MASTER type ipvlan …` in any order.
func parseLinkAdd(args []string) (r api.LinkAdd, err error) {
	var kind, mtu, queues, id string
	g := grammar{
		values: map[string]*string{"link": &r.Master, "name": &r.Name, "dev": &r.Name, "type": &kind, "mtu": &mtu,
			"mode": &r.Mode, "netns": &r.Netns, "kind": &r.Kind, "devargs": &r.Devargs,
			"socket": &r.Socket, "role": &r.Role, "queues": &queues, "id": &id, "secret": &r.Secret},
		alone: map[string]*bool{"force": &r.Force, "trusted": &r.Trusted, "learn": &r.Learn},
		flag:  &r.Flag,
		bare:  &r.Name,
	}
	if err := g.parse(args); err != nil {
		return r, err
	}
	if r.Master == "" {
		return r, errors.New(`"link" is missing: link add link MASTER NAME type ipvlan`)
	}
	if kind == "" {
		return r, errors.New(`"type ipvlan" is missing: link add link MASTER NAME type ipvlan`)
	}
	if err := checkType(kind); err != nil {
		return r, err
	}
	for _, n := range []struct {
		word, text string
		to         *int
	}{{"mtu", mtu, &r.MTU}, {"queues", queues, &r.Queues}, {"id", id, &r.MemifID}} {
		if *n.to, err = number(n.word, n.text); err != nil {
			return r, err
		}
	}
	return r, r.Check()
}

// parseLinkSet reads `[dev] NAME type ipvlan [mode MODE] [FLAG]`.
func parseLinkSet(args []string) (r api.LinkSet, err error) {
	var kind string
	g := grammar{
		values: map[string]*string{"dev": &r.Name, "type": &kind, "mode": &r.Mode},
		flag:   &r.Flag,
		bare:   &r.Name,
	}
	if err := g.parse(args); err != nil {
		return r, err
	}
	if err := checkType(kind); err != nil {
		return r, err
	}
	return r, r.Check()
}

// parseLinkDel reads `[dev] NAME [type ipvlan]`.
func parseLinkDel(args []string) (r api.LinkDel, err error) {
	var kind string
	g := grammar{values: map[string]*string{"dev": &r.Name, "type": &kind}, bare: &r.Name}
	if err := g.parse(args); err != nil {
		return r, err
	}
	if err := checkType(kind); err != nil {
		return r, err
	}
	return r, r.Check()
}

// parseLinkShow reads `[[dev] NAME] [master MASTER] [type ipvlan]`.
func parseLinkShow(args []string) (f api.LinkFilter, err error) {
	var kind string
	g := grammar{values: map[string]*string{"dev": &f.Name, "master": &f.Master, "type": &kind}, bare: &f.Name}
	if err := g.parse(args); err != nil {
		return f, err
	}
	return f, checkType(kind)
}
