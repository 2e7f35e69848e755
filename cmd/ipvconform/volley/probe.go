package volley

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/scenario"
)

// probeMark is what a probe's payload begins with, followed by its number.
const probeMark = "\xf0\x9fPROBE"

// probeType is the ethertype of probes that need not be IP (IEEE 802, local
// experimental type 2).
const probeType = 0x88b6

// The end of a volley.
const (
	// probeRounds: a worker sends what it has taken in one step, in an order of its
	// own. When the second probe of a port is through, all has been sent that was
	// taken with the first one.
	probeRounds = 2
	probeLimit  = 20 * time.Second // on a busy machine a worker or a guest may wait for a CPU
	quiet       = 6                // milliseconds without a frame, when all probes are through
)

// Rester is a driver that tells when nothing is under way in it.
type Rester interface {
	// Rest waits until then.
	Rest() error
}

// probe is a frame that ends what a port sent.
type probe struct {
	want []string // ports that must see it
	seen map[string]bool
}

// probeKey is the key of a probe's frame or packet; empty for others.
func probeKey(b []byte) string {
	i := bytes.Index(b, []byte(probeMark))
	if i < 0 || len(b) < i+len(probeMark)+4 {
		return ""
	}
	return string(b[i : i+len(probeMark)+4])
}

// finish sends probes after a volley and reads until they are through, and the
// driver is at rest.
func (r *Range) finish(f *flight) error {
	for round := range probeRounds {
		if err := r.round(f, probeLimit); err != nil {
			return err
		}
		if d, ok := r.lab.Driver().(Rester); ok && round == 0 {
			if err := d.Rest(); err != nil {
				return fmt.Errorf("%w: %w", ErrLost, err)
			}
		}
	}
	return nil
}

// round sends a probe at every port and reads until all are through.
func (r *Range) round(f *flight, limit time.Duration) error {
	if err := r.sendProbes(f); err != nil {
		return err
	}
	for end := time.Now().Add(limit); ; {
		r.drain(f, quiet)
		late := f.late()
		if late == "" {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%w: no probe came from %s", ErrLost, late)
		}
	}
}

// late names the ports whose probes are missing, and where.
func (f *flight) late() string {
	var all []string
	for _, p := range f.probes {
		for _, port := range p.want {
			if !p.seen[port] {
				all = append(all, port)
			}
		}
	}
	return strings.Join(all, " ")
}

// sendProbes sends at every port what takes the ways that its frames take.
func (r *Range) sendProbes(f *flight) error {
	m, w := r.s.Master.MAC, r.s.Wire.MAC
	var names []string
	for _, s := range r.s.Slaves {
		names = append(names, s.Name)
	}
	send := func(at string, build func(data []byte) []byte, want ...string) error {
		r.probe++
		data := binary.BigEndian.AppendUint32([]byte(probeMark), r.probe)
		f.probes[string(data)] = &probe{want: want, seen: map[string]bool{}}
		return r.send(Shot{at, build(append(data, make([]byte, 35)...))})
	}
	plain := func(dst, src string) func([]byte) []byte {
		return func(data []byte) []byte { return frame.Ether(dst, src, probeType, data) }
	}
	err := send(scenario.Host, plain(w, m), scenario.Wire)
	if r.s.Mode == "l2" {
		err = first(err, send(scenario.Wire, plain("ff:ff:ff:ff:ff:ff", w), append(names, scenario.Host)...))
		for _, s := range r.s.Slaves {
			others := without(names, s.Name)
			err = first(err, send(s.Name, plain("ff:ff:ff:ff:ff:ff", m), append(others, scenario.Wire)...))
		}
		return err
	}
	err = first(err, send(scenario.Wire, plain(m, w), scenario.Host))
	for _, s := range r.s.Slaves {
		own := address4(s.Station)
		err = first(err, send(scenario.Wire, packet(m, w, routed, own), s.Name))
		err = first(err, send(s.Name, packet(w, m, own, routed), scenario.Wire))
	}
	return err
}

// routed is where packets of probes come from and go to: an address that the
// host's default route leads to (RFC 5737).
const routed = "198.51.100.1"

// packet makes a probe that is IP.
func packet(dst, src, from, to string) func(data []byte) []byte {
	return func(data []byte) []byte {
		return frame.Ether(dst, src, frame.TypeIPv4, frame.IPv4{Src: from, Dst: to, Proto: 17}.Packet(frame.UDP(from, to, 9, 9, data)))
	}
}

func address4(s scenario.Station) string {
	for _, a := range s.Addrs {
		if p, err := netip.ParsePrefix(a); err == nil && p.Addr().Is4() {
			return p.Addr().String()
		}
	}
	return ""
}

func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func without(names []string, name string) (rest []string) {
	for _, n := range names {
		if n != name {
			rest = append(rest, n)
		}
	}
	return rest
}
