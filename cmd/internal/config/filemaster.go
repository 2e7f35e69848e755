package config

import (
	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/yamlfile"
)

// readMasters reads the list of masters.
func (c *File) readMasters(list yamlfile.Value, slaves slaveReader) {
	if list == (yamlfile.Value{}) {
		return
	}
	for _, item := range list.Items() {
		c.readMaster(item, slaves)
	}
}

// masterKeys are the keys of a master.
func masterKeys() []string { return []string{"name", "wire", "mode", "flag", "slaves"} }

func (c *File) readMaster(item yamlfile.Value, slaves slaveReader) {
	var d api.DeclaredMaster
	var wire string
	var list yamlfile.Value
	given := false
	for _, e := range item.Entries() {
		switch e.Key {
		case "name":
			d.Name, given = e.Value.Text()
		case "wire":
			wire, _ = e.Value.Text()
		case "mode":
			e.Value.Set(choice{&d.Mode, api.Modes()}.Set)
		case "flag":
			e.Value.Set(choice{&d.Flag, api.Flags()}.Set)
		case "slaves":
			list = e.Value
		default:
			e.Unknown(masterKeys())
		}
	}
	if !given {
		item.Fail("a master has a name")
		return
	}
	m, err := parseMaster(d.Name, wire)
	if err == nil {
		err = (masters{&c.Masters}).add(m)
	}
	if err != nil {
		item.Fail("%w", err)
		return
	}
	if list != (yamlfile.Value{}) {
		d.Slaves = slaves.readAll(d.Name, list)
	}
	c.Declared = append(c.Declared, d)
}
