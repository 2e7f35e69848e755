// Package monitor follows network interfaces through all namespaces of the
// machine: where they are, what they are called, whether they are up, which
// addresses they have.
//
// One rtnetlink socket in the daemon's namespace hears all namespaces that have
// an nsid there (NETLINK_LISTEN_ALL_NSID, netlink(7)); no descriptor and no
// socket of another namespace is kept, so that a namespace can end. A namespace
// gets its nsid first and is read second, so nothing is missed between.
package monitor

import (
	"fmt"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"

	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"

	"golang.org/x/sys/unix"
)

// Kind says what an Event is.
type Kind uint8

const (
	// Sync: the interface was found, also after a move or after messages were
	// lost. Everything in the event is as it is now; forget what was before.
	Sync Kind = iota
	// Link: something in Event.Link has changed.
	Link
	// AddrAdded and AddrRemoved: the interface has got, or no longer has,
	// Event.Addr. Tentative addresses count.
	AddrAdded
	AddrRemoved
	// Gone: the interface no longer exists, or was never found; Event.Err says
	// why. It is not watched any more.
	Gone
	// Orphaned: nothing but descriptors, of which the caller holds one, keep
	// the interface's namespace. Sent once, for a Target that is Held.
	Orphaned
)

var kindNames = [...]string{"sync", "link", "addr added", "addr removed", "gone", "orphaned"}

// String is the kind's name.
func (k Kind) String() string { return kindNames[k] }

// Event is a change of an interface. The receiver owns it.
type Event struct {
	Key       string
	Kind      Kind
	Netns     netns.ID
	NetnsName string     // as netns.Name gives it
	Link      link.State // Link.Index is the interface's in Netns
	Addr      netip.Addr
	Addrs     []netip.Addr // Sync: all of them, sorted
	Err       error
}

// Locator knows where an interface is, as a TAP's descriptor does. Once its
// device is closed it must answer with an error. The monitor calls it from its
// own goroutine.
type Locator interface {
	// Netns opens the interface's namespace; the caller closes the descriptor.
	Netns() (fd int, err error)
	// IfName is the interface's name in that namespace.
	IfName() (string, error)
}

// Target is an interface to watch.
type Target struct {
	Key     string // chosen by the caller, comes with each event
	Locator Locator
	// Held: the caller holds a descriptor that keeps the interface's namespace
	// alive, and wants to know when nobody else does.
	Held bool
}

// Options are a monitor's settings; the zero value is good.
type Options struct {
	ReceiveBuffer int // of the socket, in bytes; 0: 16 MiB
	// Peers reports the peer of a point-to-point IPv4 address in its place, as
	// the kernel's ipvlan driver takes it (ifa_address in ipvlan_main.c,
	// ipvlan_addr4_event).
	Peers bool
}

// Monitor watches interfaces. Its methods may be called from any goroutine.
type Monitor struct {
	sock, wake, inotify int // inotify is -1 without /run/netns
	home                int // the namespace that sock is in
	events              chan Event
	stop, done          chan struct{}
	peers               bool // Options.Peers
	overruns            atomic.Uint64

	mu       sync.Mutex
	commands []command // under mu

	// The rest belongs to the monitor's goroutine.
	homeID   netns.ID
	selfNSID int  // the nsid that home has in home; none mostly
	lost     bool // messages were lost since all interfaces were found
	targets  map[string]*watch
	at       map[place]*watch
}

// command adds or, without a locator, removes a target.
type command Target

// Open makes a monitor in the calling thread's namespace, which must be the
// daemon's, and starts its goroutine.
func Open(o Options) (*Monitor, error) {
	m := &Monitor{
		sock: -1, wake: -1, inotify: -1, home: -1, selfNSID: noNSID, peers: o.Peers,
		events: make(chan Event, 256), stop: make(chan struct{}), done: make(chan struct{}),
		targets: make(map[string]*watch), at: make(map[place]*watch),
	}
	if err := m.open(o); err != nil {
		m.closeFDs()
		return nil, fmt.Errorf("interface monitor: %w", err)
	}
	go m.run()
	return m, nil
}

func (m *Monitor) open(o Options) (err error) {
	if m.home, err = netns.Current(); err != nil {
		return err
	}
	if m.homeID, err = netns.IDOf(m.home); err != nil {
		return err
	}
	if m.sock, err = openSocket(o.ReceiveBuffer); err != nil {
		return err
	}
	if m.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	m.inotify = watchNames()
	m.learnSelf()
	return nil
}

func (m *Monitor) closeFDs() {
	for _, fd := range []int{m.sock, m.wake, m.inotify, m.home} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// Events is where events arrive, in order for each interface. Whoever reads it
// must keep reading; the channel is closed by Close.
func (m *Monitor) Events() <-chan Event { return m.events }

// Overruns counts how often the kernel had to drop messages for us, each
// followed by a Sync of all interfaces.
func (m *Monitor) Overruns() uint64 { return m.overruns.Load() }

// Add starts watching an interface, in place of the one that had its key. A
// Sync or Gone follows.
func (m *Monitor) Add(t Target) { m.command(command(t)) }

// Remove stops watching. Events that are already in the channel still arrive.
func (m *Monitor) Remove(key string) { m.command(command{Key: key}) }

func (m *Monitor) command(c command) {
	m.mu.Lock()
	m.commands = append(m.commands, c)
	m.mu.Unlock()
	m.wakeUp()
}

// wakeUp ends the goroutine's poll. The counter of the eventfd cannot overflow.
func (m *Monitor) wakeUp() { unix.Write(m.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

// Close ends the monitor and closes the channel. It must be called once, and no
// other method after it.
func (m *Monitor) Close() {
	close(m.stop)
	m.wakeUp()
	<-m.done
	m.closeFDs()
}
