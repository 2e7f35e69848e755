package main

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"ipvd/flows/ipvlan"
	"ipvd/perf/measure"
	"ipvd/perf/report"
	"ipvd/perf/traffic"
)

const collidingKeys = 100_000

// scattered and crowded are addresses as they come, and as somebody chooses them
// who wants them to collide: all differences are in the upper bits, where a
// multiplication without a key moves them out of the word.
func scattered(n int) []netip.Addr {
	return spread(n, func(i int) uint32 { return uint32(i) * 0x9e3779b1 })
}
func crowded(n int) []netip.Addr { return spread(n, func(i int) uint32 { return uint32(i) << 15 }) }

func spread(n int, key func(i int) uint32) []netip.Addr {
	addrs := make([]netip.Addr, n)
	for i := range addrs {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], key(i))
		addrs[i] = netip.AddrFrom4(b)
	}
	return addrs
}

// scattered6 and crowded6 do the same for the 128 bits of IPv6 addresses.
func scattered6(n int) []netip.Addr {
	return spread6(n, func(i int) (hi, lo uint64) { return uint64(i) * 0x9e3779b97f4a7c15, uint64(i) })
}

func crowded6(n int) []netip.Addr {
	return spread6(n, func(i int) (hi, lo uint64) { return uint64(i) << 47, 0 })
}

func spread6(n int, key func(i int) (hi, lo uint64)) []netip.Addr {
	addrs := make([]netip.Addr, n)
	for i := range addrs {
		var b [16]byte
		hi, lo := key(i)
		binary.BigEndian.PutUint64(b[:8], hi)
		binary.BigEndian.PutUint64(b[8:], lo)
		addrs[i] = netip.AddrFrom16(b)
	}
	return addrs
}

// lookups is turns of looking up all of addrs, each of which must be found.
func lookups(name string, addrs []netip.Addr) (measure.Variant, error) {
	t := ipvlan.NewTable()
	for i, a := range addrs {
		if err := t.Set(a, uint32(i)); err != nil {
			return measure.Variant{}, err
		}
	}
	order := traffic.Order(len(addrs), len(addrs))
	var v4 []uint32
	var v6 [][2]uint64
	for _, i := range order {
		b := addrs[i].As16()
		v4 = append(v4, binary.BigEndian.Uint32(b[12:]))
		v6 = append(v6, [2]uint64{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])})
	}
	const passes = 50 // some 40 ms
	return measure.Variant{Name: name, Run: func() (measure.Sample, error) {
		return measure.Turn(func() (uint64, error) {
			var found uint64
			for range passes {
				if addrs[0].Is4() {
					found += found4(t, v4)
				} else {
					found += found6(t, v6)
				}
			}
			return received(found, passes*uint64(len(addrs)))
		})
	}}, nil
}

func found4(t *ipvlan.Table, keys []uint32) (n uint64) {
	for _, k := range keys {
		if _, ok := t.Lookup4(k); ok {
			n++
		}
	}
	return n
}

func found6(t *ipvlan.Table, keys [][2]uint64) (n uint64) {
	for _, k := range keys {
		if _, ok := t.Lookup6(k[0], k[1]); ok {
			n++
		}
	}
	return n
}

// tableColliding compares lookups of addresses chosen to collide with others.
func tableColliding(b *bench) (rows []report.Row, err error) {
	for _, c := range []struct {
		name              string
		normal, colliding []netip.Addr
	}{
		{"table/colliding-keys", scattered(collidingKeys), crowded(collidingKeys)},
		{"table/colliding-keys-v6", scattered6(collidingKeys), crowded6(collidingKeys)},
	} {
		if !b.wants(c.name) {
			continue
		}
		normal, err := lookups("normal", c.normal)
		if err != nil {
			return nil, err
		}
		colliding, err := lookups("colliding", c.colliding)
		if err != nil {
			return nil, err
		}
		r, err := b.quiet(normal, colliding)
		if err != nil {
			return nil, err
		}
		ns := r.Each(func(s []measure.Sample) float64 { return s[1].Cost() })
		times := r.Each(func(s []measure.Sample) float64 { return s[1].Cost() / s[0].Cost() })
		rows = append(rows, report.New(c.name, "normal keys", ns, "ns/lookup", len(r)).Against(times).AtMost(2))
	}
	return rows, nil
}

// tableChange measures how long a change takes in a table of a million addresses
// that need not grow.
func tableChange(b *bench) ([]report.Row, error) {
	const keys, changes = 1_000_000, 20_000
	t := ipvlan.NewTable()
	for i, a := range traffic.Addrs4(keys) {
		if err := t.Set(a, uint32(i)); err != nil {
			return nil, err
		}
	}
	others := traffic.Addrs4(keys + changes)[keys:]
	p99 := make([]float64, b.rounds)
	took := make([]time.Duration, 0, 2*changes)
	for round := range p99 {
		took = took[:0]
		for i, k := range rand.Perm(changes) {
			begin := time.Now()
			if err := t.Set(others[k], uint32(i)); err != nil {
				return nil, err
			}
			set := time.Now()
			t.Delete(others[k])
			took = append(took, set.Sub(begin), time.Since(set))
		}
		slices.Sort(took)
		p99[round] = float64(took[len(took)*99/100]) / 1e3
	}
	return []report.Row{report.New("table/change-1M", "", measure.Of(p99), "us p99", b.rounds).AtMost(10)}, nil
}
