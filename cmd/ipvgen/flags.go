package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"ipvd/cmd/ipvgen/internal/pattern"
	"ipvd/cmd/ipvgen/internal/profile"
	"ipvd/flows/wire"
)

// value is a flag that a function reads, so that a wrong one is refused where it
// stands, by its name.
type value[T any] struct {
	p     *T
	text  string
	kind  string
	parse func(string) (T, error)
}

// flag makes a value that reads into p; text must be readable, or empty for what
// p holds.
func flag[T any](p *T, text, kind string, parse func(string) (T, error)) *value[T] {
	v := &value[T]{p: p, text: text, kind: kind, parse: parse}
	if text != "" {
		// Defaults are tested to be readable.
		*p, _ = parse(text)
	}
	return v
}

func (v *value[T]) Set(s string) (err error) {
	got, err := v.parse(s)
	if err == nil {
		*v.p, v.text = got, s
	}
	return err
}

func (v *value[T]) String() string { return v.text }
func (v *value[T]) Type() string   { return v.kind }

// addressSet is the addresses of both families.
type addressSet struct{ v4, v6 *pattern.Set }

func parseAddresses(s string) (a addressSet, err error) {
	a.v4, a.v6, err = pattern.Parse(s)
	return a, err
}

func parseMAC(s string) (*wire.MAC, error) {
	hw, err := net.ParseMAC(s)
	if err != nil || len(hw) != 6 {
		return nil, fmt.Errorf("%q is not a MAC address such as 02:00:00:00:00:01", s)
	}
	m := wire.MAC(hw)
	return &m, nil
}

// parseSizeList reads sizes that are tested one after the other.
func parseSizeList(s string) ([]profile.Sizes, error) {
	var list []profile.Sizes
	for item := range strings.SplitSeq(s, ",") {
		sizes, err := profile.ParseSizes(item)
		if err != nil {
			return nil, err
		}
		list = append(list, sizes)
	}
	return list, nil
}

// parsePercent reads a share of least to most percent, with or without the sign.
func parsePercent(least, most float64) func(string) (float64, error) {
	return func(s string) (float64, error) {
		v, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
		if err != nil || !(v >= least && v <= most) {
			return 0, fmt.Errorf("%q is not a share from %g%% to %g%%", s, least, most)
		}
		return v / 100, nil
	}
}

// parseNumber reads a whole number within bounds.
func parseNumber(least, most int) func(string) (int, error) {
	return func(s string) (int, error) {
		v, err := strconv.Atoi(s)
		if err != nil || v < least || v > most {
			return 0, fmt.Errorf("%q is not a number from %d to %d", s, least, most)
		}
		return v, nil
	}
}
