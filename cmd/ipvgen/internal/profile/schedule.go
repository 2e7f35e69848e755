package profile

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"ipvd/cmd/ipvgen/internal/pattern"
	"ipvd/flows/wire"
	"ipvd/pmd"
)

// Config describes traffic that is made up.
type Config struct {
	SrcMAC, DstMAC     wire.MAC
	Src4, Src6         *pattern.Set // nil or empty: the mix has none of the family
	Dst4, Dst6         *pattern.Set
	SrcOrder, DstOrder pattern.Order
	DstPort            uint16
	SrcPort            uint16 // the first of Flows
	Flows              int    // source ports, taken in turn; 0 means 1
	Mix                Mix
	Sizes              Sizes
	Seed               uint64 // of random and Zipf orders, and of the mix's
}

// maxSchedule bounds the length of a schedule, in packets.
const maxSchedule = 1 << 18

// Schedule is traffic that is made up: templates in a fixed, shuffled order, in
// which every kind and size has exactly its share.
type Schedule struct {
	order    []*template
	pos      int
	mean     float64
	longest  int
	port     uint16
	flows    uint16
	nextFlow uint16
}

var _ Traffic = (*Schedule)(nil)

// addresses is where packets of a family take theirs from.
type addresses struct{ src, dst *pattern.Cursor }

// NewSchedule makes the templates. Sizes below a kind's least are raised to it.
// It is an error when the mix has a kind of a family without addresses, or when
// the weights need too long a schedule.
func NewSchedule(c Config) (*Schedule, error) {
	flows := max(c.Flows, 1)
	if int(c.SrcPort)+flows > 1<<16 {
		return nil, fmt.Errorf("%d flows from source port %d: beyond port 65535", flows, c.SrcPort)
	}
	families, err := c.families()
	if err != nil {
		return nil, err
	}
	s := &Schedule{port: c.SrcPort, flows: uint16(flows)}
	if n := c.packets(); n > maxSchedule {
		return nil, fmt.Errorf("mix %q with sizes %q: the weights need %d packets, more than %d", c.Mix, c.Sizes, n, maxSchedule)
	}
	for _, item := range c.Mix.items {
		s.add(&c, item, families[item.kind.ipv6()])
	}
	if len(s.order) == 0 {
		return nil, errors.New("neither kinds nor sizes of packets are given")
	}
	total := 0
	for _, t := range s.order {
		total += len(t.frame) + FCSLen
		s.longest = max(s.longest, len(t.frame))
	}
	s.mean = float64(total) / float64(len(s.order))
	rng := rand.New(rand.NewPCG(c.Seed, 1))
	rng.Shuffle(len(s.order), func(i, j int) { s.order[i], s.order[j] = s.order[j], s.order[i] })
	return s, nil
}

// packets is the number of packets in which all weights come out even.
func (c *Config) packets() int {
	kinds, sizes := 0, 0
	for _, item := range c.Mix.items {
		kinds += item.weight
	}
	c.Sizes.each(func(_, weight int) { sizes += weight })
	return kinds * sizes
}

// add appends the packets of one kind, of every size.
func (s *Schedule) add(c *Config, item mixItem, from *addresses) {
	known := map[int]*template{}
	c.Sizes.each(func(size, weight int) {
		size = max(size, item.kind.least())
		t := known[size]
		if t == nil {
			t = newTemplate(item.kind, size, c)
			t.from = from
			known[size] = t
		}
		for range item.weight * weight {
			s.order = append(s.order, t)
		}
	})
}

// families gives the cursors for IPv4 (false) and IPv6 (true) that the mix needs.
func (c *Config) families() (map[bool]*addresses, error) {
	f := map[bool]*addresses{}
	for _, item := range c.Mix.items {
		v6, src, dst := item.kind.ipv6(), c.Src4, c.Dst4
		if v6 {
			src, dst = c.Src6, c.Dst6
		}
		if f[v6] != nil {
			continue
		}
		for what, set := range map[string]*pattern.Set{"source": src, "destination": dst} {
			if set == nil || set.Len() == 0 {
				return nil, fmt.Errorf("mix %q: no %s address of the family of %s is given", c.Mix, what, item.kind)
			}
		}
		f[v6] = &addresses{pattern.NewCursor(src, c.SrcOrder, c.Seed+2), pattern.NewCursor(dst, c.DstOrder, c.Seed+3)}
	}
	return f, nil
}

// Fill makes m the next packet of the schedule.
func (s *Schedule) Fill(m *pmd.Mbuf, stamp Stamp) {
	t := s.order[s.pos]
	if s.pos++; s.pos == len(s.order) {
		s.pos = 0
	}
	port := s.port + s.nextFlow
	if s.nextFlow++; s.nextFlow == s.flows {
		s.nextFlow = 0
	}
	if m.SetLen(len(t.frame)) {
		t.fill(m.Data(), port, stamp)
	}
}

// Stamped is true.
func (s *Schedule) Stamped() bool { return true }

// MeanSize is the mean over the schedule.
func (s *Schedule) MeanSize() float64 { return s.mean }

// MaxFrame is the longest template.
func (s *Schedule) MaxFrame() int { return s.longest }
