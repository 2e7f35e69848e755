package dpdk

import (
	"os"
	"path/filepath"
	"strings"

	"ipvd/pmd"
)

// keptCount is a count of a device that does not clear its register when it is read,
// while its driver adds up what it reads: the sum grows with each reading. What it
// grows by is the register, and that is the count.
//
// For a device that does clear it the count comes out too small, but rests.
type keptCount struct {
	sum    uint64 // that the driver gave last
	last   uint64 // that the register had then
	before uint64 // that it had reached when the device was reset
	from   uint64 // that it had before the port was started: another's
}

// total gives the count by the driver's sum.
func (k *keptCount) total(sum uint64) uint64 {
	register := sum - k.sum
	if register < k.last {
		k.before += k.last
	}
	k.sum, k.last = sum, register
	return k.before + register - k.from
}

// beginKept takes what the device has missed before it is started for another's.
// Many drivers cannot be asked before that; net_e1000_em reads its registers alone.
func (p *Port) beginKept() {
	p.quirk.keepsMissed = p.quirk.keepsMissed && keepsMissed("/sys", p.name)
	if !p.quirk.keepsMissed {
		return
	}
	p.readStats()
	p.kept.from, p.stats = p.stats.Missed, pmd.PortStats{}
}

// keepsMissed says that the NIC at a PCI address is QEMU's e1000, which keeps its
// count of missed packets (MPC: mac_readreg in hw/net/e1000.c), where the 82540EM's
// manual has it cleared by reading. Its subsystem is that of QEMU's own devices;
// QEMU's e1000e, which has the same driver, bears Intel's.
func keepsMissed(sysfs, address string) bool {
	b, err := os.ReadFile(filepath.Join(sysfs, "bus/pci/devices", address, "subsystem_vendor"))
	return err == nil && strings.TrimSpace(string(b)) == "0x1af4"
}
