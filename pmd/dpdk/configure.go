package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"net"

	"ipvd/pmd"
)

// configure negotiates with the device, sets its queues up and starts it.
func (p *Port) configure(opt PortOptions) error {
	var info C.struct_ipvd_info
	if ret := C.ipvd_get_info(p.id, &info); ret != 0 {
		return fmt.Errorf("get device info: %w", errno(ret))
	}
	p.info.Driver = C.GoString(&info.driver[0])
	p.quirk = quirkOf(p.info.Driver)
	p.lowered = nil
	rx, tx := p.negotiateQueues(opt, &info)
	if err := p.makeQueues(rx, tx); err != nil {
		return err
	}
	p.beginKept()
	mtu, err := p.chooseMTU(opt.MTU, &info)
	if err != nil {
		return err
	}
	pool, err := p.choosePool(rx, int(descriptors(opt.RxDesc)), mtu)
	if err != nil {
		return err
	}
	conf := C.struct_ipvd_conf{
		rxq: C.uint16_t(rx), txq: C.uint16_t(tx), mtu: C.uint16_t(mtu),
		rxdesc: descriptors(opt.RxDesc), txdesc: descriptors(opt.TxDesc),
		room: C.uint32_t(pool.DataRoom()), socket: info.socket, pool: pool.pool, gone: p.gone, rss_key: C.uint16_t(p.quirk.rssKey),
		interrupts: flag(opt.Interrupts && !p.quirk.xdp), xdp: flag(p.quirk.xdp),
		rx_checksum: flag(!p.quirk.softOffloads && !p.quirk.partialRx), tx_offloads: txOffloads(offloadsOf(&info, p.quirk)),
	}
	if ret := p.start(&conf); ret != 0 {
		return fmt.Errorf("%s (%d/%d queues, MTU %d): %w", C.GoString(conf.step), rx, tx, mtu, driverError(ret))
	}
	p.started, p.conf = true, conf
	p.lowerOffloads(opt, &info, &conf)
	p.findDescriptors(&conf)
	return nil
}

// start configures and starts the device.
func (p *Port) start(conf *C.struct_ipvd_conf) C.int {
	defer p.watchFiles()()
	C.ipvd_forget_error()
	ret := C.ipvd_configure(p.id, conf)
	if ret != 0 && conf.interrupts != 0 {
		conf.interrupts = 0 // no driver says beforehand that it has none
		ret = C.ipvd_configure(p.id, conf)
	}
	return ret
}

// choosePool gives the pool for packets received with this MTU (0: Ethernet's):
// the caller's, or one of the port's own. Its size is what lies in the fill
// ring, as many sent and not yet completed, and as many received and still on
// their way through the worker or in other ports' rings, twice. Under Runtime.mu.
func (p *Port) choosePool(queues, descriptors, mtu int) (*Pool, error) {
	cfg := p.pool.cfg
	long := p.quirk.wholeRx && max(mtu, etherMTU)+frameOverhead > cfg.DataRoom
	switch {
	case p.quirk.keepsRx > 0:
		cfg.Size = queues * p.quirk.keepsRx * 4
	case long:
		cfg.Size, cfg.DataRoom = queues*descriptors*4, mtu+frameOverhead
	}
	if p.quirk.keepsRx == 0 && !long {
		return p.pool, nil
	}
	cfg.Name = p.name
	own, err := p.rt.newPool(cfg)
	p.own = own
	return own, err
}

// chooseMTU is the MTU to set: the one wanted or the device's largest, else that
// of the kernel interface behind the port, else 0 for the driver's own.
func (p *Port) chooseMTU(want int, info *C.struct_ipvd_info) (int, error) {
	most := p.maxMTU(info)
	if want != 0 && most != 0 && want > most {
		p.lower("MTU %d to %d (the device's largest)", want, most)
		return most, nil
	}
	if want != 0 || info.if_index == 0 {
		return want, nil
	}
	iface, err := net.InterfaceByIndex(int(info.if_index))
	if err != nil {
		return 0, fmt.Errorf("read the MTU of interface %d: %w", info.if_index, err)
	}
	if p.quirk.rxHeadroom > 0 && iface.MTU > most {
		return 0, fmt.Errorf("%s has MTU %d, and %s receives up to %d only: %w", iface.Name, iface.MTU, p.info.Driver, most, pmd.ErrUnsupported)
	}
	return iface.MTU, nil
}

// apply sets what a running port can be told, and reads back what it is.
func (p *Port) apply(opt PortOptions) error {
	if opt.MAC != nil {
		if err := p.control("set MAC "+opt.MAC.String(), setMAC(p.id, opt.MAC)); err != nil {
			return err
		}
	}
	if opt.Promiscuous {
		err := p.control("set promiscuous", C.ipvd_set_promiscuous(p.id, 1))
		if err != nil && !errors.Is(err, pmd.ErrUnsupported) {
			return err
		}
	}
	if opt.AllMulticast {
		err := p.control("set all-multicast", C.ipvd_set_allmulticast(p.id, 1))
		if err != nil && !errors.Is(err, pmd.ErrUnsupported) {
			return err
		}
	}
	return p.refresh()
}

// txOffloads is o in DPDK's words.
func txOffloads(o pmd.Offloads) C.uint64_t {
	return C.ipvd_tx_offloads(flag(o&pmd.Checksum != 0), flag(o&pmd.TSO != 0), flag(o&pmd.USO != 0))
}

func descriptors(n int) C.uint16_t {
	if n == 0 {
		n = defaultDesc
	}
	return C.uint16_t(n)
}
