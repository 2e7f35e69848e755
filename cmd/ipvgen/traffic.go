package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"ipvd/cmd/ipvgen/internal/pattern"
	"ipvd/cmd/ipvgen/internal/profile"
	"ipvd/flows/wire"
)

// Addresses that are set aside for benchmarks (RFC 2544, appendix C.2.2, and RFC
// 5180, section 8).
const (
	defaultSrc = "198.18.0.1,2001:2::1"
	defaultDst = "198.19.0.1,2001:2:0:8000::1"
)

// trafficFlags say what the packets look like, but for their size.
type trafficFlags struct {
	set                *pflag.FlagSet
	src, dst           addressSet
	srcOrder, dstOrder pattern.Order
	srcMAC, dstMAC     *wire.MAC // nil: those of the ports
	srcPort, dstPort   int
	flows              int
	mix                profile.Mix
	seed               uint64
}

func newTrafficFlags() *trafficFlags {
	t := &trafficFlags{set: pflag.NewFlagSet("traffic", pflag.ContinueOnError)}
	f := t.set
	f.Var(flag(&t.mix, "udp4", "MIX", profile.ParseMix), "mix",
		"kinds of packets with weights: udp4, udp6, tcp4, tcp6, arp, broadcast,\nsuch as udp4:7,tcp6:2,arp; a kind with its stamp may need more than 64 bytes")
	f.Var(flag(&t.src, defaultSrc, "ADDRESSES", parseAddresses), "src", "source addresses, as --dst")
	f.Var(flag(&t.dst, defaultDst, "ADDRESSES", parseAddresses), "dst",
		"destinations, separated by commas: an address, a range 10.0.0.1-10.0.0.9,\na network 10.0.0.0/24, or @FILE with one of these on each line")
	f.Var(flag(&t.srcOrder, "sequential", "ORDER", pattern.ParseOrder), "src-order", "order of source addresses, as --dst-order")
	f.Var(flag(&t.dstOrder, "sequential", "ORDER", pattern.ParseOrder), "dst-order", "order of destinations: sequential, random, zipf or zipf:EXPONENT")
	f.Uint64Var(&t.seed, "seed", 1, "seed of all that is drawn")
	f.Var(flag(&t.srcMAC, "", "MAC", parseMAC), "src-mac", "source MAC (default the sending port's)")
	f.Var(flag(&t.dstMAC, "", "MAC", parseMAC), "dst-mac", "destination MAC (default the receiving port's)")
	f.Var(flag(&t.srcPort, "49152", "PORT", parseNumber(0, 65535)), "src-port", "first source port")
	f.Var(flag(&t.dstPort, "7", "PORT", parseNumber(0, 65535)), "dst-port", "destination port")
	f.Var(flag(&t.flows, "1", "N", parseNumber(1, 65536)), "flows", "number of source ports, taken in turn")
	f.SortFlags = false
	return t
}

// traffic makes packets of the given sizes for the ports of r.
func (t *trafficFlags) traffic(r *rig, sizes profile.Sizes) (profile.Traffic, error) {
	s, err := profile.NewSchedule(profile.Config{
		SrcMAC: orMAC(t.srcMAC, r.srcMAC), DstMAC: orMAC(t.dstMAC, r.dstMAC),
		Src4: t.src.v4, Src6: t.src.v6, Dst4: t.dst.v4, Dst6: t.dst.v6,
		SrcOrder: t.srcOrder, DstOrder: t.dstOrder,
		SrcPort: uint16(t.srcPort), DstPort: uint16(t.dstPort), Flows: t.flows,
		Mix: t.mix, Sizes: sizes, Seed: t.seed,
	})
	if err != nil {
		return nil, fmt.Errorf("--mix with --src and --dst: %w", err)
	}
	return s, nil
}

// String is the traffic in words.
func (t *trafficFlags) String() string {
	flows := "1 flow"
	if t.flows != 1 {
		flows = fmt.Sprintf("%d flows", t.flows)
	}
	return fmt.Sprintf("%s from %s (%s) to %s (%s), %s", t.mix, t.set.Lookup("src").Value, t.srcOrder,
		t.set.Lookup("dst").Value, t.dstOrder, flows)
}

func orMAC(given *wire.MAC, port wire.MAC) wire.MAC {
	if given != nil {
		return *given
	}
	return port
}
