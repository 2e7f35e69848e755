package volley

import (
	"fmt"

	"ipvd/cmd/ipvconform/lab"
	"ipvd/cmd/ipvconform/scenario"
)

// Gallery fires shots in the lab of the scenario that they are for, and keeps it
// for the next ones.
type Gallery struct {
	// Driver makes the driver of a lab.
	Driver func() lab.Driver
	// Prefix begins the names of the namespaces.
	Prefix string
	open   *Range
	labs   int
}

// Fire fires shots in the lab of s, which its name tells from others.
func (g *Gallery) Fire(s scenario.Scenario, shots []Shot) (a Answer, err error) {
	if g.open != nil && g.open.s.Name != s.Name {
		if err := g.Close(); err != nil {
			return a, err
		}
	}
	if g.open == nil {
		g.labs++
		if g.open, err = Open(s, g.Driver(), fmt.Sprintf("%s%d-", g.Prefix, g.labs)); err != nil {
			g.open = nil
			return a, fmt.Errorf("scenario %s: %w", s.Name, err)
		}
	}
	if a, err = g.open.Fire(shots); err != nil {
		return a, fmt.Errorf("scenario %s: %w", s.Name, err)
	}
	return a, nil
}

// Close removes the lab that is open.
func (g *Gallery) Close() error {
	if g.open == nil {
		return nil
	}
	r := g.open
	g.open = nil
	return r.Close()
}
