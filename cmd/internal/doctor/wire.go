package doctor

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"ipvd/cmd/internal/config"
)

// maxMTU is the most that a TAP takes, and so a master, in bytes.
const maxMTU = 65521

// master looks at a master's wire.
func (m *Machine) master(c config.Master) []Finding {
	switch c.Wire.Kind {
	case config.PCI:
		return m.pci(c)
	case config.VDev:
		return ok("wire "+c.Name, "a device of DPDK, by its devargs; it is tried when ipvd starts")
	}
	return m.kernelInterface(c)
}

// kernelInterface looks at an interface that is to be taken over.
func (m *Machine) kernelInterface(c config.Master) []Finding {
	name, dev := "wire "+c.Name, c.Wire.Device
	dir := "/sys/class/net/" + dev
	if !m.exists(dir) {
		return fail(name, fmt.Sprintf("there is no interface %s", dev), "see `ip link`; a running ipvd has taken its wire to a namespace of its own")
	}
	for _, kind := range []string{"bridge", "bonding", "team"} {
		if m.exists(dir + "/" + kind) {
			return fail(name, fmt.Sprintf("%s is a %s, which cannot be taken over", dev, kind), "name one of its ports, or a NIC by its PCI address")
		}
	}
	all := m.upper(name, dev, dir)
	if m.carriesDefault(dev) {
		all = append(all, warn(name, dev+" carries the default route: ipvd takes it over with --force only", "make sure of another way to this machine, then add --force")...)
	}
	if m.read(dir+"/carrier") != "1" {
		all = append(all, warn(name, dev+" is down or has no carrier", "ip link set "+dev+" up; look at the cable")...)
	}
	mtu, _ := strconv.Atoi(m.read(dir + "/mtu"))
	if mtu > maxMTU {
		all = append(all, warn(name, fmt.Sprintf("its MTU of %d is more than the %d that slaves can have", mtu, maxMTU), "give --mtu")...)
	}
	if on := m.Merges(dev); len(on) > 0 {
		all = append(all, warn(name, dev+" merges received packets ("+strings.Join(on, ", ")+")", "nothing over af_xdp; over af_packet ipvd turns it off while it runs")...)
	}
	if len(all) == 0 {
		all = ok(name, "%s is up, with MTU %d", dev, mtu)
	}
	if m.isVeth(dir) {
		all = append(all, warn(name, dev+" is a veth: its other end hands over frames without checksums and larger than the MTU",
			"on the other end: ethtool -K PEER tx off tso off gso off")...)
	}
	return all
}

// upper refuses an interface that is part of another one.
func (m *Machine) upper(name, dev, dir string) []Finding {
	if others := m.named(dir, "upper_"); len(others) > 0 {
		return fail(name, fmt.Sprintf("%s is part of %s, or %s stands on it", dev, others[0], others[0]), "take it out of "+others[0]+" first, or remove that")
	}
	return nil
}

// named gives the rest of the names in a folder that begin with a word.
func (m *Machine) named(dir, word string) (names []string) {
	entries, _ := fs.ReadDir(m.Root, strings.TrimPrefix(dir, "/"))
	for _, e := range entries {
		if rest, ok := strings.CutPrefix(e.Name(), word); ok {
			names = append(names, rest)
		}
	}
	return names
}

// isVeth tells a veth by what /sys has: the index of another interface, its peer, on
// which it does not stand.
func (m *Machine) isVeth(dir string) bool {
	return m.read(dir+"/ifindex") != m.read(dir+"/iflink") && len(m.named(dir, "lower_")) == 0
}

// carriesDefault reports that a default route, of IPv4 or IPv6, goes through dev
// (fields of /proc/net/route and /proc/net/ipv6_route, proc(5)).
func (m *Machine) carriesDefault(dev string) bool {
	for line := range strings.Lines(m.read("/proc/net/route")) {
		if f := strings.Fields(line); len(f) > 7 && f[0] == dev && f[1] == "00000000" && f[7] == "00000000" {
			return true
		}
	}
	for line := range strings.Lines(m.read("/proc/net/ipv6_route")) {
		const nowhere = "lo" // has the route of last resort
		f := strings.Fields(line)
		if len(f) > 9 && f[9] == dev && dev != nowhere && f[1] == "00" && strings.Trim(f[0], "0") == "" {
			return true
		}
	}
	return false
}

// pci looks at a NIC that is to be driven by DPDK.
func (m *Machine) pci(c config.Master) []Finding {
	name, dir := "wire "+c.Name, "/sys/bus/pci/devices/"+c.Wire.Device
	if !m.exists(dir) {
		return fail(name, "there is no PCI device "+c.Wire.Device, "see `lspci -D`")
	}
	if class := m.read(dir + "/class"); !strings.HasPrefix(class, "0x02") {
		return fail(name, fmt.Sprintf("%s is no network device (class %s)", c.Wire.Device, class), "see `lspci -D`")
	}
	for _, d := range []string{"vfio-pci", "uio_pci_generic", "igb_uio"} {
		if m.exists("/sys/bus/pci/drivers/" + d + "/" + c.Wire.Device) {
			return ok(name, "%s is bound to %s", c.Wire.Device, d)
		}
	}
	for _, d := range []string{"mlx5_core", "mlx4_core"} {
		if m.exists("/sys/bus/pci/drivers/" + d + "/" + c.Wire.Device) {
			return ok(name, "%s is driven through the kernel's %s", c.Wire.Device, d)
		}
	}
	return fail(name, c.Wire.Device+" is bound to no driver that DPDK can use", "dpdk-devbind.py --bind=vfio-pci "+c.Wire.Device)
}
