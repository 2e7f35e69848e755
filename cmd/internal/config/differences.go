package config

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"ipvd/cmd/internal/api"
)

// values are the settings of a configuration by their names, in the order of the
// flags.
func values(c Config) (names []string, of map[string]string) {
	of = map[string]string{}
	for _, g := range groups(&c) {
		g.flags.SortFlags = false
		names = append(names, Settings(g.flags)...)
		g.flags.VisitAll(func(f *pflag.Flag) { of[f.Name] = f.Value.String() })
	}
	return names, of
}

// Set are the settings that differ from the defaults.
func (c Config) Set() (set []api.Setting) {
	names, have := values(c)
	_, usual := values(Default())
	for _, name := range names {
		if have[name] != usual[name] {
			set = append(set, api.Setting{Name: name, Value: have[name]})
		}
	}
	return set
}

// Differences are what next says of settings, masters and wires that a daemon which
// was started with c does when it is started again.
func Differences(c, next Config) (changes []api.ConfigChange) {
	names, have := values(c)
	_, want := values(next)
	differ := func(on, from, to string) {
		if from != to {
			changes = append(changes, api.ConfigChange{Do: api.ConfigRestart, On: on, From: from, To: to})
		}
	}
	for _, name := range names {
		differ(name, have[name], want[name])
	}
	differ("eal", strings.Join(c.EAL, " "), strings.Join(next.EAL, " "))
	for _, m := range next.Masters {
		differ("wire of master "+m.Name, wireOf(c, m.Name), m.Wire.Device)
	}
	for _, m := range c.Masters {
		if wireOf(next, m.Name) == "" {
			differ("wire of master "+m.Name, m.Wire.Device, "")
		}
	}
	return changes
}

// wireOf is a master's wire, "" when there is no such master.
func wireOf(c Config, name string) string {
	i := slices.IndexFunc(c.Masters, func(m Master) bool { return m.Name == name })
	if i < 0 {
		return ""
	}
	return c.Masters[i].Wire.Device
}
