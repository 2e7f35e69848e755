package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/pflag"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/yamlfile"
)

// DefaultFile is read when it is there and --config names no other.
const DefaultFile = "/etc/ipvd/ipvd.yaml"

// NoFile in place of a path means that no file is read.
const NoFile = "none"

// File is what a configuration file says: flags by their names, masters with
// their slaves, and DPDK's arguments.
type File struct {
	Masters  []Master
	Declared []api.DeclaredMaster
	EAL      []string

	f        *yamlfile.File
	settings map[string]yamlfile.Value // by the flag's name
}

// ReadFile reads a configuration file. flags are those of ipvd: which keys there
// are, and which values they take. The error has a line for each problem.
func ReadFile(path string, flags *pflag.FlagSet) (*File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	return readText(path, text, flags)
}

func readText(path string, text []byte, flags *pflag.FlagSet) (*File, error) {
	f, top := yamlfile.Parse(path, text)
	c := &File{f: f, settings: map[string]yamlfile.Value{}}
	keys := Settings(flags)
	var defaults, list yamlfile.Value
	for _, e := range top.Entries() {
		switch {
		case e.Key == "masters":
			list = e.Value
		case e.Key == "defaults":
			defaults = e.Value
		case e.Key == "eal":
			c.readEAL(e.Value)
		case slices.Contains(keys, e.Key):
			c.settings[e.Key] = e.Value
			checkSetting(flags, e)
		case e.Key == "master":
			e.Fail("key %q is unknown: masters stand in a list under masters", e.Key)
		default:
			e.Unknown(append([]string{"masters", "defaults", "eal"}, keys...))
		}
	}
	c.readMasters(list, newSlaveReader(defaults))
	if err := c.f.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

// Settings are the flags that are keys of a file as well, by their names: all but
// those whose place in a file is another, or none.
func Settings(flags *pflag.FlagSet) (keys []string) {
	flags.VisitAll(func(f *pflag.Flag) {
		switch f.Name {
		case "master", "config", "help", "version":
		default:
			keys = append(keys, f.Name)
		}
	})
	return keys
}

// checkSetting tries the value on a copy of the flag's.
func checkSetting(flags *pflag.FlagSet, e yamlfile.Entry) {
	flag := flags.Lookup(e.Key)
	if flag.Value.Type() == "bool" {
		e.Value.Bool()
		return
	}
	e.Value.Set(func(text string) error {
		scratch := Default()
		for _, g := range groups(&scratch) {
			if own := g.flags.Lookup(e.Key); own != nil {
				if err := own.Value.Set(text); err != nil {
					return fmt.Errorf("%s %q: %w", e.Key, text, err)
				}
			}
		}
		return nil
	})
}

func (c *File) readEAL(v yamlfile.Value) {
	for _, item := range v.Items() {
		if text, ok := item.Text(); ok {
			c.EAL = append(c.EAL, text)
		}
	}
}

// apply sets every flag of the file that neither the command line nor the
// environment has set.
func (c *File) apply(flags *pflag.FlagSet) error {
	for key, value := range c.settings {
		if flags.Changed(key) {
			continue
		}
		value.Set(func(text string) error { return flags.Set(key, text) })
	}
	return c.f.Err()
}

// findFile finds the file to read: the one that is named, else the default one if it
// is there. "" is none.
func findFile(named string) (string, error) {
	switch named {
	case NoFile:
		return "", nil
	case "":
		_, err := os.Stat(DefaultFile)
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		return DefaultFile, err
	}
	return named, nil
}

// useFile completes c by the file. Masters that flags name keep the mode and the
// slaves that the file gives masters of their names; the file's other masters are
// not used then.
func (c *Config) useFile(flags *pflag.FlagSet) error {
	path, err := findFile(c.File)
	if c.File = path; path == "" || err != nil {
		return err
	}
	file, err := ReadFile(path, flags)
	if err != nil {
		return err
	}
	if err := file.apply(flags); err != nil {
		return err
	}
	if !flags.Changed("master") {
		c.Masters = file.Masters
	}
	if len(c.EAL) == 0 {
		c.EAL = file.EAL
	}
	for _, d := range file.Declared {
		if slices.ContainsFunc(c.Masters, func(m Master) bool { return m.Name == d.Name }) {
			c.Declared = append(c.Declared, d)
		}
	}
	return nil
}
