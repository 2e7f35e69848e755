package dpdk

/*
#include <errno.h>
#include "shim.h"
#include <rte_ethdev.h>
*/
import "C"

import (
	"errors"
	"fmt"

	"ipvd/pmd"
)

// SetMTU sets the largest L3 packet, in bytes. Many NICs change it at rest only,
// or one way only, since their queues were set up for shorter frames: then it
// returns pmd.ErrBusy while a poll set holds one of the queues, and stops the
// device, sets its queues up again and starts it when none does.
func (p *Port) SetMTU(mtu int) error {
	if mtu <= 0 || mtu > 65535 {
		return fmt.Errorf("port %s: MTU %d: out of range", p.name, mtu)
	}
	var resting error
	err := p.change(fmt.Sprintf("set MTU %d", mtu), func() C.int {
		ret := C.int(-C.EBUSY)
		if !p.quirk.mtuAtRest {
			ret = C.rte_eth_dev_set_mtu(p.id, C.uint16_t(mtu))
		}
		if !p.wantsRest(ret, mtu) {
			return ret
		}
		if p.sets.Load() > 0 {
			resting = pmd.ErrBusy
			return 0
		}
		ret, resting = p.restart(mtu)
		return ret
	})
	if resting != nil {
		resting = fmt.Errorf("port %s: set MTU %d: %w", p.name, mtu, resting)
	}
	return errors.Join(err, resting)
}

// wantsRest says that a driver has refused an MTU that its device can be set to,
// so that it must be the moment that it does not like.
func (p *Port) wantsRest(ret C.int, mtu int) bool {
	if !p.onPCI() || ret != -C.EBUSY && ret != -C.EINVAL {
		return false
	}
	return p.info.MaxMTU == 0 || mtu <= p.info.MaxMTU
}

// restart stops the device and starts it with another MTU, or if that fails with
// the one before; lost is what it then fails with. Under p.mu, in the port's
// namespace, while nobody polls it.
func (p *Port) restart(mtu int) (ret C.int, lost error) {
	p.closeDescriptors()
	C.ipvd_stop(p.id)
	before := p.conf.mtu
	if before == 0 {
		before = C.uint16_t(p.info.MTU)
	}
	if ret = p.startAgain(C.uint16_t(mtu)); ret != 0 {
		C.ipvd_stop(p.id)
		if again := p.startAgain(before); again != 0 {
			lost = fmt.Errorf("the device does not start with MTU %d either: %w", before, driverError(again))
		}
	}
	p.findDescriptors(&p.conf)
	return ret, lost
}

func (p *Port) startAgain(mtu C.uint16_t) C.int {
	p.conf.mtu = mtu
	ret := C.ipvd_configure(p.id, &p.conf)
	if ret == 0 && len(p.groups) > 0 {
		_ = setMulticast(p.id, p.groups) // start restores all other filters
	}
	return ret
}
