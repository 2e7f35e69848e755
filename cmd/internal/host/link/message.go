package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Attrs gives the attributes of a netlink message behind its fixed header, and
// ends at the first malformed one (netlink(7), rtnetlink(7)). The types are
// without the nested and byte-order bits.
func Attrs(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofRtAttr {
			n := int(binary.NativeEndian.Uint16(b))
			if n < unix.SizeofRtAttr || n > len(b) {
				return
			}
			kind := binary.NativeEndian.Uint16(b[2:]) & nl.NLA_TYPE_MASK
			if !yield(kind, b[unix.SizeofRtAttr:n:n]) {
				return
			}
			b = b[min(len(b), (n+3)&^3):]
		}
	}
}

// dumpTries is how often a dump is taken again that changes interrupted; the
// last answer counts, as changes made since are notified anyway.
const dumpTries = 5

// Dump gives the bodies of all messages that answer a dump request of the
// calling thread's namespace: request RTM_GETLINK and the like, fixed header
// size bytes long.
func Dump(request, answer, size int) ([][]byte, error) {
	for try := 1; ; try++ {
		req := nl.NewNetlinkRequest(request, unix.NLM_F_DUMP)
		req.AddRawData(make([]byte, size))
		msgs, err := req.Execute(unix.NETLINK_ROUTE, uint16(answer))
		if err == nil || (errors.Is(err, nl.ErrDumpInterrupted) && try == dumpTries) {
			return msgs, nil
		}
		if !errors.Is(err, nl.ErrDumpInterrupted) {
			return nil, fmt.Errorf("netlink dump (request %d): %w", request, err)
		}
	}
}

// ask sends an RTM_GETLINK or RTM_SETLINK for one interface of the calling
// thread's namespace.
func ask(request, flags int, msg *nl.IfInfomsg, attrs ...*nl.RtAttr) ([][]byte, error) {
	req := nl.NewNetlinkRequest(request, flags)
	req.AddData(msg)
	for _, a := range attrs {
		req.AddData(a)
	}
	return req.Execute(unix.NETLINK_ROUTE, 0)
}

func u32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}

func cstring(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
