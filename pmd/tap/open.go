package tap

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// Errors that callers test for, besides those of package pmd.
var (
	// ErrNameTaken: the namespace has another interface of that name.
	ErrNameTaken = errors.New("interface name is taken")
	// ErrForeign: the interface of that name is not the one asked for.
	ErrForeign = errors.New("not the interface asked for")
)

// Config is what to open or attach to. Zero fields leave what the kernel chose.
type Config struct {
	Name    string           // interface name; for Open, "" takes a free ipvd0, ipvd1, ...
	Alias   string           // interface alias; written by Open, checked by Attach
	MTU     int              // bytes of L3 packet, 68 to 65535; MaxMTU if it is more
	MAC     net.HardwareAddr // 6 bytes
	Persist bool             // the interface outlives the port
	// NoOffloads makes the interface's namespace finish its frames itself. What
	// is sent to it may be unfinished all the same.
	NoOffloads bool
	// NoGRO sends each packet by itself, as NoOffloads does: else those are merged
	// that one frame can stand for (offload.Merger).
	NoGRO bool
}

const (
	tunPath     = "/dev/net/tun"
	tempPattern = "ipvd%d"
	// tapFlags makes single-queue interfaces: a second attach is then refused.
	tapFlags = unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR
)

// Open makes a new TAP interface in the caller's network namespace and attaches
// to it. It fails with ErrNameTaken rather than attach to an existing one.
func Open(cfg Config) (*Port, error) {
	name := cfg.Name
	if name == "" {
		name = tempPattern
	}
	p, err := attachFile(name, unix.IFF_TUN_EXCL, !cfg.NoOffloads)
	if errors.Is(err, unix.EBUSY) {
		err = ErrNameTaken
	}
	if err != nil {
		return nil, fmt.Errorf("tap %s: open: %w", name, err)
	}
	if err := p.configure(cfg, true); err != nil {
		p.Close()
		return nil, fmt.Errorf("tap %s: open: %w", name, err)
	}
	return p, nil
}

// attachFile opens /dev/net/tun in the calling thread's namespace and attaches
// it to the TAP called name, which the kernel makes if there is none.
func attachFile(name string, flags uint16, offloads bool) (*Port, error) {
	fd, err := unix.Open(tunPath, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tunPath, err)
	}
	got, err := setIff(fd, name, tapFlags|flags)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TUNSETVNETHDRSZ, vnetHdrLen)
	}
	uso := false
	if err == nil {
		uso, err = setOffloads(fd, offloads)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	p := newPort(fd, got)
	p.uso = uso
	return p, nil
}

// setOffloads says which frames may be handed over unfinished: those that the
// kernel knows of the ones that the rest of the program can finish. uso: UDP that
// is to be segmented is among them.
func setOffloads(fd int, on bool) (uso bool, err error) {
	const tso = unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6 | unix.TUN_F_TSO_ECN
	if !on {
		return false, unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, 0)
	}
	err = unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, tso|unix.TUN_F_USO4|unix.TUN_F_USO6)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.2
		return false, unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, tso)
	}
	return err == nil, err
}

// setIff attaches fd to an interface and gives the name that it has.
func setIff(fd int, name string, flags uint16) (string, error) {
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return "", fmt.Errorf("interface name %q: %w", name, err)
	}
	ifr.SetUint16(flags)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
		return "", err
	}
	return ifr.Name(), nil
}

// configure gives the interface what cfg says and reads back the rest.
func (p *Port) configure(cfg Config, setAlias bool) error {
	p.gro = !cfg.NoGRO && !cfg.NoOffloads
	link, h, err := p.link()
	if err != nil {
		return err
	}
	defer h.Close()
	if cfg.MTU != 0 {
		if cfg.MTU < minMTU || cfg.MTU > maxIP {
			return fmt.Errorf("MTU %d is not in %d to %d", cfg.MTU, minMTU, maxIP)
		}
		cfg.MTU = min(cfg.MTU, MaxMTU)
		if err := h.LinkSetMTU(link, cfg.MTU); err != nil {
			return fmt.Errorf("set MTU %d: %w", cfg.MTU, err)
		}
		link.Attrs().MTU = cfg.MTU
	}
	if cfg.MAC != nil {
		if err := h.LinkSetHardwareAddr(link, cfg.MAC); err != nil {
			return fmt.Errorf("set MAC %s: %w", cfg.MAC, err)
		}
		link.Attrs().HardwareAddr = cfg.MAC
	}
	if setAlias && cfg.Alias != "" {
		if err := h.LinkSetAlias(link, cfg.Alias); err != nil {
			return fmt.Errorf("set alias %q: %w", cfg.Alias, err)
		}
	}
	p.SetInfo(link.Attrs().MTU, link.Attrs().HardwareAddr)
	return p.SetPersist(cfg.Persist)
}
