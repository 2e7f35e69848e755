// Package kind tells the kinds of slave ports: their names, which words each takes,
// and what is wrong with a choice of them. A kind is a file here and a row of All; how
// the daemon opens it is a file and a row in cmd/ipvd.
package kind

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Options are the words that say what a slave's port is, beyond its kind. Which of
// them a kind takes is in its row.
type Options struct {
	Devargs string `json:"devargs,omitempty"`  // DPDK's name of a device, with its arguments
	Socket  string `json:"socket,omitempty"`   // absolute path of a unix socket
	Role    string `json:"role,omitempty"`     // server (makes the socket) or client; empty: server
	Queues  int    `json:"queues,omitempty"`   // each way, at most; 0: 1
	MemifID int    `json:"memif_id,omitempty"` // memif: number of the interface
	Secret  string `json:"secret,omitempty"`   // memif: what both ends must say
	Trusted bool   `json:"trusted,omitempty"`  // the peer may share memory with DPDK, which believes it
	Learn   bool   `json:"learn,omitempty"`    // learn addresses from what the slave sends
}

// Kind is a row.
type Kind struct {
	Name  string
	Takes []string // words of Options, as words gives them
	Short string   // for people, in a line
	check func(Options) error
}

// All are the kinds, the default first.
func All() []Kind { return []Kind{tap(), memif(), vhostUser(), virtioUser(), vdev()} }

// Names are the kinds' names.
func Names() (names []string) {
	for _, k := range All() {
		names = append(names, k.Name)
	}
	return names
}

// words are the words of o that say something.
func (o Options) words() (words []string) {
	for _, w := range []struct {
		word  string
		given bool
	}{
		{"devargs", o.Devargs != ""}, {"socket", o.Socket != ""}, {"role", o.Role != ""}, {"queues", o.Queues != 0},
		{"id", o.MemifID != 0}, {"secret", o.Secret != ""}, {"trusted", o.Trusted}, {"learn", o.Learn},
	} {
		if w.given {
			words = append(words, w.word)
		}
	}
	return words
}

// Check says what is wrong with the options of a kind, "" being the default.
func Check(name string, o Options) error {
	if name == "" {
		name = All()[0].Name
	}
	i := slices.IndexFunc(All(), func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return fmt.Errorf("kind %q is unknown, want %s", name, strings.Join(Names(), ", "))
	}
	k := All()[i]
	for _, w := range o.words() {
		if !slices.Contains(k.Takes, w) {
			return fmt.Errorf("kind %s takes no %s%s", name, w, k.instead())
		}
	}
	return k.check(o)
}

func (k Kind) instead() string {
	if len(k.Takes) == 0 {
		return ""
	}
	return ": only " + strings.Join(k.Takes, ", ")
}

// maxQueues is what all kinds with several queues can have.
const maxQueues = 16

// checkSocket wants a socket and what goes with it.
func checkSocket(o Options) error {
	switch {
	case o.Socket == "":
		return fmt.Errorf("socket is missing: the path of the unix socket at which the two ends meet")
	case !filepath.IsAbs(o.Socket) || strings.ContainsAny(o.Socket, ",\x00"):
		return fmt.Errorf("socket %q is not an absolute path without a comma", o.Socket)
	case len(o.Socket) > 107:
		return fmt.Errorf("socket %q has %d bytes, more than 107", o.Socket, len(o.Socket))
	}
	if _, err := Server(o.Role); err != nil {
		return err
	}
	return checkQueues(o)
}

func checkQueues(o Options) error {
	if o.Queues < 0 || o.Queues > maxQueues {
		return fmt.Errorf("queues %d is not between 1 and %d", o.Queues, maxQueues)
	}
	return nil
}

// Server says whether a role is the one that makes the socket. Master and slave are
// memif's own words.
func Server(role string) (bool, error) {
	switch role {
	case "", "server", "master":
		return true, nil
	case "client", "slave":
		return false, nil
	}
	return false, fmt.Errorf("role %q is unknown, want server, client", role)
}
