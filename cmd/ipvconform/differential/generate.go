package differential

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/cmd/ipvconform/volley"
)

// Lengths of frames, in bytes: of an Ethernet header, and with an MTU of 1500.
const (
	shortest = 14
	longest  = 1514
)

// Stimulus is a frame, who sends it, and what it was made as.
type Stimulus struct {
	volley.Shot
	Kind string
}

// Generator draws frames. Equal seeds and streams give equal frames.
type Generator struct {
	r      *rand.Rand
	number uint32
}

// NewGenerator starts a stream of frames; a combination of mode and flag has one
// of its own.
func NewGenerator(seed, stream uint64) *Generator {
	return &Generator{r: rand.New(rand.NewPCG(seed, stream))}
}

// maker makes frames of a kind.
type maker struct {
	name string
	make func(d *draw) []byte
}

// makers are all kinds of frames.
func makers() []weighted[maker] {
	return []weighted[maker]{
		{12, maker{"udp4", (*draw).udp4}}, {3, maker{"tcp4", (*draw).tcp4}}, {5, maker{"icmp4", (*draw).icmp4}},
		{2, maker{"icmp4-error", (*draw).quote4}}, {4, maker{"other4", (*draw).proto4}}, {2, maker{"empty4", (*draw).empty4}},
		{4, maker{"options4", (*draw).options4}}, {5, maker{"fragment4", (*draw).fragment4}}, {6, maker{"bad4", (*draw).bad4}},
		{2, maker{"dhcp4", (*draw).dhcp4}},
		{8, maker{"udp6", (*draw).udp6}}, {2, maker{"tcp6", (*draw).tcp6}}, {3, maker{"icmp6", (*draw).echo6}},
		{2, maker{"other6", (*draw).proto6}}, {1, maker{"empty6", (*draw).empty6}}, {5, maker{"chain6", (*draw).chain6}},
		{3, maker{"bad6", (*draw).bad6}}, {1, maker{"dhcp6", (*draw).dhcp6}},
		{4, maker{"ns", (*draw).ns}}, {4, maker{"dad", (*draw).dad}}, {3, maker{"na", (*draw).na}}, {2, maker{"rs", (*draw).rs}},
		{2, maker{"ra", (*draw).ra}},
		{8, maker{"arp", (*draw).arp}}, {2, maker{"arp-own", (*draw).announce}}, {1, maker{"rarp", (*draw).rarp}},
		{2, maker{"llc", (*draw).llc}}, {2, maker{"slow", (*draw).slow}}, {2, maker{"pause", (*draw).pause}},
		{3, maker{"ethertype", (*draw).strange}}, {2, maker{"runt", (*draw).runt}},
	}
}

// Kinds are the names of all kinds.
func Kinds() (names []string) {
	for _, m := range makers() {
		names = append(names, m.of.name)
	}
	return names
}

// Next draws a frame.
func (g *Generator) Next() Stimulus {
	g.number++
	d := &draw{r: g.r, number: g.number}
	d.at = pick(d, []weighted[string]{{46, scenario.Wire}, {12, scenario.Host}, {20, "s0"}, {12, "s1"}, {10, "s2"}})
	m := pick(d, makers())
	b := m.make(d)
	if d.chance(6) {
		b = d.lying(b)
	}
	if d.chance(7) {
		b = d.tagged(b)
	}
	if d.chance(9) {
		b = d.mutated(b)
	}
	switch n := d.r.IntN(100); {
	case n < 6 && len(b) > shortest:
		b = b[:shortest+d.r.IntN(len(b)-shortest)]
	case n < 14:
		b = append(b, make([]byte, d.r.IntN(30))...)
	}
	return Stimulus{volley.Shot{At: d.at, Frame: b[:min(len(b), longest)]}, m.name}
}

// Draw draws n frames.
func (g *Generator) Draw(n int) []Stimulus {
	all := make([]Stimulus, n)
	for i := range all {
		all[i] = g.Next()
	}
	return all
}

// tagAt is where a frame's tag begins, or -1.
func tagAt(b []byte) int {
	if i := bytes.Index(b, []byte(mark)); i >= 0 && i+tagLen <= len(b) {
		return i
	}
	return -1
}

// Tag is the number that a frame bears.
func Tag(b []byte) (number uint32, ok bool) {
	i := tagAt(b)
	if i < 0 {
		return 0, false
	}
	return binary.BigEndian.Uint32(b[i+len(mark):]), true
}
