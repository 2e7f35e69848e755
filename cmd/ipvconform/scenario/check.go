package scenario

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// Check names the field that is wrong. Steps without an id are given one.
func (s *Scenario) Check() error {
	if err := s.check(); err != nil {
		return fmt.Errorf("scenario %q: %w", s.Name, err)
	}
	return nil
}

func (s *Scenario) check() error {
	if s.Name == "" {
		return fmt.Errorf("name: it is empty")
	}
	if err := oneOf("mode", s.Mode, "l2", "l3", "l3s"); err != nil {
		return err
	}
	if err := oneOf("flag", s.FlagWord(), "bridge", "private", "vepa"); err != nil {
		return err
	}
	if err := s.Master.check("master"); err != nil {
		return err
	}
	if err := s.Wire.check("wire"); err != nil {
		return err
	}
	seen := []string{Host, Wire}
	for i, slave := range s.Slaves {
		at := fmt.Sprintf("slaves[%d]", i)
		if len(slave.Name) == 0 || len(slave.Name) > mostName || slices.Contains(seen, slave.Name) {
			return fmt.Errorf("%s.name: %q is no name of an interface, or another's", at, slave.Name)
		}
		seen = append(seen, slave.Name)
		if err := slave.check(at); err != nil {
			return err
		}
	}
	for i, c := range s.Setup {
		if !slices.Contains(seen, c.At) {
			return fmt.Errorf("setup[%d].at: %q is none of the ports %v", i, c.At, seen)
		}
	}
	return s.checkSteps()
}

// mostName is the longest name of an interface (IFNAMSIZ, linux/if.h).
const mostName = 15

func oneOf(field, value string, allowed ...string) error {
	if !slices.Contains(allowed, value) {
		return fmt.Errorf("%s: %q is none of %v", field, value, allowed)
	}
	return nil
}

// check looks at what would otherwise fail in a command that says less.
func (s *Station) check(at string) error {
	if s.MAC != "" {
		if m, err := net.ParseMAC(s.MAC); err != nil || len(m) != 6 {
			return fmt.Errorf("%s.mac: %q is no MAC address", at, s.MAC)
		}
	}
	for i, a := range s.Addrs {
		if _, err := netip.ParsePrefix(a); err != nil {
			if _, err := netip.ParseAddr(a); err != nil {
				return fmt.Errorf("%s.addrs[%d]: %q is no address with a prefix length", at, i, a)
			}
		}
	}
	for a, mac := range s.Neigh {
		_, err := netip.ParseAddr(a)
		if m, errMAC := net.ParseMAC(mac); err != nil || errMAC != nil || len(m) != 6 {
			return fmt.Errorf("%s.neigh: %q: %q is no IP address and MAC address", at, a, mac)
		}
	}
	return nil
}

func (s *Scenario) checkSteps() error {
	for i := range s.Steps {
		step := &s.Steps[i]
		if step.ID == "" {
			step.ID = fmt.Sprintf("step %d", i+1)
		}
		at := fmt.Sprintf("steps[%d] (%s)", i, step.ID)
		if step.At == "" {
			return fmt.Errorf("%s.at: it is empty", at)
		}
		if len(step.Hex) == 0 && step.UDP == nil && step.Cmd == "" {
			return fmt.Errorf("%s: it has neither hex nor udp nor cmd", at)
		}
		if step.UDP == nil {
			continue
		}
		if err := step.UDP.check(at + ".udp"); err != nil {
			return err
		}
		if step.At == Wire {
			return fmt.Errorf("%s.at: no datagram can be sent at the wire, whose stack has no socket: give the frame in hex", at)
		}
	}
	return nil
}

func (d *Datagram) check(at string) error {
	if _, err := netip.ParseAddr(d.Dst); err != nil {
		return fmt.Errorf("%s.dst: %q is no IP address", at, d.Dst)
	}
	if d.Src != "" {
		if _, err := netip.ParseAddr(d.Src); err != nil {
			return fmt.Errorf("%s.src: %q is no IP address", at, d.Src)
		}
	}
	if d.Port < 0 || d.Port > 65535 || d.TTL < 0 || d.TTL > 255 {
		return fmt.Errorf("%s: dport %d or ttl %d is out of range", at, d.Port, d.TTL)
	}
	return nil
}
