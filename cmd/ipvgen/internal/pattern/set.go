// Package pattern says which addresses packets bear: sets of IPv4 and IPv6
// addresses, and the order in which a sender takes them.
package pattern

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"os"
	"strings"
)

// maxSet bounds the addresses of a set, so that their number fits the indexes
// that orders draw.
const maxSet = 1 << 62

// Set is an ordered set of addresses of one family. It does not change after
// Parse; any goroutine may read it.
type Set struct {
	spans  []span
	n      uint64
	single bool // every span is one address: At needs no search
}

// span is a run of addresses.
type span struct {
	first netip.Addr
	n     uint64
	at    uint64 // addresses in the spans before
}

// Len is the number of addresses.
func (s *Set) Len() uint64 { return s.n }

// At is address i, counted from 0, of Len.
func (s *Set) At(i uint64) netip.Addr {
	if s.single {
		return s.spans[i].first
	}
	lo, hi := 0, len(s.spans)
	for hi-lo > 1 {
		mid := (lo + hi) / 2
		if s.spans[mid].at <= i {
			lo = mid
		} else {
			hi = mid
		}
	}
	return offset(s.spans[lo].first, i-s.spans[lo].at)
}

// Parse reads addresses separated by commas, each an address, a range
// `10.0.0.1-10.0.0.99`, a network `10.0.0.0/24` (all its addresses), or `@FILE`,
// a file with one of these on each line. It gives the IPv4 and the IPv6 ones
// apart, in order; a set without addresses has Len 0.
func Parse(text string) (v4, v6 *Set, err error) {
	v4, v6 = &Set{single: true}, &Set{single: true}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if file, ok := strings.CutPrefix(item, "@"); ok {
			data, err := os.ReadFile(file)
			if err != nil {
				return nil, nil, fmt.Errorf("addresses %q: %w", item, err)
			}
			if err := parseFile(file, string(data), v4, v6); err != nil {
				return nil, nil, err
			}
			continue
		}
		if err := addItem(item, v4, v6); err != nil {
			return nil, nil, fmt.Errorf("addresses %q: %w", text, err)
		}
	}
	return v4, v6, nil
}

// parseFile reads an item from each line. Empty lines and what follows # are
// skipped.
func parseFile(name, data string, v4, v6 *Set) error {
	line := 0
	for text := range strings.Lines(data) {
		line++
		text, _, _ = strings.Cut(text, "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if err := addItem(text, v4, v6); err != nil {
			return fmt.Errorf("address file %s, line %d: %w", name, line, err)
		}
	}
	return nil
}

func addItem(item string, v4, v6 *Set) error {
	first, n, err := parseItem(item)
	if err != nil {
		return err
	}
	s := v6
	if first.Is4() {
		s = v4
	}
	if n > maxSet-s.n {
		return fmt.Errorf("%s: more than %d addresses", item, uint64(maxSet))
	}
	s.spans = append(s.spans, span{first, n, s.n})
	s.n += n
	s.single = s.single && n == 1
	return nil
}

// parseItem gives a run of addresses.
func parseItem(item string) (first netip.Addr, n uint64, err error) {
	if from, to, ok := strings.Cut(item, "-"); ok {
		first, err = parseAddr(strings.TrimSpace(from))
		if err != nil {
			return first, 0, err
		}
		last, err := parseAddr(strings.TrimSpace(to))
		if err != nil {
			return first, 0, err
		}
		return countRange(item, first, last)
	}
	if strings.Contains(item, "/") {
		p, err := netip.ParsePrefix(item)
		if err != nil {
			return first, 0, fmt.Errorf("%q is not a network such as 10.0.0.0/24", item)
		}
		free := p.Addr().BitLen() - p.Bits()
		if free > 62 {
			return first, 0, fmt.Errorf("%q has more than %d addresses", item, uint64(maxSet))
		}
		return p.Masked().Addr(), 1 << free, nil
	}
	first, err = parseAddr(item)
	return first, 1, err
}

func parseAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a.Is4In6() {
		return netip.Addr{}, fmt.Errorf("%q is not an address: want 10.0.0.1, a range 10.0.0.1-10.0.0.9, a network 10.0.0.0/24 or @FILE", s)
	}
	return a, nil
}

func countRange(item string, first, last netip.Addr) (netip.Addr, uint64, error) {
	if first.Is4() != last.Is4() {
		return first, 0, fmt.Errorf("range %q mixes IPv4 and IPv6", item)
	}
	if last.Less(first) {
		return first, 0, fmt.Errorf("range %q ends before it begins", item)
	}
	fh, fl := halves(first)
	lh, ll := halves(last)
	low, borrow := bits.Sub64(ll, fl, 0)
	high, _ := bits.Sub64(lh, fh, borrow)
	if high != 0 || low >= maxSet {
		return first, 0, fmt.Errorf("range %q has more than %d addresses", item, uint64(maxSet))
	}
	return first, low + 1, nil
}

// offset is the address n after a.
func offset(a netip.Addr, n uint64) netip.Addr {
	if a.Is4() {
		b := a.As4()
		binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+uint32(n))
		return netip.AddrFrom4(b)
	}
	high, low := halves(a)
	low, carry := bits.Add64(low, n, 0)
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], high+carry)
	binary.BigEndian.PutUint64(b[8:], low)
	return netip.AddrFrom16(b)
}

// halves is a as two numbers.
func halves(a netip.Addr) (high, low uint64) {
	b := a.As16()
	return binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])
}
