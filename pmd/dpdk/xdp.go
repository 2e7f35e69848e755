package dpdk

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// xdpInterface is the interface named in the devargs of a net_af_xdp vdev.
func xdpInterface(devargs string) (string, bool) {
	if !strings.HasPrefix(strings.TrimPrefix(devargs, "vdev:"), "net_af_xdp") {
		return "", false
	}
	for arg := range strings.SplitSeq(devargs, ",") {
		if name, ok := strings.CutPrefix(arg, "iface="); ok {
			return name, true
		}
	}
	return "", false
}

// detachXDP takes away the XDP program that a killed process left on an
// interface: the driver attaches its own only where there is none.
func detachXDP(iface string) error {
	link, err := netlink.LinkByName(iface)
	if err != nil {
		return fmt.Errorf("find interface %s: %w", iface, err)
	}
	xdp := link.Attrs().Xdp
	if xdp == nil || !xdp.Attached {
		return nil
	}
	if err := netlink.LinkSetXdpFd(link, -1); err != nil {
		return fmt.Errorf("take XDP program %d from interface %s: %w", xdp.ProgId, iface, err)
	}
	return nil
}

// xdpFile is a descriptor that the driver opened for AF_XDP, and what it means:
// a number may come to mean something else.
type xdpFile struct {
	fd   int
	what string
}

// xdpFiles finds the AF_XDP sockets, BPF programs and maps that this process
// has open.
func xdpFiles() map[xdpFile]bool {
	found := map[xdpFile]bool{}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if what := xdpMeaning(fd); what != "" {
			found[xdpFile{fd, what}] = true
		}
	}
	return found
}

// xdpMeaning identifies an AF_XDP socket by its inode, a BPF object by its id
// (proc_pid_fdinfo(5)); "" for all else.
func xdpMeaning(fd int) string {
	link, _ := os.Readlink(fmt.Sprint("/proc/self/fd/", fd))
	if domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err == nil && domain == unix.AF_XDP {
		return link
	}
	if link != "anon_inode:bpf-prog" && link != "anon_inode:bpf-map" {
		return ""
	}
	info, _ := os.ReadFile(fmt.Sprint("/proc/self/fdinfo/", fd))
	for line := range strings.Lines(string(info)) {
		if strings.HasPrefix(line, "prog_id:") || strings.HasPrefix(line, "map_id:") {
			return link + " " + line
		}
	}
	return ""
}

// watchFiles gives a function that adds to p.files what the driver has opened
// since. Attaching and closing are one at a time in the process.
func (p *Port) watchFiles() func() {
	if !p.quirk.xdp {
		return func() {}
	}
	before := xdpFiles()
	return func() {
		for f := range xdpFiles() {
			if !before[f] {
				p.files = append(p.files, f)
			}
		}
	}
}

// release closes the file if the driver has not done so. DPDK 22.11.11 compares
// the reference count of a closed port's umem with the wrong value and keeps
// its socket: the interface's queue would stay bound (EBUSY for whoever comes
// next). libxdp 1.3 keeps program and map.
func (f xdpFile) release() {
	if xdpMeaning(f.fd) == f.what {
		unix.Close(f.fd)
	}
}
