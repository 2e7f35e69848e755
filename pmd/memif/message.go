package memif

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// version is the protocol's, 2.0 (memif.h of VPP, MEMIF_VERSION).
const version = 2 << 8

// messageLen is the length of every message.
const messageLen = 128

// Types of messages.
const (
	msgAck        = 1
	msgHello      = 2
	msgInit       = 3
	msgAddRegion  = 4
	msgAddRing    = 5
	msgConnect    = 6
	msgConnected  = 7
	msgDisconnect = 8
)

// toServer marks a ring by which the client sends (MEMIF_MSG_ADD_RING_FLAG_S2M).
const toServer = 1

const (
	nameLen, secretLen = 32, 24
	// maxRegions is how many regions a client may have; DPDK and VPP need one or two.
	maxRegions = 16
	// minLog and maxLog bound the slots of a ring, which is a power of two.
	minLog, maxLog = 1, 14
)

// message is what the two say, in the order of its fields: all numbers are
// little-endian, and nothing is aligned.
type message [messageLen]byte

func newMessage(kind uint16) *message {
	m := new(message)
	binary.LittleEndian.PutUint16(m[:], kind)
	return m
}

func (m *message) kind() uint16 { return binary.LittleEndian.Uint16(m[:]) }

// body is the part behind the type.
func (m *message) body() []byte { return m[2:] }

func (m *message) u16(at int) uint16        { return binary.LittleEndian.Uint16(m.body()[at:]) }
func (m *message) u32(at int) uint32        { return binary.LittleEndian.Uint32(m.body()[at:]) }
func (m *message) u64(at int) uint64        { return binary.LittleEndian.Uint64(m.body()[at:]) }
func (m *message) put16(at int, v uint16)   { binary.LittleEndian.PutUint16(m.body()[at:], v) }
func (m *message) put32(at int, v uint32)   { binary.LittleEndian.PutUint32(m.body()[at:], v) }
func (m *message) put64(at int, v uint64)   { binary.LittleEndian.PutUint64(m.body()[at:], v) }
func (m *message) putText(at int, s string) { copy(m.body()[at:], s) }

func (m *message) text(at, n int) string {
	b := m.body()[at : at+n]
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// hello is what a server can do: the last numbers of rings each way, of a region,
// and the most slots.
func hello(name string, queues int) *message {
	m := newMessage(msgHello)
	m.putText(0, name)
	m.put16(32, version) // least
	m.put16(34, version) // latest
	m.put16(36, maxRegions-1)
	m.put16(38, uint16(queues-1)) // server to client
	m.put16(40, uint16(queues-1)) // client to server
	m.body()[42] = maxLog
	return m
}

// limits are what a hello allows.
type limits struct {
	toClient, toServer int // rings
	log                uint8
}

func (m *message) limits() (limits, error) {
	if least, latest := m.u16(32), m.u16(34); least > version || latest < version {
		return limits{}, fmt.Errorf("server speaks versions %#x to %#x, not %#x: %w", least, latest, version, unix.EPROTONOSUPPORT)
	}
	return limits{int(m.u16(38)) + 1, int(m.u16(40)) + 1, m.body()[42]}, nil
}

// initFor opens the interface id of a server.
func initFor(c Config) *message {
	m := newMessage(msgInit)
	m.put16(0, version)
	m.put32(2, c.ID)
	m.body()[6] = 0 // Ethernet
	m.putText(7, c.Secret)
	m.putText(31, c.Name)
	return m
}

// checkInit says whether a client may have the interface of a server.
func (m *message) checkInit(c Config) error {
	switch {
	case m.u16(0) != version:
		return fmt.Errorf("client speaks version %#x, not %#x: %w", m.u16(0), version, unix.EPROTONOSUPPORT)
	case m.u32(2) != c.ID:
		return fmt.Errorf("client wants interface %d, this is %d: %w", m.u32(2), c.ID, unix.ENODEV)
	case m.body()[6] != 0:
		return fmt.Errorf("client wants mode %d, not Ethernet: %w", m.body()[6], unix.EOPNOTSUPP)
	case m.text(7, secretLen) != c.Secret:
		return fmt.Errorf("client gives another secret: %w", unix.EACCES)
	}
	return nil
}

// ringSpec is an ADD_RING: where the ring is.
type ringSpec struct {
	flags, index, region uint16
	offset               uint32
	log                  uint8
	private              uint16 // bytes before a frame; none here
}

func (m *message) ring() ringSpec {
	return ringSpec{m.u16(0), m.u16(2), m.u16(4), m.u32(6), m.body()[10], m.u16(11)}
}

func (r ringSpec) message() *message {
	m := newMessage(msgAddRing)
	m.put16(0, r.flags)
	m.put16(2, r.index)
	m.put16(4, r.region)
	m.put32(6, r.offset)
	m.body()[10] = r.log
	m.put16(11, r.private)
	return m
}

func disconnect(why string) *message {
	m := newMessage(msgDisconnect)
	m.putText(4, why[:min(len(why), 95)])
	return m
}
