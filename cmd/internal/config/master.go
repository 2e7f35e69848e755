package config

import (
	"fmt"
	"regexp"
	"strings"

	"ipvd/cmd/internal/api"
)

// WireKind says what a wire is attached by.
type WireKind int

const (
	Interface WireKind = iota // a kernel interface that ipvd takes over
	PCI                       // a NIC bound to DPDK
	VDev                      // a virtual device of DPDK, by its devargs
)

// Wire is what carries a master's frames.
type Wire struct {
	Kind WireKind
	// Device is the interface's name, the full PCI address in lower case, or
	// the devargs (`net_af_xdp0,iface=eth0`).
	Device string
}

// Master is a master's name, which its host port bears, and its wire.
type Master struct {
	Name string
	Wire Wire
}

// pciAddress is [domain:]bus:device.function. An interface's name has no colon,
// so that the two cannot be taken for each other.
var pciAddress = regexp.MustCompile(`^([0-9a-f]{4,8}:)?[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$`)

// ParseMaster reads NAME[=WIRE]. Without a wire it is the kernel interface NAME.
func ParseMaster(s string) (Master, error) {
	name, device, given := strings.Cut(s, "=")
	if given && device == "" {
		_, err := parseWire(device)
		return Master{}, fmt.Errorf("master %s: wire: %w", name, err)
	}
	return parseMaster(name, device)
}

// parseMaster reads a master's name and its wire, "" being the kernel interface of
// that name.
func parseMaster(name, device string) (Master, error) {
	if err := api.CheckIfName(name); err != nil {
		return Master{}, fmt.Errorf("master's name: %w", err)
	}
	if device == "" {
		return Master{name, Wire{Interface, name}}, nil
	}
	w, err := parseWire(device)
	if err != nil {
		return Master{}, fmt.Errorf("master %s: wire: %w", name, err)
	}
	return Master{name, w}, nil
}

func parseWire(s string) (Wire, error) {
	if strings.HasPrefix(s, "net_") {
		return Wire{VDev, s}, nil
	}
	if pci := strings.ToLower(s); pciAddress.MatchString(pci) {
		if strings.Count(pci, ":") == 1 {
			pci = "0000:" + pci
		}
		return Wire{PCI, pci}, nil
	}
	if err := api.CheckIfName(s); err != nil {
		return Wire{}, fmt.Errorf("%w; a wire is an interface, a PCI address such as 0000:00:04.0 or devargs that begin with net_", err)
	}
	return Wire{Interface, s}, nil
}

// id is what two wires must not have in common.
func (w Wire) id() string {
	if w.Kind != VDev {
		return w.Device
	}
	id, _, _ := strings.Cut(w.Device, ",")
	return id
}

// masters is the value of --master.
type masters struct{ p *[]Master }

func (v masters) Type() string { return "NAME[=WIRE]" }

func (v masters) String() string {
	if v.p == nil {
		return ""
	}
	var names []string
	for _, m := range *v.p {
		names = append(names, m.Name+"="+m.Wire.Device)
	}
	return strings.Join(names, " ")
}

// Set adds one master, or several separated by spaces as the environment gives
// them.
func (v masters) Set(s string) error {
	words := strings.Fields(s)
	if len(words) == 0 {
		words = []string{s}
	}
	for _, word := range words {
		m, err := ParseMaster(word)
		if err != nil {
			return err
		}
		if err := v.add(m); err != nil {
			return err
		}
	}
	return nil
}

// add adds a master whose name and wire no other has.
func (v masters) add(m Master) error {
	for _, o := range *v.p {
		if o.Name == m.Name {
			return fmt.Errorf("master %s is given twice", m.Name)
		}
		if o.Wire.id() == m.Wire.id() {
			return fmt.Errorf("wire %s of master %s belongs to master %s already", m.Wire.id(), m.Name, o.Name)
		}
	}
	*v.p = append(*v.p, m)
	return nil
}
