package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
	"ipvd/pmd"
	"ipvd/pmd/vhost"
)

// vhostNet is the kernel's backend.
const vhostNet = "/dev/vhost-net"

// backendLimit is how long a backend may take to answer before DPDK, which would wait
// for ever, is told of it.
const backendLimit = 3 * time.Second

// openVirtioUser opens DPDK's virtio-user: on the kernel's vhost-net, which makes an
// interface, or on another program's vhost-user backend.
func openVirtioUser(s *slave, mtu int) (pmd.Port, error) {
	queues := max(s.options.Queues, 1)
	args := fmt.Sprintf("net_virtio_user_%s_%d,queues=%d,queue_size=1024,mac=%v", s.m.name, s.id, queues, s.m.mac())
	if s.options.Socket == "" {
		if _, err := os.Stat(vhostNet); err != nil {
			return nil, &api.Refusal{Errno: unix.ENODEV, Text: fmt.Sprintf(
				"kind virtio-user without a socket needs the kernel's vhost-net: %v: load its module (modprobe vhost_net), or use kind tap", err)}
		}
		s.iface = fmt.Sprintf("ipvd-vu%d", s.id)
		args += ",path=" + vhostNet + ",iface=" + s.iface
	} else {
		if err := vhost.Probe(s.options.Socket, backendLimit); err != nil {
			return nil, &api.Refusal{Errno: unix.ECONNREFUSED, Text: fmt.Sprintf(
				"kind virtio-user: %v: the backend must be there first, and listen at its socket", err)}
		}
		args += ",path=" + s.options.Socket
	}
	opt := vdevOptions(s.m.d, mtu)
	opt.RxQueues, opt.TxQueues = queues, queues
	return s.m.d.rt.Attach(args, opt)
}

// moveInterface puts the interface that vhost-net has made into the slave's namespace,
// open as ns. It is the kernel's, and goes with the port. Its addresses are not
// followed: nothing tells where it is once it was moved on.
func (s *slave) moveInterface(ns int) error {
	l, _, err := link.ByName(netns.Here, s.iface)
	if err != nil {
		return err
	}
	if err := errors.Join(l.SetMTU(s.model.MTU), l.SetAlias(s.m.alias(s.id))); err != nil {
		return err
	}
	if s.record.Netns, err = netns.IDOf(ns); err != nil {
		return err
	}
	err = l.MoveAs(ns, s.model.Name)
	if errors.Is(err, unix.EEXIST) {
		return &api.Refusal{Text: fmt.Sprintf("%q is the name of another interface in that namespace", s.model.Name), Errno: unix.EEXIST}
	}
	return err
}

// moveHome is moveInterface for the namespace that the slave was made in.
func (s *slave) moveHome(id netns.ID) error {
	ns, err := netns.OpenID(id)
	if err != nil {
		return err
	}
	defer unix.Close(ns)
	return s.moveInterface(ns)
}
