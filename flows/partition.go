package flows

import "fmt"

// Partition keeps n packets in the flow, gives the next m to the flow that it
// returns, and so on in turns. It copies nothing: a turn is a part of a burst.
func (f *Flow) Partition(n, m int) *Flow {
	node, at, ok := f.verb("partition", false)
	if ok && (n < 1 || m < 1) {
		f.g.fail(fmt.Errorf("%s: turns of %d and %d packets: less than 1", at, n, m))
		ok = false
	}
	if !ok {
		return &Flow{g: f.g, origin: at}
	}
	s := &partition{turns: [2]int{n, m}, left: n}
	f.through(node, s, &s.next[0], fmt.Sprint(n))
	return f.branch(at, node, &s.next[1], fmt.Sprint(m))
}

type partition struct {
	turns [2]int
	turn  int // whose turn it is
	left  int // packets left in it, at least 1
	next  [2]Stage
}

func (s *partition) Push(b Burst) {
	for b.N > 0 {
		part := Burst{Off: b.Off, N: min(b.N, uint32(min(s.left, 1<<31)))}
		to := s.next[s.turn]
		b.Off += part.N
		b.N -= part.N
		if s.left -= int(part.N); s.left == 0 {
			s.turn ^= 1
			s.left = s.turns[s.turn]
		}
		to.Push(part)
	}
}
