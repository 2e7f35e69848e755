package tap

import "testing"

// look is what a look finds: so many packets of so many bytes each.
type look struct{ packets, size int }

// looks repeats a look.
func looks(n int, l look) (all []look) {
	for range n {
		all = append(all, l)
	}
	return all
}

func TestPausesAreForStreamsOfSmallPackets(t *testing.T) {
	const small, large = 60, 65000
	stream := looks(streamLen, look{1, small})
	nothing := func(n int) []look { return looks(n, look{}) }
	for name, c := range map[string]struct {
		looks []look
		pause bool
	}{
		"one packet":                       {[]look{{1, small}}, false},
		"one by one, with time in between": {flat(looks(1, look{1, small}), nothing(streamGap+1), looks(1, look{1, small}), nothing(streamGap+1)), false},
		"questions and answers":            {repeat(100, flat(looks(1, look{1, small}), nothing(streamGap+1))), false},
		"a stream":                         {stream, true},
		"a stream in bursts":               {looks(2, look{streamLen / 2, small}), true},
		"a stream with short gaps":         {repeat(streamLen, flat(looks(1, look{1, small}), nothing(streamGap))), true},
		"large frames":                     {looks(4*streamLen, look{2, large}), false},
		"large frames and what answers":    {looks(4*streamLen, look{4, large / 4}), false},
		"a stream that is over":            {flat(stream, nothing(streamGap+1), looks(1, look{1, small})), false},
		"a stream that large frames end":   {flat(stream, looks(1, look{1, large})), false},
	} {
		s := &PollSet{}
		for _, l := range c.looks {
			s.stream.note(l.packets, uint64(l.packets*l.size), false)
		}
		if got := s.Gather() > 0; got != c.pause {
			t.Errorf("%s: a pause %v, want %v", name, got, c.pause)
		}
	}
}

func TestPausesEndWhenTheyBringLittle(t *testing.T) {
	s := &PollSet{}
	s.stream.note(streamLen, streamLen*60, false)
	for range 3 {
		if s.Gather() != pause {
			t.Fatal("no pause in a stream")
		}
		s.stream.note(streamLeast, streamLeast*60, false)
	}
	if s.Gather() != pause {
		t.Fatal("no pause in a stream")
	}
	s.stream.note(streamLeast-1, (streamLeast-1)*60, false)
	if s.Gather() != 0 {
		t.Error("a pause when the last one brought too few packets")
	}
}

func TestNoPauseWhilePacketsAreLeft(t *testing.T) {
	s := &PollSet{}
	s.stream.note(streamLen, streamLen*60, true)
	if s.Gather() != 0 {
		t.Error("a pause when a look has not taken all")
	}
	s.stream.note(1, 60, false)
	if s.Gather() != pause {
		t.Error("no pause when the rest is taken")
	}
}

func TestSetSeesAStreamOnItsTAPs(t *testing.T) {
	ns, fd := testNetns(t)
	p := upPort(t, ns, fd, "eth0", 1500)
	sock := packetSocket(t, p)
	r := newRig(t, 256, 128, 64)
	r.slots(p, 8)
	for i := range streamLen + 3 {
		send(t, sock, frame(60, i))
	}
	for r.step(); len(r.received()) == 8; r.step() {
		if r.taps.Gather() != 0 {
			t.Error("a pause while frames wait")
		}
	}
	if r.taps.Gather() != pause {
		t.Error("no pause at the end of a stream that has been read")
	}
}

// flat joins lists of looks.
func flat(lists ...[]look) (all []look) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// repeat is a list so many times over.
func repeat(n int, list []look) (all []look) {
	for range n {
		all = append(all, list...)
	}
	return all
}
