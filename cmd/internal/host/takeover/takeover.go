// Package takeover makes a kernel interface the wire of a master: it moves it
// into a private namespace, where the host's stack handles no frame of it, and
// puts its addresses and routes on the host port that takes its place. All is
// recorded before anything is changed, and can be put back by a later process.
package takeover

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/host/sysctl"
	"ipvd/cmd/internal/store"

	"golang.org/x/sys/unix"
)

// Errors that callers test for.
var (
	// ErrDefaultRoute: the interface carries a default route; Options.Force
	// takes it all the same.
	ErrDefaultRoute = errors.New("it carries the default route")
	// ErrVanished: the interface no longer exists. What was left of it, its
	// namespace and its record, is gone as well.
	ErrVanished = errors.New("the interface has vanished")
)

// Options say how to take an interface over.
type Options struct {
	Force bool // even if it carries a default route
}

// Wire is an interface that was taken over. Its methods are for one goroutine.
type Wire struct {
	records store.Table[store.Wire]
	rec     store.Wire
	home    int // descriptor of the namespace that the interface came from
	index   int // of the interface in the private namespace
}

// TakeOver takes the interface from the calling thread's namespace, which must
// be the daemon's. On an error the interface is back as it was, or the record
// is kept for Recover and the error says so. The error wraps
// link.ErrNotFound; unix.EINVAL for an interface that can be no master;
// unix.EBUSY for one that something else uses; or ErrDefaultRoute.
func TakeOver(ifname string, records store.Table[store.Wire], o Options) (*Wire, error) {
	rec, err := inspect(ifname, o)
	if err != nil {
		return nil, fmt.Errorf("wire %s: %w", ifname, err)
	}
	home, err := netns.Current()
	if err != nil {
		return nil, fmt.Errorf("wire %s: %w", ifname, err)
	}
	w := &Wire{records: records, rec: rec, home: home}
	if err := records.Save(rec); err != nil {
		unix.Close(home)
		return nil, fmt.Errorf("wire %s: %w", ifname, err)
	}
	if err := w.take(); err != nil {
		err = fmt.Errorf("wire %s: %w", ifname, err)
		if back := w.Restore(); back != nil {
			unix.Close(home)
			return nil, fmt.Errorf("%w; putting it back failed as well: %w", err, back)
		}
		return nil, err
	}
	return w, nil
}

// inspect checks that the interface may be taken and reads what must be put
// back. It changes nothing.
func inspect(ifname string, o Options) (store.Wire, error) {
	l, s, err := link.ByName(netns.Here, ifname)
	if err != nil {
		return store.Wire{}, err
	}
	if err := check(s); err != nil {
		return store.Wire{}, err
	}
	if !o.Force {
		if err := checkDefault(s.Index); err != nil {
			return store.Wire{}, err
		}
	}
	home, err := netns.IDOf(netns.Here)
	if err != nil {
		return store.Wire{}, err
	}
	rec := store.Wire{
		Name: s.Name, Home: home, Index: s.Index, MAC: s.MAC().String(), MTU: s.MTU, TxQLen: s.TxQLen,
		Up: s.Up(), NoARP: s.Flags&unix.IFF_NOARP != 0,
		// The clock makes it unique, also against a name that a killed process
		// has left.
		Netns: "ipvd-wire-" + s.Name + "-" + strconv.FormatInt(time.Now().UnixNano(), 36),
	}
	if err := snapshot(l, &rec); err != nil {
		return store.Wire{}, err
	}
	if rec.Sysctls, err = ownSysctls(ifname); err != nil {
		return store.Wire{}, err
	}
	return rec, nil
}

// take moves the interface into a new private namespace and sets it up there
// without addresses and ARP.
func (w *Wire) take() error {
	if err := netns.Create(w.rec.Netns); err != nil {
		return err
	}
	private, err := w.OpenNetns()
	if err != nil {
		return err
	}
	defer unix.Close(private)
	if err := netns.Run(private, func() error {
		return sysctl.Set("ipv6/conf/default/disable_ipv6", "1")
	}); err != nil {
		return err
	}
	if err := (link.Link{NS: w.home, Index: w.rec.Index, Name: w.rec.Name}).MoveTo(private); err != nil {
		if errors.Is(err, unix.EINVAL) {
			err = fmt.Errorf("the kernel keeps it in its namespace, as it does a bridge or a tunnel's end: %w", err)
		}
		return err
	}
	l, _, err := link.ByName(private, w.rec.Name)
	if err != nil {
		return err
	}
	w.index = l.Index
	if err := l.SetNoARP(true); err != nil {
		return err
	}
	return l.SetUp(true)
}

// Record is what the interface was like, and where it is now.
func (w *Wire) Record() store.Wire { return w.rec }

// Index is the interface's index in the private namespace.
func (w *Wire) Index() int { return w.index }

// OpenNetns opens the private namespace, for whoever drives the interface
// there. The caller closes the descriptor.
func (w *Wire) OpenNetns() (int, error) { return netns.Open(w.rec.Netns) }

// Configure gives hostPort, an interface of the namespace that the wire came
// from, the wire's MAC, MTU, sysctls, addresses and routes. A second call does
// nothing.
func (w *Wire) Configure(hostPort string) error {
	l, _, err := link.ByName(w.home, hostPort)
	if err != nil {
		return fmt.Errorf("host port of wire %s: %w", w.rec.Name, err)
	}
	if err := apply(l, &w.rec); err != nil {
		return fmt.Errorf("host port of wire %s: %w", w.rec.Name, err)
	}
	return nil
}
