package route

// Size is how much a FIB holds.
type Size struct {
	Routes4, Routes6 int // that leave by the device
	NextHops         int // different ones that routes refer to
	// Neighbours by state. Those that routes name are known before they are asked for.
	Neighbours map[State]int
}

// Size counts what is known; control only. It takes time for each neighbour, and none
// for routes.
func (f *FIB) Size() Size {
	s := Size{NextHops: len(f.holding), Neighbours: map[State]int{}}
	if f.tables != nil {
		s.Routes4, s.Routes6 = f.tables.n4, f.tables.n6
	}
	for n := range f.Neighbours.Each {
		_, state := n.Hardware()
		s.Neighbours[state]++
	}
	return s
}

// count counts by more routes to a destination of r's family, if it leaves by the
// device.
func (s *tables) count(a alternative, v6 bool, more int) {
	switch {
	case a.elsewhere:
	case v6:
		s.n6 += more
	default:
		s.n4 += more
	}
}
