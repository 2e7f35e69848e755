package dpdk

/*
#include <errno.h>
#include "shim.h"
#include <rte_ethdev.h>
*/
import "C"

import (
	"fmt"
	"net"
	"unsafe"

	"ipvd/pmd"
)

// SetMAC sets the device's address.
func (p *Port) SetMAC(mac net.HardwareAddr) error {
	if len(mac) != 6 {
		return fmt.Errorf("port %s: MAC %s has %d bytes, not 6", p.name, mac, len(mac))
	}
	return p.change("set MAC "+mac.String(), func() C.int { return setMAC(p.id, mac) })
}

// SetPromiscuous says whether the device takes frames for other addresses.
func (p *Port) SetPromiscuous(on bool) error {
	return p.change(fmt.Sprintf("set promiscuous %t", on), func() C.int {
		return C.ipvd_set_promiscuous(p.id, flag(on))
	})
}

// SetAllMulticast says whether the device takes every multicast frame.
func (p *Port) SetAllMulticast(on bool) error {
	return p.change(fmt.Sprintf("set all-multicast %t", on), func() C.int {
		return C.ipvd_set_allmulticast(p.id, flag(on))
	})
}

// Stats reads the device's own counters; after Close, or when the device does
// not answer, they are the last ones read. Software drivers leave most at 0.
func (p *Port) Stats() pmd.PortStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.readStats()
	return p.stats
}

// Carrier reports whether the link is up. A closed or vanished port has none.
func (p *Port) Carrier() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	up := false
	if !p.closed && !p.Gone() {
		err := inNetns(p.netns, func() error {
			up = C.ipvd_link_up(p.id) != 0
			return nil
		})
		up = up && err == nil
	}
	return up
}

// SetMulticast makes the device take the frames for these multicast addresses,
// in place of those before, and no others unless SetAllMulticast opens its filter.
func (p *Port) SetMulticast(groups []net.HardwareAddr) error {
	for _, g := range groups {
		if len(g) != 6 || g[0]&1 == 0 {
			return fmt.Errorf("port %s: %s is no multicast MAC", p.name, g)
		}
	}
	return p.change(fmt.Sprintf("set %d multicast addresses", len(groups)), func() C.int {
		ret := setMulticast(p.id, groups)
		if ret == 0 {
			p.groups = groups
		}
		return ret
	})
}

// Close stops and removes the device. It is an error, and the port stays, while
// a poll set holds one of its queues. A second call does nothing.
func (p *Port) Close() error {
	p.rt.mu.Lock()
	defer p.rt.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	if n := p.sets.Load(); n != 0 {
		return fmt.Errorf("port %s: close: poll sets hold %d of its queues: %w", p.name, n, pmd.ErrBusy)
	}
	p.readStats()
	p.closed = true
	delete(p.rt.ports, p.name)
	err := inNetns(p.netns, p.takeDown)
	p.netns.Close()
	p.rt.sweep()
	if err != nil {
		return fmt.Errorf("port %s: close: %w", p.name, err)
	}
	return nil
}

// takeDown removes the device and its pool, in the port's namespace.
func (p *Port) takeDown() error {
	if p.started && !p.Gone() {
		C.ipvd_drain_tx(p.id, C.uint16_t(len(p.tx)))
		if p.quirk.keepsSent {
			C.ipvd_drain_rx(p.id, C.uint16_t(len(p.rx)))
		}
	}
	p.closeDescriptors()
	C.ipvd_forget_error()
	files := p.watchFiles()
	ret := C.ipvd_remove(p.id, p.gone)
	files()
	for _, f := range p.files {
		f.release()
	}
	if p.own != nil {
		held := p.quirk.keepsRx * len(p.rx)
		p.rt.lingering = append(p.rt.lingering, lingerer{p.own, held})
	}
	if ret != 0 {
		return fmt.Errorf("remove device: %w", driverError(ret))
	}
	return nil
}

// change runs a control call in the port's namespace and reads back what the
// port is then.
func (p *Port) change(what string, f func() C.int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("port %s: %s: %w", p.name, what, pmd.ErrClosed)
	}
	if p.Gone() {
		return fmt.Errorf("port %s: %s: %w", p.name, what, pmd.ErrGone)
	}
	err := inNetns(p.netns, func() error {
		C.ipvd_forget_error()
		if err := p.control(what, f()); err != nil {
			return err
		}
		return p.refresh()
	})
	if err != nil {
		return fmt.Errorf("port %s: %w", p.name, err)
	}
	return nil
}

// control names what failed, as an error of the contract where there is one.
func (p *Port) control(what string, ret C.int) error {
	switch ret {
	case 0:
		return nil
	case -C.ENOTSUP, -C.ENOSYS:
		return fmt.Errorf("%s: %s: %w", what, p.info.Driver, pmd.ErrUnsupported)
	case -C.EIO, -C.ENODEV:
		if p.Gone() {
			return fmt.Errorf("%s: %w", what, pmd.ErrGone)
		}
	}
	return fmt.Errorf("%s: %w", what, driverError(ret))
}

// refresh reads the port's description from the driver. Under p.mu, or before
// the port is known to others.
func (p *Port) refresh() error {
	var c C.struct_ipvd_info
	if ret := C.ipvd_get_info(p.id, &c); ret != 0 {
		return fmt.Errorf("get device info: %w", errno(ret))
	}
	p.info = pmd.Info{
		Driver: C.GoString(&c.driver[0]),
		MAC:    C.GoBytes(unsafe.Pointer(&c.mac[0]), 6),
		MTU:    int(c.mtu),
		MaxMTU: p.maxMTU(&c),
		Caps:   capsOf(&c, p.quirk, p.devargs, p.pool.DataRoom()),
		Socket: int(c.socket),
	}
	if p.quirk.wholeRx {
		p.info.MaxMTU = min(p.info.MaxMTU, int(p.conf.room)-frameOverhead)
	}
	p.applyCaps()
	return nil
}

// readStats updates p.stats. What we offered and the driver left to us is ours
// to count (Full), even if the driver calls it an error of its own.
func (p *Port) readStats() {
	var c [4]C.uint64_t
	if p.closed || p.Gone() || C.ipvd_stats(p.id, &c[0]) != 0 {
		return
	}
	s := pmd.PortStats{Missed: uint64(c[0]), Errors: uint64(c[1]), NoMbuf: uint64(c[2]), OErrors: uint64(c[3])}
	if p.quirk.keepsMissed {
		s.Missed = p.kept.total(s.Missed)
	}
	if p.quirk.countsUntaken {
		for _, q := range p.tx {
			s.OErrors -= min(s.OErrors, load(&q.(*txQueue).c.untaken))
		}
	}
	p.stats = s
}

func setMAC(port C.uint16_t, mac net.HardwareAddr) C.int {
	return C.ipvd_set_mac(port, (*C.uint8_t)(unsafe.Pointer(&mac[0])))
}

// setMulticast writes the device's list.
func setMulticast(port C.uint16_t, groups []net.HardwareAddr) C.int {
	list := make([]byte, 0, 6*len(groups)+1) // that its first byte has an address
	for _, g := range groups {
		list = append(list, g...)
	}
	return C.ipvd_set_multicast(port, (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(list))), C.uint32_t(len(groups)))
}

func flag(on bool) C.int {
	if on {
		return 1
	}
	return 0
}
