package rawip

import (
	"bytes"
	"encoding/binary"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// ipv4 makes an IPv4 packet with the given options, flags and offset field.
func ipv4(options []byte, fragField uint16, payload int) []byte {
	p := make([]byte, ipv4MinLen+len(options)+payload)
	p[0] = 4<<4 | byte((ipv4MinLen+len(options))/4)
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	binary.BigEndian.PutUint16(p[4:], 0x1234)
	binary.BigEndian.PutUint16(p[6:], fragField)
	p[8], p[9] = 7, unix.IPPROTO_UDP
	copy(p[12:], []byte{10, 99, 0, 5, 10, 1, 0, 2})
	copy(p[ipv4MinLen:], options)
	for i := range p[ipv4MinLen+len(options):] {
		p[ipv4MinLen+len(options)+i] = byte(i ^ i>>8)
	}
	return p
}

type piece struct{ hdr, payload []byte }

// split gives the fragments of a packet.
func split(packet []byte, mtu int) (out []piece, errno syscall.Errno) {
	var f fragmenter
	if errno := f.start(packet, mtu, binary.BigEndian.Uint16(packet[4:])); errno != 0 {
		return nil, errno
	}
	for hdr, payload, ok := f.next(); ok; hdr, payload, ok = f.next() {
		out = append(out, piece{bytes.Clone(hdr), bytes.Clone(payload)})
	}
	return out, 0
}

func TestFragmentsCarryThePayloadInPiecesOfEight(t *testing.T) {
	packet := ipv4(nil, 0, 1400)
	got, errno := split(packet, 1000)
	if errno != 0 || len(got) != 2 {
		t.Fatalf("got %d fragments, error %v; want 2", len(got), errno)
	}
	for i, want := range []struct {
		length int
		field  uint16
	}{{20 + 976, flagMF}, {20 + 424, 976 / 8}} {
		h := got[i].hdr
		length, field := int(binary.BigEndian.Uint16(h[2:])), binary.BigEndian.Uint16(h[6:])
		if length != want.length || field != want.field {
			t.Errorf("fragment %d has length %d and offset field %#x, want %d and %#x", i, length, field, want.length, want.field)
		}
		if binary.BigEndian.Uint16(h[4:]) != 0x1234 || h[8] != 7 || !bytes.Equal(h[12:20], packet[12:20]) {
			t.Errorf("fragment %d has ID, TTL or addresses of its own: %x", i, h)
		}
	}
	checkFragments(t, packet, 1000, got)
}

func TestAFragmentIsSplitFurther(t *testing.T) {
	packet := ipv4(nil, flagMF|100, 1400)
	got, errno := split(packet, 600)
	if errno != 0 || len(got) != 3 {
		t.Fatalf("got %d fragments, error %v; want 3", len(got), errno)
	}
	checkFragments(t, packet, 600, got)
}

func TestOnlyCopiedOptionsStayInLaterFragments(t *testing.T) {
	recordRoute := []byte{7, 7, 4, 0, 0, 0, 0}
	sourceRoute := []byte{0x83, 7, 4, 10, 0, 0, 1}
	options := append(append([]byte{optNop}, recordRoute...), sourceRoute...)
	options = append(options, optEnd)
	got, errno := split(ipv4(options, 0, 1400), 600)
	if errno != 0 || len(got) != 3 {
		t.Fatalf("got %d fragments, error %v; want 3", len(got), errno)
	}
	if !bytes.Equal(got[0].hdr[20:], options) {
		t.Errorf("the first fragment's options are %x, want all: %x", got[0].hdr[20:], options)
	}
	for _, p := range got[1:] {
		if want := append(bytes.Clone(sourceRoute), optEnd); !bytes.Equal(p.hdr[20:], want) {
			t.Errorf("a later fragment's options are %x, want %x", p.hdr[20:], want)
		}
	}
}

func TestWhatCannotBeFragmentedIsRefused(t *testing.T) {
	short := ipv4(nil, 0, 8)
	short[0] = 4<<4 | 8
	for name, c := range map[string]struct {
		packet []byte
		mtu    int
		want   syscall.Errno
	}{
		"df":                  {ipv4(nil, flagDF, 1400), 1000, unix.EMSGSIZE},
		"no room":             {ipv4(nil, 0, 1400), 27, unix.EMSGSIZE},
		"cut header":          {short, 1000, errMalformed},
		"not IPv4":            {make([]byte, 40), 1000, errMalformed},
		"option of length 0":  {ipv4([]byte{7, 0, 0, 0}, 0, 1400), 1000, errMalformed},
		"option too long":     {ipv4([]byte{1, 1, 7, 4}, 0, 1400), 1000, errMalformed},
		"option without len":  {ipv4([]byte{1, 1, 1, 7}, 0, 1400), 1000, errMalformed},
		"beyond a datagram":   {ipv4(nil, maskOff, 1400), 1000, errMalformed},
		"odd middle fragment": {ipv4(nil, flagMF, 1401), 1000, errMalformed},
	} {
		if got, errno := split(c.packet, c.mtu); errno != c.want {
			t.Errorf("%s: %d fragments, error %v; want %v", name, len(got), errno, c.want)
		}
	}
}

// checkFragments puts fragments together and compares with the packet.
func checkFragments(t *testing.T, packet []byte, mtu int, got []piece) {
	t.Helper()
	field := binary.BigEndian.Uint16(packet[6:])
	off := int(field&maskOff) * 8
	var payload []byte
	for i, p := range got {
		last := i == len(got)-1
		h := int(p.hdr[0]&15) * 4
		length := int(binary.BigEndian.Uint16(p.hdr[2:]))
		f := binary.BigEndian.Uint16(p.hdr[6:])
		switch {
		case h != len(p.hdr) || length != h+len(p.payload) || length > mtu:
			t.Errorf("fragment %d: header %d, length %d, has %d and %d bytes, MTU %d", i, h, length, len(p.hdr), len(p.payload), mtu)
		case int(f&maskOff)*8 != off+len(payload):
			t.Errorf("fragment %d is at %d, want %d", i, int(f&maskOff)*8, off+len(payload))
		case (f&flagMF != 0) != (!last || field&flagMF != 0):
			t.Errorf("fragment %d of %d of a packet with field %#x has field %#x", i, len(got), field, f)
		case !last && (len(p.payload) == 0 || len(p.payload)%8 != 0):
			t.Errorf("fragment %d of %d has %d bytes", i, len(got), len(p.payload))
		case !optionsValid(p.hdr[ipv4MinLen:]):
			t.Errorf("fragment %d has options %x", i, p.hdr[ipv4MinLen:])
		}
		payload = append(payload, p.payload...)
	}
	if want := packet[int(packet[0]&15)*4:]; !bytes.Equal(payload, want) {
		t.Errorf("the fragments carry %d bytes that differ from the packet's %d", len(payload), len(want))
	}
}

func FuzzFragmentsCarryThePacket(f *testing.F) {
	f.Add(ipv4(nil, 0, 1400), 1000)
	f.Add(ipv4(nil, flagMF|7, 160), 68)
	f.Add(ipv4([]byte{1, 7, 3, 0, 0x83, 3, 0, 0}, 0, 99), 100)
	f.Add([]byte{0x4f}, 576)
	f.Fuzz(func(t *testing.T, packet []byte, mtu int) {
		if len(packet) < 6 || len(packet) > maxIPv4 {
			return
		}
		before := bytes.Clone(packet)
		got, errno := split(packet, mtu)
		if errno == 0 {
			checkFragments(t, packet, mtu, got)
		}
		if !bytes.Equal(packet, before) {
			t.Error("the packet was changed")
		}
	})
}
