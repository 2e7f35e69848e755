package config

import (
	"fmt"
	"net/netip"
	"slices"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/yamlfile"
)

// SlaveKey is the key of a file for a field of a slave by its JSON name, the word
// that ipvctl takes; "" for what is not said of a slave in a file.
func SlaveKey(name string) string {
	switch name {
	case "ifname":
		return "name"
	case "memif_id":
		return "id"
	case "link", "mode", "flag", "force": // the master's
		return ""
	}
	return name
}

// slaveReader reads slaves; what one does not say is as in defaults.
type slaveReader struct{ defaults api.DeclaredSlave }

// newSlaveReader reads the defaults: all that slaves may have in common.
func newSlaveReader(v yamlfile.Value) (r slaveReader) {
	if v == (yamlfile.Value{}) {
		return r
	}
	for _, e := range v.Entries() {
		if slices.Contains([]string{"name", "netns", "addresses"}, e.Key) {
			e.Fail("%s has no default: it is a slave's own", e.Key)
			continue
		}
		readSlaveEntry(&r.defaults, e)
	}
	return r
}

// readSlaveEntry reads a key of a slave.
func readSlaveEntry(s *api.DeclaredSlave, e yamlfile.Entry) {
	fields := yamlfile.FieldsOf(&s.Link, SlaveKey)
	switch {
	case fields.Has(e.Key):
		fields.Set(e.Key, e.Value)
	case e.Key == "up":
		if up, ok := e.Value.Bool(); ok {
			s.Down = !up
		}
	case e.Key == "addresses":
		s.Addrs = readAddrs(e.Value)
	default:
		e.Unknown(append(fields.Names, "up", "addresses"))
	}
}

func readAddrs(v yamlfile.Value) (addrs []netip.Prefix) {
	for _, item := range v.Items() {
		item.Set(func(text string) error {
			p, err := api.AddrChange{Name: "x", Addr: text}.Prefix()
			if err == nil && slices.ContainsFunc(addrs, func(o netip.Prefix) bool { return o.Addr() == p.Addr() }) {
				err = fmt.Errorf("address %v is given twice", p.Addr())
			}
			addrs = append(addrs, p)
			return err
		})
	}
	return addrs
}

// readAll reads the slaves of a master.
func (r slaveReader) readAll(master string, list yamlfile.Value) (all []api.DeclaredSlave) {
	owners := map[netip.Addr]string{}
	for _, item := range list.Items() {
		s, ok := r.read(master, item)
		if !ok {
			continue
		}
		if slices.ContainsFunc(all, s.Same) {
			item.Fail("%v is declared twice", s)
		}
		for _, p := range s.Addrs {
			if o := owners[p.Addr()]; o != "" {
				item.Fail("address %v of %s belongs to %s already", p.Addr(), s.Link.Name, o)
			}
			owners[p.Addr()] = s.Link.Name
		}
		all = append(all, s)
	}
	return all
}

func (r slaveReader) read(master string, item yamlfile.Value) (s api.DeclaredSlave, ok bool) {
	s = r.defaults
	s.Link.Master = master
	for _, e := range item.Entries() {
		readSlaveEntry(&s, e)
	}
	if s.Link.Name == "" {
		item.Fail("a slave has a name")
		return s, false
	}
	if err := s.Link.Check(); err != nil {
		item.Fail("%w", err)
		return s, false
	}
	return s, true
}
