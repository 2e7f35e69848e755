package main

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/config"
	"ipvd/cmd/internal/host/l3s"
	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/host/takeover"
	"ipvd/cmd/internal/store"
	"ipvd/flows/ipvlan"
	"ipvd/flows/route/mirror"
	"ipvd/pmd"
	"ipvd/pmd/dpdk"
	"ipvd/pmd/rawip"
	"ipvd/pmd/tap"
)

// master is one NIC and what belongs to it. All but the registry is guarded by
// the daemon's mu.
type master struct {
	d        *daemon
	name     string
	hostName string // of the host port's interface
	conf     config.Wire
	log      zerolog.Logger

	taken     *takeover.Wire   // nil: the wire is no kernel interface of ours
	wire      pmd.Configurable // nil until it is open
	pool      *dpdk.Pool       // that the wire receives into
	idle      *dpdk.Port       // in the wire's place while that is at rest; else nil
	filter    filter
	closing   chan struct{} // closed when nobody shall look at the wire any more; nil while nobody does
	host      *tap.Port
	punt      *rawip.Port    // l3: to the host's output path
	puntNetns netns.ID       // whose output path that is
	mirror    *mirror.Mirror // l3: of that namespace's routing; nil: the host routes each packet
	ret       *tap.Port      // l3s: from and to the host's forwarding
	hosts     *l3s.Host      // l3s: what was set up in the host
	cuts      *shortcuts     // l3s: flows that leave out the turn through the host; nil: none do

	template *ipvlan.Master // mode, flag, MAC, MTU, table and counters
	slaves   []*slave       // by id
	missing  []*missing     // recorded slaves that somebody else has
	nextID   int
	addrs    *registry
	carrier  bool
	wasUp    bool   // the host port's interface was up at some time
	lastMAC  string // of the wire in an earlier run; "" if there was none
	trouble  string // what is wrong with the master, for people; "" if nothing
}

// openMasters opens wire and host port of every master.
func (d *daemon) openMasters() error {
	d.loadDeclared()
	records, err := d.store.Masters.Load()
	if err != nil {
		d.log.Error().Err(err).Msg("the state of a master cannot be read; it starts with the defaults")
	}
	d.mu.Lock() // what the monitor says of a master waits until all are open
	defer d.mu.Unlock()
	var failed []error
	for _, c := range d.cfg.Masters {
		m := d.newMaster(c)
		d.masters = append(d.masters, m) // first, so that stop closes what open has opened
		if i := slices.IndexFunc(records, func(r store.Master) bool { return r.Name == c.Name }); i >= 0 {
			m.restore(records[i])
		}
		m.declareMode()
		if err := m.open(); err != nil {
			failed = append(failed, m.giveUp(fmt.Errorf("master %s: %w", c.Name, err)))
		}
	}
	if len(d.masters) == 0 {
		return errors.Join(failed...)
	}
	for _, err := range failed {
		d.log.Error().Err(err).Msg("this master is left out, its slaves stay as they are, and the others run")
	}
	return nil
}

// giveUp closes a master that could not be opened, and gives why. Under mu.
func (m *master) giveUp(err error) error {
	m.d.unwatchLink(m.name + " host")
	m.d.unwatchLink(m.name + " wire")
	m.d.masters = slices.DeleteFunc(m.d.masters, func(o *master) bool { return o == m })
	return errors.Join(err, m.close())
}

func (d *daemon) newMaster(c config.Master) *master {
	m := &master{d: d, name: c.Name, hostName: c.Name, conf: c.Wire, nextID: 1, carrier: true,
		log: d.log.With().Str("master", c.Name).Logger(), template: ipvlan.NewMaster(c.Name, d.workers())}
	if d.cfg.HostInterface != "" {
		m.hostName = d.cfg.HostInterface
	}
	// The flags were checked when they were read.
	m.template.Mode, _ = ipvlan.ParseMode(d.cfg.Mode)
	m.template.Flag, _ = ipvlan.ParseFlag(d.cfg.Flag)
	m.template.SourceMAC, _ = ipvlan.ParseSourceMAC(d.cfg.SourceMAC)
	m.template.Promiscuous = d.cfg.Promiscuous
	m.template.CompatKernel = d.cfg.Compat == "kernel"
	m.addrs = newRegistry(m)
	m.template.Table = m.addrs.reg.Table()
	m.setReach()
	return m
}

// restore takes up what an earlier run has recorded.
func (m *master) restore(r store.Master) {
	mode, errMode := ipvlan.ParseMode(r.Mode)
	flag, errFlag := ipvlan.ParseFlag(r.Flag)
	if err := errors.Join(errMode, errFlag); err != nil {
		m.log.Error().Err(err).Msg("the recorded mode is not used")
		return
	}
	m.template.Mode, m.template.Flag, m.nextID = mode, flag, max(r.NextID, 1)
	m.lastMAC = r.MAC
}

func (m *master) save() error {
	return m.d.store.Masters.Save(store.Master{Name: m.name, Wire: m.conf.Device,
		Mode: m.template.Mode.String(), Flag: m.template.Flag.String(), NextID: m.nextID, MAC: m.mac().String()})
}

// open opens the wire, the host port and what the mode needs.
func (m *master) open() error {
	m.usePoolNear()
	if err := m.openWire(); err != nil {
		return err
	}
	info := m.wire.Info()
	info.MTU = min(info.MTU, tap.MaxMTU) // the host port's, and so everybody's
	copy(m.template.MAC[:], info.MAC)
	m.template.MTU, m.template.Wire = info.MTU, m.wire
	if err := m.openHost(info); err != nil {
		return fmt.Errorf("host port %s: %w", m.hostName, err)
	}
	if err := m.openMode(m.template, m.template.Mode); err != nil {
		return err
	}
	if m.taken != nil {
		m.watchWire(m.taken.Record())
	}
	m.setFilter()
	m.watchDevice()
	m.log.Info().Str("wire", m.conf.Device).Str("driver", info.Driver).Stringer("mac", info.MAC).
		Int("mtu", info.MTU).Stringer("mode", m.template.Mode).Stringer("flag", m.template.Flag).Msg("master is up")
	return m.save()
}

// openHost makes the interface through which the host's own stack uses the
// master.
func (m *master) openHost(info pmd.Info) (err error) {
	m.host, err = tap.Open(tap.Config{Name: m.hostName, Alias: "ipvd:" + m.name, MTU: info.MTU, MAC: info.MAC, NoGRO: m.d.cfg.GRO == "off"})
	if err != nil {
		return err
	}
	m.template.Host = m.host
	if m.taken != nil {
		// The host port gets what the wire had, its MTU among it.
		if err := m.taken.Configure(m.hostName); err != nil {
			return err
		}
		l, _, err := link.ByName(netns.Here, m.hostName)
		if err != nil {
			return err
		}
		if err := l.SetMTU(info.MTU); err != nil {
			return err
		}
	}
	m.watchHost()
	return nil
}

// model is what Build makes the data plane of. Under mu.
func (m *master) model() *ipvlan.Master {
	c := *m.template
	if m.idle != nil {
		c.Wire, c.Down = m.idle, true
	}
	c.Slaves = make([]*ipvlan.Slave, len(m.slaves))
	for i, s := range m.slaves {
		c.Slaves[i] = s.model
	}
	return &c
}

// mac is the one MAC of wire, host port and slaves.
func (m *master) mac() net.HardwareAddr { return net.HardwareAddr(m.template.MAC[:]) }

// slave finds a slave by id.
func (m *master) slave(id uint16) *slave {
	for _, s := range m.slaves {
		if s.model.ID == id {
			return s
		}
	}
	return nil
}

// takeID gives the next id, in ascending order and not again before all others
// were used, as the kernel allocates dev_id (ida_alloc_range from the last one
// on in ipvlan_main.c, ipvlan_link_new).
func (m *master) takeID() (uint16, error) {
	for range ipvlan.MaxSlaveID {
		id := m.nextID
		m.nextID = id%ipvlan.MaxSlaveID + 1
		if m.slave(uint16(id)) == nil && !slices.ContainsFunc(m.missing, func(s *missing) bool { return s.record.ID == id }) {
			return uint16(id), nil
		}
	}
	return 0, fmt.Errorf("all %d slave ids of %s are in use: %w", ipvlan.MaxSlaveID, m.name, unix.ENOSPC)
}

// closeSlaves closes the slaves' ports, some at once: to remove an interface the
// kernel takes tens of milliseconds, in which it can begin with others.
func (m *master) closeSlaves() error {
	const atOnce = 16
	errs := make([]error, len(m.slaves))
	var wait sync.WaitGroup
	turns := make(chan struct{}, atOnce)
	for i, s := range m.slaves {
		if s.tap == nil { // DPDK's are not to be closed at once
			errs[i] = s.close()
			continue
		}
		turns <- struct{}{}
		wait.Go(func() {
			errs[i] = s.close()
			<-turns
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// close ends the master when no graph runs any more. Slaves whose state is kept
// stay where they are.
func (m *master) close() error {
	var errs []error
	if m.closing != nil {
		close(m.closing)
	}
	errs = append(errs, m.closeSlaves())
	errs = append(errs, m.closeMode(m.template, m.template.Mode))
	// The wire goes first: it must be at rest when it is put back, and putting it
	// back reads and removes the host port.
	var busy error
	if m.wire != nil {
		busy = m.wire.Close()
		errs = append(errs, busy)
	}
	if m.taken != nil && busy == nil {
		err := m.taken.Restore()
		if errors.Is(err, takeover.ErrVanished) {
			err = nil // told when it happened; nothing is left to put back
		}
		errs = append(errs, err)
	}
	if m.host != nil {
		errs = append(errs, m.host.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("master %s: %w", m.name, err)
	}
	return nil
}
