package takeover

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"ipvd/cmd/internal/host/link"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// address is an address message with lifetimes in seconds.
func address(preferred, valid uint32) []byte {
	info := make([]byte, 16)
	binary.NativeEndian.PutUint32(info, preferred)
	binary.NativeEndian.PutUint32(info[4:], valid)
	m := make([]byte, unix.SizeofIfAddrmsg)
	return append(m, nl.NewRtAttr(unix.IFA_CACHEINFO, info).Serialize()...)
}

func TestLifetimesGoOnWhileTheRecordLies(t *testing.T) {
	const forever = math.MaxUint32
	for _, c := range []struct {
		name                         string
		preferred, valid             uint32
		age                          time.Duration
		alive                        bool
		wantedPreferred, wantedValid uint32
	}{
		{"permanent", forever, forever, 1000 * time.Hour, true, forever, forever},
		{"younger", 100, 200, 60 * time.Second, true, 40, 140},
		{"deprecated meanwhile", 100, 200, 150 * time.Second, true, 0, 50},
		{"expired", 100, 200, 200 * time.Second, false, 0, 0},
		{"long expired", 100, 200, 1000 * time.Hour, false, 0, 0},
		{"clock was set back", 100, 200, -time.Hour, true, 100, 200},
	} {
		m := address(c.preferred, c.valid)
		got, alive := aged(m, c.age)
		if alive != c.alive {
			t.Errorf("%s: alive %v, want %v", c.name, alive, c.alive)
		}
		if string(m) != string(address(c.preferred, c.valid)) {
			t.Errorf("%s: the record itself was changed", c.name)
		}
		if !alive {
			continue
		}
		if want := address(c.wantedPreferred, c.wantedValid); string(got) != string(want) {
			t.Errorf("%s: got % x, want % x", c.name, got, want)
		}
	}
}

func TestRouteIsRewrittenForAnotherInterface(t *testing.T) {
	m := make([]byte, unix.SizeofRtMsg)
	binary.NativeEndian.PutUint32(m[rtmFlags:], unix.RTNH_F_ONLINK|unix.RTNH_F_LINKDOWN)
	m = append(m, nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(7)).Serialize()...)
	m = append(m, nl.NewRtAttr(rtaNHID, nl.Uint32Attr(1)).Serialize()...)
	before := string(m)
	got := route(m, 7, 9)
	if string(m) != before {
		t.Error("the record itself was changed")
	}
	if flags := binary.NativeEndian.Uint32(got[rtmFlags:]); flags != unix.RTNH_F_ONLINK {
		t.Errorf("flags %#x, want onlink alone", flags)
	}
	for kind, v := range link.Attrs(got[unix.SizeofRtMsg:]) {
		if kind != unix.RTA_OIF || binary.NativeEndian.Uint32(v) != 9 {
			t.Errorf("attribute %d: % x, want only interface 9", kind, v)
		}
	}
}

func TestHopsEndAtAMalformedOne(t *testing.T) {
	for _, v := range [][]byte{{}, {8, 0}, {7, 0, 0, 0, 0, 0, 0, 0}, {200, 0, 0, 0, 0, 0, 0, 0}} {
		for hop := range hops(v) {
			t.Errorf("% x: got hop % x, want none", v, hop)
		}
	}
}
