package store

import "ipvd/cmd/internal/api"

// Declared is what a configuration file said of a master when it was applied last.
// What was changed since by request stays as it is until the file says otherwise.
type Declared struct {
	Master string          `json:"master"`
	Mode   string          `json:"mode,omitempty"`
	Flag   string          `json:"flag,omitempty"`
	Slaves []DeclaredSlave `json:"slaves,omitempty"`
}

// DeclaredSlave is a declared slave and what became of it.
type DeclaredSlave struct {
	api.DeclaredSlave
	ID      int  `json:"id,omitempty"`      // of the slave; 0: it could not be made
	Removed bool `json:"removed,omitempty"` // by request
}

// Key is the master's name.
func (d Declared) Key() string { return d.Master }
func (Declared) kind() string  { return "declared" }

// Slave finds what became of a declared slave; it is zero when it was not declared.
func (d Declared) Slave(s api.DeclaredSlave) DeclaredSlave {
	for _, have := range d.Slaves {
		if have.Same(s) {
			return have
		}
	}
	return DeclaredSlave{}
}
