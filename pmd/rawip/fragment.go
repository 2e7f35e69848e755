package rawip

import (
	"encoding/binary"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	maxHeader = 60
	flagDF    = 0x4000
	flagMF    = 0x2000
	maskOff   = 0x1fff
)

// fragmenter splits one IPv4 packet (RFC 791, section 3.2). It leaves the header
// checksum 0, which a raw socket fills in.
type fragmenter struct {
	hdr     [maxHeader]byte // of the next fragment
	hdrLen  int
	payload []byte // what is left
	off     int    // of payload in the original datagram, in bytes
	more    bool   // the packet is itself a fragment with MF
	mtu     int
	first   bool
}

// start prepares to split packet, a whole IPv4 packet, into fragments of at most
// mtu bytes with identification id. EMSGSIZE: it has DF, or mtu leaves no room;
// EBADMSG: it is malformed. packet must not change until the last fragment.
func (f *fragmenter) start(packet []byte, mtu int, id uint16) syscall.Errno {
	if len(packet) < ipv4MinLen || packet[0]>>4 != 4 {
		return errMalformed
	}
	f.hdrLen = int(packet[0]&15) * 4
	if f.hdrLen < ipv4MinLen || f.hdrLen > len(packet) {
		return errMalformed
	}
	flags := binary.BigEndian.Uint16(packet[6:])
	f.off = int(flags&maskOff) * 8
	f.payload = packet[f.hdrLen:]
	f.more = flags&flagMF != 0
	if f.off+len(f.payload) > maxIPv4 || f.more && len(f.payload)%8 != 0 ||
		!optionsValid(packet[ipv4MinLen:f.hdrLen]) {
		return errMalformed
	}
	if flags&flagDF != 0 || mtu < f.hdrLen+8 {
		return unix.EMSGSIZE
	}
	copy(f.hdr[:], packet[:f.hdrLen])
	binary.BigEndian.PutUint16(f.hdr[4:], id)
	binary.BigEndian.PutUint16(f.hdr[10:], 0)
	f.mtu, f.first = mtu, true
	return 0
}

// next gives a fragment as header and payload, both valid until the next call;
// false after the last one.
func (f *fragmenter) next() (hdr, payload []byte, ok bool) {
	if !f.first {
		if len(f.payload) == 0 {
			return nil, nil, false
		}
		f.keepCopiedOptions()
	}
	f.first = false
	n := len(f.payload)
	flags := uint16(f.off / 8)
	if room := f.mtu - f.hdrLen; n > room {
		n = room &^ 7
		flags |= flagMF
	} else if f.more {
		flags |= flagMF
	}
	binary.BigEndian.PutUint16(f.hdr[2:], uint16(f.hdrLen+n))
	binary.BigEndian.PutUint16(f.hdr[6:], flags)
	payload = f.payload[:n]
	f.payload = f.payload[n:]
	f.off += n
	return f.hdr[:f.hdrLen], payload, true
}

// keepCopiedOptions reduces the header to the options that every fragment
// carries: those with the copied flag (RFC 791, section 3.1).
func (f *fragmenter) keepCopiedOptions() {
	options := f.hdr[ipv4MinLen:f.hdrLen]
	kept := 0
	for i := 0; i < len(options) && options[i] != optEnd; {
		n := optionLen(options[i:])
		if options[i]&optCopied != 0 {
			copy(options[kept:], options[i:i+n])
			kept += n
		}
		i += n
	}
	for ; kept%4 != 0; kept++ {
		options[kept] = optEnd
	}
	f.hdrLen = ipv4MinLen + kept
	f.hdr[0] = 4<<4 | byte(f.hdrLen/4)
}

// IPv4 options (RFC 791, section 3.1): two of one byte, the others with a
// length.
const (
	optEnd    = 0
	optNop    = 1
	optCopied = 0x80
)

// optionLen is the length of the first option of o; 0 when it is malformed.
func optionLen(o []byte) int {
	if o[0] == optEnd || o[0] == optNop {
		return 1
	}
	if len(o) < 2 || o[1] < 2 || int(o[1]) > len(o) {
		return 0
	}
	return int(o[1])
}

func optionsValid(o []byte) bool {
	for len(o) > 0 && o[0] != optEnd {
		n := optionLen(o)
		if n == 0 {
			return false
		}
		o = o[n:]
	}
	return true
}
