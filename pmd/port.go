package pmd

import (
	"errors"
	"net"
	"time"
)

// Errors that callers test for with errors.Is; each is wrapped with what was
// attempted on which port and with which value.
var (
	// ErrNoPorts: the driver has no free port (Debian's DPDK: 32 ethdevs).
	ErrNoPorts = errors.New("no free port in this driver")
	// ErrNoMemory: a pool, vector or port does not fit the memory.
	ErrNoMemory = errors.New("not enough memory")
	// ErrBusy: somebody else has attached the device.
	ErrBusy = errors.New("device is in use")
	// ErrGone: the device has vanished under the port.
	ErrGone = errors.New("device is gone")
	// ErrUnsupported: the driver cannot do this.
	ErrUnsupported = errors.New("not supported by the driver")
	// ErrClosed: the port, pool or runtime was closed.
	ErrClosed = errors.New("closed")
)

// Caps is what a port can take from its sender. pmd/dpdk and pmd/tap enforce it
// in Send: a packet beyond it is linearised or dropped by reason.
type Caps struct {
	MaxSegs  int // most segments of a packet; 0: any number
	MaxFrame int // largest frame in bytes, Ethernet header included, FCS not; 0: no limit
	// Offloads is what the device finishes itself. The driver finishes the
	// rest in software.
	Offloads Offloads
}

// Info describes a port.
type Info struct {
	Driver string           // e.g. net_af_xdp, net_tap, tap
	MAC    net.HardwareAddr // 6 bytes
	MTU    int              // largest L3 packet in bytes
	MaxMTU int              // that the device can be set to; 0: unknown, or no limit
	Caps   Caps
	Socket int // NUMA node, -1 if unknown
}

// QueueStats are a queue's counters since it was opened. Each packet is counted
// once: as Packets, or in exactly one of the others.
type QueueStats struct {
	Packets uint64 // received by the worker, or accepted by the driver
	Bytes   uint64 // of Packets, without FCS
	// TX only: packets that the queue had to drop, by reason.
	Full    uint64 // the ring or the socket buffer was full (tx_full)
	TooBig  uint64 // longer than the port can send (tx_too_big)
	Refused uint64 // the device is down, gone, or refused the frame (tx_refused)
	// TX only: frames made by segmenting, beyond the first of each packet. They
	// count like others as Packets or in one of the reasons.
	Segmented uint64
	// TX only: packets, each counted above, that went out as part of another one's
	// frame. Information; not part of the account.
	Coalesced uint64
	// RX only: packets seen and lost before the worker had them.
	NoMbuf uint64 // no buffer for it (rx_nombuf)
	Errors uint64 // unreadable, too long for the buffers, or malformed (rx_error)
}

// Add sums two snapshots.
func (s QueueStats) Add(o QueueStats) QueueStats {
	return QueueStats{s.Packets + o.Packets, s.Bytes + o.Bytes, s.Full + o.Full, s.TooBig + o.TooBig,
		s.Refused + o.Refused, s.Segmented + o.Segmented, s.Coalesced + o.Coalesced, s.NoMbuf + o.NoMbuf, s.Errors + o.Errors}
}

// PortStats are the counters of the device itself that no queue sees.
type PortStats struct {
	Missed  uint64 // received by the device, dropped for lack of descriptors (imissed)
	Errors  uint64 // received with an error (ierrors)
	NoMbuf  uint64 // dropped for lack of mbufs inside the driver (rx_nombuf)
	OErrors uint64 // accepted from us, then failed (oerrors)
}

// RxQueue and TxQueue are handles that a PollSet of the same driver accepts.
type RxQueue interface {
	Port() Port
	Index() int
	Stats() QueueStats // any goroutine
}

// TxQueue is the sending counterpart of RxQueue.
type TxQueue interface {
	Port() Port
	Index() int
	Stats() QueueStats // any goroutine
}

// Port is a device with receive and transmit queues. Its methods are for the
// control plane, never for a worker; they may be called from any goroutine.
type Port interface {
	Name() string
	Info() Info
	Driver() Driver
	Rx() []RxQueue
	Tx() []TxQueue
	Stats() PortStats
	// Carrier reports the link state as the driver sees it.
	Carrier() bool
	// Close frees the device. No poll set may hold a queue of it any more: the
	// graph that used it must have been swapped out. A second call does nothing.
	Close() error
}

// Configurable is a Port whose device can be changed while it runs. A driver
// that cannot do one of them returns ErrUnsupported.
type Configurable interface {
	Port
	// SetMTU returns ErrBusy when the device must be at rest for it: when no poll
	// set holds a queue of it, the same call succeeds.
	SetMTU(mtu int) error
	SetMAC(mac net.HardwareAddr) error
	SetPromiscuous(on bool) error
	SetAllMulticast(on bool) error
}

// Filtering is a Port whose device can be told the multicast addresses that it
// takes frames for, while it does not take all. A driver that cannot returns
// ErrUnsupported.
type Filtering interface {
	Configurable
	SetMulticast(groups []net.HardwareAddr) error
}

// Driver makes poll sets for the queues of its ports. It is comparable: ports
// of one driver give equal values.
type Driver interface {
	NewPollSet(v *Vector) (PollSet, error)
}

// PollSet drives all queues of one driver that one worker owns. AddRx, AddTx
// and Close are for the control plane, before the first and after the last
// step; the others for the worker.
type PollSet interface {
	// AddRx adds a queue to be read, at most burst packets of it in a step, and
	// gives its slot in RxList.
	AddRx(q RxQueue, burst int) (slot uint32, err error)
	// AddTx adds a queue to be sent to and gives its slot in TxList. shared
	// says that other workers send to the same queue.
	AddTx(q TxQueue, shared bool) (slot uint32, err error)
	// TxList is where stages queue bursts; Send or Receive empties it.
	TxList() *SegList
	// RxList is what the last Receive received, one segment a queue that had
	// packets.
	RxList() *SegList
	// Send sends what TxList holds, unless this set's Receive does both in one
	// call. What a queue does not take is dropped and counted, never retried.
	Send()
	// Receive appends received packets to the vector and fills RxList.
	Receive()
	// Flush sends what TxList holds now and frees the vector's Free list if
	// this is the runtime's set. After it, nothing of the last step is pending.
	Flush()
	// Close frees the set. The queues stay open.
	Close()
}

// Metered is a PollSet that must look at each packet for no more than the count of
// its queue's bytes, and can leave that to a worker that looks at them anyway.
type Metered interface {
	PollSet
	// Meter gives a receive slot's count of bytes, to which the worker adds the
	// lengths of all packets that it gets from there from now on. The worker alone
	// writes it, whole, and QueueStats has it. For the control plane, after AddRx.
	Meter(slot uint32) *uint64
}

// Waiter is a PollSet that a worker can sleep on.
type Waiter interface {
	// WaitFD is a descriptor that is readable when Receive would find packets; -1
	// when there is none. It does not speak for all queues when some can only be
	// looked at. It is the same in every call after the last AddRx.
	WaitFD() (fd int, all bool)
}

// Gatherer is a Waiter that pays for a look rather than for a packet. A runtime's own
// set, which sends within Receive, must not be one that asks for pauses.
type Gatherer interface {
	Waiter
	// Gather says, after a Receive that found packets, for how long the worker does
	// best to leave this set alone: what comes meanwhile costs less when it is taken
	// at once. 0: look again.
	Gather() time.Duration
}

// Interrupter is a Waiter whose devices tell nobody of packets until they are
// asked to.
type Interrupter interface {
	Waiter
	// Arm makes WaitFD readable when packets come from now on. Those that came
	// before may go unnoticed: the worker receives once more before it sleeps.
	Arm()
	// Disarm undoes Arm, after the worker has slept or found packets.
	Disarm()
}

// Pool is a pool of mbufs.
type Pool interface {
	Name() string
	Size() int     // mbufs in all
	DataRoom() int // bytes of data that fit one mbuf behind the standard headroom
	InUse() int    // mbufs that are neither in the pool nor in a worker's cache
}

// Runtime is the driver that owns the mbufs' memory: pmd/dpdk, or pmdtest's.
// Its own poll set is always the first of a worker: it frees and restocks the
// vector.
type Runtime interface {
	Driver
	// NewVector makes a worker's vector: room for pkts packets in a step, the
	// stock taken from pool.
	NewVector(pool Pool, pkts, stock int) (*Vector, error)
	// CloseVector frees v and returns its stock. After the worker has ended.
	CloseVector(v *Vector)
	// Register makes the calling thread, which must be locked, a worker with a
	// pool cache of its own. The function it returns undoes that.
	Register() (unregister func(), err error)
}
