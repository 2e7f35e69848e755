package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/config"
)

// privileges: to make interfaces and enter namespaces takes these capabilities.
func (m *Machine) privileges() []Finding {
	const do = "run ipvd as root, by systemd or sudo; in a container with --privileged or these capabilities"
	if m.UID != 0 {
		return fail("privileges", fmt.Sprintf("the user id is %d, not root's", m.UID), do)
	}
	has, err := strconv.ParseUint(m.field("/proc/self/status", "CapEff"), 16, 64)
	if err != nil {
		return fail("privileges", "the capabilities of this process cannot be read from /proc/self/status", "mount /proc")
	}
	var missing []string
	for _, c := range []struct {
		bit  int
		name string
	}{{unix.CAP_NET_ADMIN, "NET_ADMIN"}, {unix.CAP_NET_RAW, "NET_RAW"}, {unix.CAP_SYS_ADMIN, "SYS_ADMIN"}} {
		if has&(1<<c.bit) == 0 {
			missing = append(missing, c.name)
		}
	}
	if len(missing) > 0 {
		return fail("privileges", "root lacks capabilities: "+strings.Join(missing, ", "), do)
	}
	return ok("privileges", "root, with all capabilities that are needed")
}

// processor: Debian's DPDK is built for what has SSE 4.2.
func (m *Machine) processor() []Finding {
	flags := strings.Fields(m.field("/proc/cpuinfo", "flags"))
	if !slices.Contains(flags, "sse4_2") {
		return fail("processor", "it has no SSE 4.2, without which DPDK does not start", "use a machine of the last ten years; in a virtual machine, the host's CPU model")
	}
	return ok("processor", "%s", m.field("/proc/cpuinfo", "model name"))
}

// leastMemory is what the daemon takes without any flag, and some more, in KiB.
const leastMemory = 512 << 10

func (m *Machine) memory() []Finding {
	free := m.kilobytes("MemAvailable")
	if free < leastMemory {
		return warn("memory", fmt.Sprintf("%d MiB are free, less than %d", free>>10, leastMemory>>10), "free some, or give ipvd a smaller --pool and --memory")
	}
	return ok("memory", "%d MiB are free", free>>10)
}

func (m *Machine) kilobytes(key string) int {
	n, err := strconv.Atoi(strings.TrimSuffix(m.field("/proc/meminfo", key), " kB"))
	if err != nil {
		return 0
	}
	return n
}

// hugepages: a NIC bound to DPDK mostly needs them, others are faster with them.
func (m *Machine) hugepages() []Finding {
	size, free := m.kilobytes("Hugepagesize"), m.kilobytes("HugePages_Free")
	const do = "echo 512 >/proc/sys/vm/nr_hugepages; for good: vm.nr_hugepages = 512 in /etc/sysctl.d/ipvd.conf"
	nic := slices.ContainsFunc(m.Masters, func(c config.Master) bool { return c.Wire.Kind == config.PCI })
	switch {
	case free == 0 && nic:
		return fail("hugepages", "none are free, and most NICs that are bound to DPDK need them", do)
	case free == 0:
		return warn("hugepages", "none are free: ipvd runs on ordinary memory, with more TLB misses", do)
	case free*size < leastMemory:
		return warn("hugepages", fmt.Sprintf("%d MiB are free, less than %d", free*size>>10, leastMemory>>10), do)
	}
	return ok("hugepages", "%d of %d KiB are free", free, size)
}

// cpus: a worker that shares its CPU is off it for milliseconds.
func (m *Machine) cpus() []Finding {
	online, err := config.ParseCPUs(m.read("/sys/devices/system/cpu/online"))
	if err != nil {
		return warn("CPUs", "which are online cannot be read", "mount /sys")
	}
	all := ok("CPUs", "%d are online", len(online))
	if len(online) == 1 {
		all = warn("CPUs", "only one is online: worker and slaves share it", "give the machine two or more")
	}
	workers := m.Workers
	if workers == nil {
		workers = online[:1]
	}
	isolated, _ := config.ParseCPUs(m.read("/sys/devices/system/cpu/isolated"))
	var shared, slow []string
	for _, cpu := range workers {
		if !slices.Contains(online, cpu) {
			all = append(all, fail("CPUs", fmt.Sprintf("CPU %d, which is to run a worker, is not online", cpu), "choose --workers among "+m.read("/sys/devices/system/cpu/online"))...)
		}
		if !slices.Contains(isolated, cpu) {
			shared = append(shared, strconv.Itoa(cpu))
		}
		if g := m.read(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", cpu)); g != "" && g != "performance" {
			slow = append(slow, strconv.Itoa(cpu))
		}
	}
	if len(shared) > 0 {
		all = append(all, warn("CPU isolation", "workers share their CPUs with other processes: "+strings.Join(shared, ", "),
			"for steady latency boot with isolcpus= and nohz_full= for CPUs that --workers names")...)
	} else {
		all = append(all, ok("CPU isolation", "the workers' CPUs are isolated")...)
	}
	if len(slow) > 0 {
		all = append(all, warn("CPU frequency", "the governor of workers' CPUs saves power: "+strings.Join(slow, ", "), "cpupower frequency-set -g performance")...)
	}
	return all
}

// users: whoever is in the group may use ipvctl.
func (m *Machine) users() []Finding {
	if !m.Group("ipvd") {
		return warn("group", "there is no group ipvd: only root can use ipvctl", "groupadd --system ipvd, and add to it who is as good as root")
	}
	return ok("group", "members of ipvd can use ipvctl")
}

func (m *Machine) programs() []Finding {
	if !m.Program("tcpdump") {
		return warn("tcpdump", "it is not installed: ipvctl capture and trace take no filter", "apt-get install tcpdump")
	}
	return ok("tcpdump", "it compiles the filters of ipvctl capture and trace")
}
