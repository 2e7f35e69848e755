package doctor

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"ipvd/cmd/internal/config"
)

// file is a file of a test's machine.
func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

// healthy is a machine that lacks nothing, with a NIC eth0 and one bound to DPDK.
func healthy() (*Machine, fstest.MapFS) {
	fs := fstest.MapFS{
		"proc/self/status":                          file("Name:\tx\nCapEff:\t000001ffffffffff\n"),
		"proc/self/ns/net":                          file(""),
		"proc/cpuinfo":                              file("processor\t: 0\nmodel name\t: A CPU\nflags\t\t: fpu sse4_2 avx2\n"),
		"proc/meminfo":                              file("MemAvailable:    8000000 kB\nHugePages_Free:      512\nHugepagesize:       2048 kB\n"),
		"proc/net/route":                            file("Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\nmgmt0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\n"),
		"proc/net/ipv6_route":                       file(strings.Repeat("0", 32) + " 00 " + strings.Repeat("0", 32) + " 00 " + strings.Repeat("0", 32) + " ffffffff 1 0 00200200 lo\n"),
		"dev/net/tun":                               file(""),
		"sys/kernel/iommu_groups/0":                 file(""),
		"sys/devices/system/cpu/online":             file("0-3\n"),
		"sys/devices/system/cpu/isolated":           file("2-3\n"),
		"proc/sys/net/ipv4/conf/all/rp_filter":      file("2\n"),
		"sys/class/net/eth0/carrier":                file("1\n"),
		"sys/class/net/eth0/mtu":                    file("1500\n"),
		"sys/class/net/eth0/ifindex":                file("2\n"),
		"sys/class/net/eth0/iflink":                 file("2\n"),
		"sys/bus/pci/devices/0000:01:00.0/class":    file("0x020000\n"),
		"sys/bus/pci/drivers/vfio-pci/0000:01:00.0": file(""),
	}
	m := &Machine{Root: fs, Socket: func(int) error { return nil }, Program: func(string) bool { return true },
		Group: func(string) bool { return true }, Merges: func(string) []string { return nil }, Workers: []int{2},
		Masters: []config.Master{{Name: "eth0", Wire: config.Wire{Kind: config.Interface, Device: "eth0"}},
			{Name: "nic0", Wire: config.Wire{Kind: config.PCI, Device: "0000:01:00.0"}}, {Name: "v", Wire: config.Wire{Kind: config.VDev, Device: "net_null0"}}}}
	return m, fs
}

// found lists what is not ok.
func found(m *Machine) string {
	var words []string
	for _, f := range m.Look() {
		if f.State != OK {
			words = append(words, fmt.Sprintf("%s %s", f.State, f.Name))
		}
		if (f.State == OK) != (f.Do == "") || f.Text == "" {
			words = append(words, fmt.Sprintf("%+v says too little, or too much", f))
		}
	}
	return strings.Join(words, ", ")
}

func TestAMachineThatLacksNothingIsOK(t *testing.T) {
	m, _ := healthy()
	if got := found(m); got != "" {
		t.Errorf("found %s", got)
	}
}

func TestWhatIsMissingIsFound(t *testing.T) {
	set := func(path, text string) func(*Machine, fstest.MapFS) {
		return func(_ *Machine, fs fstest.MapFS) { fs[path] = file(text) }
	}
	remove := func(path string) func(*Machine, fstest.MapFS) {
		return func(_ *Machine, fs fstest.MapFS) { delete(fs, path) }
	}
	kernelOnly := func(m *Machine) { m.Masters = m.Masters[:1] }
	for name, tc := range map[string]struct {
		change func(*Machine, fstest.MapFS)
		want   string
	}{
		"a user":              {func(m *Machine, _ fstest.MapFS) { m.UID = 1000 }, "fail privileges"},
		"few capabilities":    {set("proc/self/status", "CapEff:\t0000000000001000\n"), "fail privileges"},
		"no proc":             {remove("proc/self/status"), "fail privileges"},
		"an old processor":    {set("proc/cpuinfo", "flags\t: fpu\n"), "fail processor"},
		"little memory":       {set("proc/meminfo", "MemAvailable: 1000 kB\nHugePages_Free: 512\nHugepagesize: 2048 kB\n"), "warn memory"},
		"no hugepages, a NIC": {set("proc/meminfo", "MemAvailable: 9000000 kB\nHugePages_Free: 0\nHugepagesize: 2048 kB\n"), "fail hugepages"},
		"no hugepages": {func(m *Machine, fs fstest.MapFS) {
			kernelOnly(m)
			set("proc/meminfo", "MemAvailable: 9000000 kB\nHugePages_Free: 0\n")(m, fs)
		}, "warn hugepages"},
		"few hugepages":   {set("proc/meminfo", "MemAvailable: 9000000 kB\nHugePages_Free: 2\nHugepagesize: 2048 kB\n"), "warn hugepages"},
		"no tun":          {remove("dev/net/tun"), "fail tun"},
		"no af_xdp":       {func(m *Machine, _ fstest.MapFS) { m.Socket = func(int) error { return errors.New("no") } }, "warn af_xdp"},
		"no namespaces":   {remove("proc/self/ns/net"), "fail namespaces"},
		"no IOMMU, a NIC": {remove("sys/kernel/iommu_groups/0"), "fail IOMMU"},
		"unsafe vfio": {func(m *Machine, fs fstest.MapFS) {
			delete(fs, "sys/kernel/iommu_groups/0")
			fs["sys/module/vfio/parameters/enable_unsafe_noiommu_mode"] = file("Y\n")
		}, "warn IOMMU"},
		"no IOMMU, no NIC":    {func(m *Machine, fs fstest.MapFS) { kernelOnly(m); delete(fs, "sys/kernel/iommu_groups/0") }, ""},
		"one CPU":             {func(m *Machine, fs fstest.MapFS) { m.Workers = nil; fs["sys/devices/system/cpu/online"] = file("3") }, "warn CPUs"},
		"a CPU that is off":   {func(m *Machine, _ fstest.MapFS) { m.Workers = []int{3, 9} }, "fail CPUs, warn CPU isolation"},
		"a shared CPU":        {func(m *Machine, _ fstest.MapFS) { m.Workers = []int{0} }, "warn CPU isolation"},
		"a slow CPU":          {set("sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "powersave\n"), "warn CPU frequency"},
		"strict reverse path": {set("proc/sys/net/ipv4/conf/all/rp_filter", "1\n"), "warn rp_filter"},
		"no group":            {func(m *Machine, _ fstest.MapFS) { m.Group = func(string) bool { return false } }, "warn group"},
		"no tcpdump":          {func(m *Machine, _ fstest.MapFS) { m.Program = func(string) bool { return false } }, "warn tcpdump"},
		"no interface":        {func(m *Machine, _ fstest.MapFS) { m.Masters[0].Wire.Device = "eth9" }, "fail wire eth0"},
		"a bridge":            {set("sys/class/net/eth0/bridge/x", ""), "fail wire eth0"},
		"part of a bridge":    {set("sys/class/net/eth0/upper_br0", ""), "fail wire eth0"},
		"the uplink":          {set("proc/net/route", "Iface\neth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\n"), "warn wire eth0"},
		"the uplink of IPv6":  {set("proc/net/ipv6_route", strings.Repeat("0", 32)+" 00 0 00 fe80 0 0 0 0 eth0\n"), "warn wire eth0"},
		"no carrier":          {set("sys/class/net/eth0/carrier", "0\n"), "warn wire eth0"},
		"a large MTU":         {set("sys/class/net/eth0/mtu", "65536\n"), "warn wire eth0"},
		"merging":             {func(m *Machine, _ fstest.MapFS) { m.Merges = func(string) []string { return []string{"rx-gro"} } }, "warn wire eth0"},
		"a veth":              {set("sys/class/net/eth0/iflink", "7\n"), "warn wire eth0"},
		"no PCI device":       {remove("sys/bus/pci/devices/0000:01:00.0/class"), "fail wire nic0"},
		"a disk":              {set("sys/bus/pci/devices/0000:01:00.0/class", "0x010802\n"), "fail wire nic0"},
		"an unbound NIC":      {remove("sys/bus/pci/drivers/vfio-pci/0000:01:00.0"), "fail wire nic0"},
	} {
		t.Run(name, func(t *testing.T) {
			m, fs := healthy()
			tc.change(m, fs)
			if got := found(m); !strings.HasPrefix(got, tc.want) || tc.want == "" && got != "" {
				t.Errorf("found %q, want %q", got, tc.want)
			}
		})
	}
}

func TestFindingsArePrintedWithWhatToDo(t *testing.T) {
	var b bytes.Buffer
	failed, err := Print(&b, []Finding{{OK, "tun", "it is there", ""}, {Warn, "memory", "little", "buy some"}, {Fail, "af_xdp", "none", "build a kernel"}})
	want := "ok    tun            it is there\nwarn  memory         little\n                     -> buy some\nfail  af_xdp         none\n                     -> build a kernel\n"
	if failed != 1 || err != nil || b.String() != want {
		t.Errorf("%d failed, %v:\n%s\nwant\n%s", failed, err, b.String(), want)
	}
}

func TestThisMachineCanBeLookedAt(t *testing.T) {
	if all := Here(nil, nil).Look(); len(all) < 10 {
		t.Errorf("%d findings: %+v", len(all), all)
	}
}
