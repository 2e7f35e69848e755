package config

import (
	"fmt"

	"github.com/goccy/go-yaml"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/yamlfile"
)

// Format writes a configuration as a file that is read as the same.
func Format(c api.Config) ([]byte, error) {
	var top yaml.MapSlice
	for _, s := range c.Settings {
		top = append(top, item(s.Name, plain(s.Value)))
	}
	if len(c.EAL) > 0 {
		top = append(top, item("eal", c.EAL))
	}
	masters := []yaml.MapSlice{}
	for _, m := range c.Masters {
		masters = append(masters, formatMaster(m))
	}
	text, err := yaml.MarshalWithOptions(append(top, item("masters", masters)), yaml.IndentSequence(true))
	if err != nil {
		return nil, fmt.Errorf("write the configuration as YAML: %w", err)
	}
	return text, nil
}

func item(key string, value any) yaml.MapItem { return yaml.MapItem{Key: key, Value: value} }

// plain gives words that YAML takes for numbers or truth values as these, so that
// they are not quoted.
func plain(s string) any {
	var v any
	if yaml.Unmarshal([]byte(s), &v) != nil {
		return s
	}
	switch v := v.(type) {
	case bool, uint64:
		if fmt.Sprint(v) == s {
			return v
		}
	}
	return s
}

func formatMaster(m api.RunningMaster) (out yaml.MapSlice) {
	out = append(out, item("name", m.Name))
	if m.Wire != m.Name {
		out = append(out, item("wire", m.Wire))
	}
	for _, s := range []api.Setting{{Name: "mode", Value: m.Mode}, {Name: "flag", Value: m.Flag}} {
		if s.Value != "" {
			out = append(out, item(s.Name, s.Value))
		}
	}
	slaves := []yaml.MapSlice{}
	for _, s := range m.Slaves {
		slaves = append(slaves, formatSlave(s))
	}
	if len(slaves) > 0 {
		out = append(out, item("slaves", slaves))
	}
	return out
}

func formatSlave(s api.DeclaredSlave) (out yaml.MapSlice) {
	fields := yamlfile.FieldsOf(&s.Link, SlaveKey)
	for _, name := range fields.Names {
		if !fields.IsZero(name) {
			out = append(out, item(name, fields.Get(name)))
		}
	}
	if s.Down {
		out = append(out, item("up", false))
	}
	var addrs []string
	for _, p := range s.Addrs {
		addrs = append(addrs, p.String())
	}
	if len(addrs) > 0 {
		out = append(out, item("addresses", addrs))
	}
	return out
}
