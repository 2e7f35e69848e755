package vhost

import (
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"ipvd/pmd/peer"
)

// Requests of a frontend (QEMU, docs/interop/vhost-user.rst).
const (
	getFeatures         = 1
	setFeatures         = 2
	setOwner            = 3
	resetOwner          = 4
	setMemTable         = 5
	setVringNum         = 8
	setVringAddr        = 9
	setVringBase        = 10
	getVringBase        = 11
	setVringKick        = 12
	setVringCall        = 13
	setVringErr         = 14
	getProtocolFeatures = 15
	setProtocolFeatures = 16
	getQueueNum         = 17
	setVringEnable      = 18
	sendRARP            = 19
	setMTU              = 20
)

const (
	headerLen = 12
	// maxBody is the longest body that is taken: that of a table of 8 regions.
	maxBody = 8 + 8*regionLen
	// maxRegions is how many a table may have.
	maxRegions, regionLen = 8, 32

	// Flags of a header.
	versionOne  = 1
	versionMask = 3
	isReply     = 1 << 2
	wantsReply  = 1 << 3
)

// Features of the device (virtio 1.1, sections 5.1.3 and 6; vhost-user's own is 30).
const (
	fCsum             = 1 << 0
	fGuestCsum        = 1 << 1
	fGuestTSO4        = 1 << 7
	fGuestTSO6        = 1 << 8
	fHostTSO4         = 1 << 11
	fHostTSO6         = 1 << 12
	fMergeable        = 1 << 15
	fStatus           = 1 << 16
	fCtrlVQ           = 1 << 17 // its queue is the frontend's
	fCtrlRx           = 1 << 18
	fMQ               = 1 << 22
	fProtocolFeatures = 1 << 30
	fVersion1         = 1 << 32

	deviceFeatures = fCsum | fGuestCsum | fGuestTSO4 | fGuestTSO6 | fHostTSO4 | fHostTSO6 | fMergeable | fStatus | fCtrlVQ |
		fCtrlRx | fMQ | fProtocolFeatures | fVersion1
)

// Features of the protocol.
const (
	pMQ       = 1 << 0
	pReplyAck = 1 << 3
	pMTU      = 1 << 4

	protocolFeatures = pMQ | pReplyAck | pMTU
)

// message is a request.
type message struct {
	request, flags uint32
	body           []byte
	fds            []int
}

// hear reads a request with its descriptors, which are the caller's.
func hear(s *peer.Session) (m message, err error) {
	var header [headerLen]byte
	if m.fds, err = fill(s, header[:]); err != nil {
		return m, err
	}
	m.request = binary.LittleEndian.Uint32(header[0:])
	m.flags = binary.LittleEndian.Uint32(header[4:])
	size := binary.LittleEndian.Uint32(header[8:])
	switch {
	case m.flags&versionMask != versionOne:
		err = fmt.Errorf("request %d of version %d, not 1: %w", m.request, m.flags&versionMask, unix.EPROTONOSUPPORT)
	case size > maxBody:
		err = fmt.Errorf("request %d with %d bytes, more than %d: %w", m.request, size, maxBody, unix.EMSGSIZE)
	case size > 0:
		m.body = make([]byte, size)
		var more []int
		more, err = fill(s, m.body)
		m.fds = append(m.fds, more...)
	}
	if err != nil {
		peer.CloseAll(m.fds)
		m.fds = nil
	}
	return m, err
}

// fill reads all of b.
func fill(s *peer.Session, b []byte) (fds []int, err error) {
	for len(b) > 0 {
		n, got, err := s.Receive(b)
		fds = append(fds, got...)
		if err != nil {
			peer.CloseAll(fds)
			return nil, err
		}
		b = b[n:]
	}
	return fds, nil
}

// take gives up the request's only descriptor, -1 if there is none.
func (m *message) take() (int, error) {
	fds := m.fds
	m.fds = nil
	switch len(fds) {
	case 0:
		return -1, nil
	case 1:
		return fds[0], nil
	}
	peer.CloseAll(fds)
	return -1, fmt.Errorf("request %d with %d descriptors: %w", m.request, len(fds), unix.EINVAL)
}

// u64 is the body's only number.
func (m *message) u64() (uint64, error) {
	if len(m.body) < 8 {
		return 0, m.short()
	}
	return binary.LittleEndian.Uint64(m.body), nil
}

// state is a ring's number and a value.
func (m *message) state() (index, value uint32, err error) {
	if len(m.body) < 8 {
		return 0, 0, m.short()
	}
	return binary.LittleEndian.Uint32(m.body), binary.LittleEndian.Uint32(m.body[4:]), nil
}

func (m *message) short() error {
	return fmt.Errorf("request %d with %d bytes: %w", m.request, len(m.body), io.ErrUnexpectedEOF)
}

// answer is a reply to m with a number, or with two halves of one.
func (m *message) answer(v uint64) []byte {
	b := binary.LittleEndian.AppendUint32(nil, m.request)
	b = binary.LittleEndian.AppendUint32(b, versionOne|isReply)
	b = binary.LittleEndian.AppendUint32(b, 8)
	return binary.LittleEndian.AppendUint64(b, v)
}
