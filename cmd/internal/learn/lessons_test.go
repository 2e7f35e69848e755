package learn

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestLearnedAddressesAreLimitedInNumberAndTime(t *testing.T) {
	has := map[netip.Addr]bool{}
	refused := 0
	host := netip.MustParseAddr("10.0.0.1")
	l := &Lessons{seen: map[netip.Addr]time.Time{}, Book: Book{Claim: func(a netip.Addr) { has[a] = true }, Release: func(a netip.Addr) { delete(has, a) },
		IsHost: func(a netip.Addr) bool { return a == host }, Refuse: func(netip.Addr) { refused++ }}}
	begin := time.Now()
	for _, odd := range []string{"10.0.0.1", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "127.0.0.1", "::1"} {
		l.note(netip.MustParseAddr(odd), begin)
	}
	if len(has) != 0 {
		t.Errorf("learned %v, want nothing", has)
	}
	addr := func(i int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("10.0.1.%d", i)) }
	for i := range Most + 3 {
		l.note(addr(i), begin)
	}
	if len(has) != Most || refused != 1 {
		t.Errorf("learned %d addresses and told %d times that there are more, want %d and once", len(has), refused, Most)
	}
	l.note(addr(0), begin.Add(learnedFor))
	l.expire(begin.Add(learnedFor + time.Second))
	if len(has) != 1 || !has[addr(0)] {
		t.Errorf("left are %v, want the one that was seen since", has)
	}
	l.note(addr(99), begin.Add(learnedFor))
	if !has[addr(99)] {
		t.Error("nothing is learned though there is room again")
	}
}
