package doctor

import (
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"
)

func (m *Machine) tun() []Finding {
	if !m.exists("/dev/net/tun") {
		return fail("tun", "there is no /dev/net/tun, of which slaves and host ports are made", "modprobe tun; in a container, pass the device")
	}
	return ok("tun", "/dev/net/tun is there")
}

func (m *Machine) xdp() []Finding {
	if err := m.Socket(unix.AF_XDP); err != nil {
		return warn("af_xdp", fmt.Sprintf("the kernel makes no AF_XDP socket: %v", err),
			"kernel interfaces are polled by af_packet, which is slower; a kernel with CONFIG_XDP_SOCKETS, or a NIC bound to DPDK")
	}
	return ok("af_xdp", "the kernel has AF_XDP sockets")
}

func (m *Machine) namespaces() []Finding {
	if !m.exists("/proc/self/ns/net") {
		return fail("namespaces", "the kernel has no network namespaces (CONFIG_NET_NS), or /proc is not mounted", "use another kernel")
	}
	return ok("namespaces", "the kernel has network namespaces")
}

// iommu: vfio-pci, which NICs are bound to, wants one.
func (m *Machine) iommu() []Finding {
	groups, _ := fs.ReadDir(m.Root, "sys/kernel/iommu_groups")
	unsafe := m.read("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode")
	switch {
	case len(groups) > 0:
		return ok("IOMMU", "it is on, with %d groups", len(groups))
	case unsafe == "Y" || unsafe == "1":
		return warn("IOMMU", "there is none, and vfio works without: a NIC can write to any memory", "turn the IOMMU on: intel_iommu=on or amd_iommu=on")
	}
	for _, c := range m.Masters {
		if strings.Contains(c.Wire.Device, ":") {
			return fail("IOMMU", "there is none, so that vfio-pci takes no NIC",
				"boot with intel_iommu=on or amd_iommu=on; or, less safely, echo Y >/sys/module/vfio/parameters/enable_unsafe_noiommu_mode")
		}
	}
	return ok("IOMMU", "there is none; only NICs bound to vfio-pci need one")
}

// reversePath: the strict filter drops what comes back by another interface than
// the route's, as replies for slaves of l3 with more than one uplink do.
func (m *Machine) reversePath() []Finding {
	if m.read("/proc/sys/net/ipv4/conf/all/rp_filter") == "1" {
		return warn("rp_filter", "the host's reverse path filter is strict: in l3 and l3s it drops packets that come by another interface than the route back",
			"sysctl net.ipv4.conf.all.rp_filter=2, unless every route is symmetric")
	}
	return ok("rp_filter", "the host's reverse path filter is not strict")
}
