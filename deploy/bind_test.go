// Package deploy tests the scripts of this folder.
package deploy

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sysfs is a sysfs of four NICs and a disk: 04.0 with eth0, 05.0 in one IOMMU
// group with 06.0, 07.0 without an IOMMU, 08.0 of a bifurcated driver, 09.0 a disk.
func sysfs(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	link := func(target, path string) {
		must(os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o755))
		must(os.Symlink(target, filepath.Join(root, path)))
	}
	for _, d := range []struct{ address, class, driver, group, iface string }{
		{"0000:00:04.0", "0x020000", "e1000e", "1", "eth0"}, {"0000:00:05.0", "0x020000", "igb", "2", "eth1"},
		{"0000:00:06.0", "0x020000", "igb", "2", "eth2"}, {"0000:00:07.0", "0x020000", "igb", "", "eth3"},
		{"0000:00:08.0", "0x020000", "mlx5_core", "3", "eth4"}, {"0000:00:09.0", "0x010802", "nvme", "4", ""},
	} {
		dir := "bus/pci/devices/" + d.address
		must(os.MkdirAll(filepath.Join(root, dir), 0o755))
		must(os.WriteFile(filepath.Join(root, dir, "class"), []byte(d.class+"\n"), 0o644))
		must(os.MkdirAll(filepath.Join(root, "bus/pci/drivers", d.driver), 0o755))
		link("../../drivers/"+d.driver, dir+"/driver")
		if d.group != "" {
			link("../../../../kernel/iommu_groups/"+d.group, dir+"/iommu_group")
			link("../../../../bus/pci/devices/"+d.address, "kernel/iommu_groups/"+d.group+"/devices/"+d.address)
		}
		if d.iface != "" {
			must(os.MkdirAll(filepath.Join(root, dir, "net", d.iface), 0o755))
			link("../../bus/pci/devices/"+d.address+"/net/"+d.iface, "class/net/"+d.iface)
			link("../..", dir+"/net/"+d.iface+"/device")
		}
	}
	must(os.MkdirAll(filepath.Join(root, "bus/pci/drivers/vfio-pci"), 0o755))
	must(os.MkdirAll(filepath.Join(root, "class/net/bond0"), 0o755))
	link("../eth0", "class/net/bond0/lower_eth0")
	return root
}

// bind runs the script in a network namespace after the commands of prepare,
// which sees a veth pair eth0 and bond0.
func bind(t *testing.T, prepare string, args ...string) (string, error) {
	t.Helper()
	line := "ip link add eth0 type veth peer name bond0; ip link set eth0 up; ip link set bond0 up; " + prepare + `; exec ./bind "$@"`
	cmd := exec.Command("unshare", append([]string{"--net", "bash", "-c", line, "bind"}, args...)...)
	cmd.Env = append(os.Environ(), "IPVD_SYSFS="+sysfs(t), "IPVD_BIND_STATE="+t.TempDir())
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make a network namespace and to bind drivers")
	}
}

// TestBindRefusesWhatWouldHurt: what it does bind, deploy/vmtest sees on NICs.
func TestBindRefusesWhatWouldHurt(t *testing.T) {
	needRoot(t)
	const route = "ip route add default dev "
	for _, c := range []struct {
		name, prepare, nic, want string
	}{
		{"no such device", ":", "0000:00:1f.7", "there is no such PCI device"},
		{"no such interface", ":", "eth9", "neither a PCI address"},
		{"a disk", ":", "00:09.0", "is no NIC"},
		{"bifurcated", ":", "eth4", "give ipvd its PCI address as it is"},
		{"default route", route + "eth0", "0000:00:04.0", "eth0 carries the default route"},
		{"default route by name", route + "eth0", "eth0", "eth0 carries the default route"},
		{"default route of IPv6", "ip -6 route add default dev eth0", "eth0", "eth0 carries the default route"},
		{"default route of another table", route + "eth0 table 77", "eth0", "eth0 carries the default route"},
		{"default route over a bond", route + "bond0", "eth0", "eth0 carries the default route"},
		{"group", route + "eth0", "0000:00:05.0", "cannot tell it from 0000:00:06.0"},
		{"no IOMMU", route + "eth0", "eth3", "no IOMMU confines it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := bind(t, c.prepare, c.nic)
			if err == nil || !strings.Contains(out, c.want) {
				t.Errorf("bind %s: got %v and %q, want a refusal with %q", c.nic, err, out, c.want)
			}
		})
	}
	out, err := bind(t, ":", "--undo", "eth1")
	if err == nil || !strings.Contains(out, "was not bound by this script") {
		t.Errorf("undo what was not done: got %v and %q", err, out)
	}
	// The driver of this sysfs takes no NIC, so that this goes as far as it can.
	out, err = bind(t, route+"eth0", "--force", "eth0")
	if err == nil || !strings.Contains(out, "had: ip route add default") || !strings.Contains(out, "driver vfio-pci does not take it (it has e1000e now)") {
		t.Errorf("with --force: got %v and %q, want what is lost, and that the driver does not follow", err, out)
	}
}

func TestBindShowsNICs(t *testing.T) {
	needRoot(t)
	out, err := bind(t, ":")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"0000:00:04.0  e1000e       eth0         1", "0000:00:07.0  igb          eth3         none"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if strings.Contains(out, "nvme") {
		t.Errorf("shows a disk:\n%s", out)
	}
}

func TestOptionsThatAreNoneAreRefused(t *testing.T) {
	for _, args := range [][]string{{"./bind", "--unknown"}, {"./bind", "--undo"}, {"./hugepages", "reserve"}, {"./hugepages", "reserve", "many"},
		{"./hugepages", "unmount"}, {"./vmtest", "long"}} {
		var said bytes.Buffer
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Stderr = &said
		if err := cmd.Run(); err == nil || said.Len() == 0 {
			t.Errorf("%v: got %v and %q, want an error and a text", args, err, said.String())
		}
	}
}
