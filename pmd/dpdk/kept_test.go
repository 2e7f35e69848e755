package dpdk

import (
	"os"
	"path/filepath"
	"testing"
)

// keeper is a device with a driver: each reading adds the register to the sum.
type keeper struct{ register, sum uint64 }

func (k *keeper) read() uint64 {
	k.sum += k.register
	return k.sum
}

func TestKeptCountRestsWhileNothingIsMissed(t *testing.T) {
	d := keeper{register: 7} // of an earlier run
	k := keptCount{}
	k.from = k.total(d.read())
	for i, c := range []struct{ missed, want uint64 }{{0, 0}, {4, 4}, {0, 4}, {0, 4}, {3, 7}, {0, 7}} {
		d.register += c.missed
		if got := k.total(d.read()); got != c.want {
			t.Errorf("reading %d: got %d missed, want %d", i, got, c.want)
		}
	}
	d.register = 0 // a reset
	for i, c := range []struct{ missed, want uint64 }{{2, 9}, {0, 9}, {1, 10}} {
		d.register += c.missed
		if got := k.total(d.read()); got != c.want {
			t.Errorf("reading %d after a reset: got %d missed, want %d", i, got, c.want)
		}
	}
}

func TestDeviceThatKeepsItsCountIsKnownByItsSubsystem(t *testing.T) {
	sysfs := t.TempDir()
	for _, c := range []struct {
		address, vendor string
		want            bool
	}{{"0000:00:10.0", "0x1af4", true}, {"0000:00:13.0", "0x8086", false}} {
		dir := filepath.Join(sysfs, "bus/pci/devices", c.address)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "subsystem_vendor"), []byte(c.vendor+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := keepsMissed(sysfs, c.address); got != c.want {
			t.Errorf("%s of %s: got %v, want %v", c.address, c.vendor, got, c.want)
		}
	}
	if keepsMissed(sysfs, "net_ring0") {
		t.Error("a device without a subsystem is taken for QEMU's")
	}
}
