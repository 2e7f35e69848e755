package lab

import (
	"encoding/binary"

	"github.com/vishvananda/netlink"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/scenario"
)

// probeType is the ethertype of probes (IEEE 802, local experimental type 2).
// In every mode a unicast frame of it goes from the wire to the host.
const probeType = 0x88b6

// Limits of settling.
const (
	probeRounds = 8   // probes after one step
	probeWaits  = 100 // quiet times of probeQuiet until a probe counts as lost
	probeQuiet  = 10  // milliseconds
)

// settle waits until the driver has nothing left of a step: until a probe has
// passed it and, in the quiet time after that, no station has answered.
func (l *Lab) settle(e *events, quiet int) {
	for range probeRounds {
		if !l.probe(e) {
			return // the host cannot be reached now: its interface is down
		}
		more := l.drain(quiet, stepQuiet)
		e.add(more)
		if len(more.seen)+len(more.got)+len(more.udp) == 0 {
			return
		}
	}
}

// probe sends a probe and reports that it came to the host.
func (l *Lab) probe(e *events) bool {
	mac, _ := l.MasterLink()
	f := frame.Ether(or(mac, or(l.Scenario.Master.MAC, defaultMaster)), or(l.Scenario.Wire.MAC, defaultWire), probeType, make([]byte, 46))
	l.probed = false
	for _, p := range l.ports {
		if p.name == scenario.Wire && p.sendFrame(f, nil) != nil {
			return false
		}
	}
	for range probeWaits {
		e.add(l.drain(probeQuiet, probeQuiet))
		if l.probed {
			return true
		}
	}
	return false
}

// MasterLink is the MAC address and MTU that the master has now; none when it is
// gone.
func (l *Lab) MasterLink() (mac string, mtu int) {
	_ = l.in(scenario.Host, func() error {
		k, err := netlink.LinkByName(Master)
		if err == nil {
			mac, mtu = k.Attrs().HardwareAddr.String(), k.Attrs().MTU
		}
		return err
	})
	return mac, mtu
}

func isProbe(f []byte) bool { return len(f) >= 14 && binary.BigEndian.Uint16(f[12:]) == probeType }

// add appends what other has.
func (e *events) add(other events) {
	e.seen = append(e.seen, other.seen...)
	e.got = append(e.got, other.got...)
	e.udp = append(e.udp, other.udp...)
}
