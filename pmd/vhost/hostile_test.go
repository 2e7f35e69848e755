package vhost

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd/peer"
	"ipvd/pmd/peer/peertest"
	"ipvd/pmd/vhost/vhosttest"
)

// victim is a backend that is watched.
type victim struct {
	*peertest.Rig
	port *peer.Port
	path string

	mu   sync.Mutex
	said []string
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	v := &victim{path: t.TempDir() + "/s"}
	p, err := Open(Config{Path: v.path, Server: true, MTU: 1500, Log: func(event string, err error) {
		v.mu.Lock()
		defer v.mu.Unlock()
		if err != nil {
			v.said = append(v.said, err.Error())
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	v.port, v.Rig = p, peertest.New(t, p)
	return v
}

// complains waits until the victim has ended a connection, for a reason with this text.
func (v *victim) complains(t *testing.T, want string) {
	t.Helper()
	v.Await("the connection is ended", func() bool { v.mu.Lock(); defer v.mu.Unlock(); return len(v.said) > 0 })
	v.mu.Lock()
	defer v.mu.Unlock()
	if !strings.Contains(v.said[0], want) {
		t.Errorf("the connection was ended because %q, want %q", v.said[0], want)
	}
	v.said = nil
}

func TestBackendRefusesWhatIsWrong(t *testing.T) {
	v := newVictim(t)
	before := openFiles(t)
	for name, c := range map[string]struct {
		say  func(f *vhosttest.Frontend)
		want string
	}{
		"unknown request":   {func(f *vhosttest.Frontend) { f.Say(99, []uint64{0}, f.FD, f.FD) }, "request 99: not known"},
		"long request":      {func(f *vhosttest.Frontend) { f.Say(setFeatures, make([]uint64, 40)) }, "with 320 bytes"},
		"empty request":     {func(f *vhosttest.Frontend) { f.Say(setFeatures, nil) }, "request 2 with 0 bytes"},
		"features":          {func(f *vhosttest.Frontend) { f.Say(setFeatures, []uint64{1 << 34}) }, "were not offered"},
		"protocol features": {func(f *vhosttest.Frontend) { f.Say(setProtocolFeatures, []uint64{1 << 40}) }, "were not offered"},
		"ring 7":            {func(f *vhosttest.Frontend) { f.Say(setVringNum, []uint64{7 | 64<<32}) }, "ring 7 of 2"},
		"ring of 63":        {func(f *vhosttest.Frontend) { f.Say(setVringNum, []uint64{0 | 63<<32}) }, "63 descriptors"},
		"no regions":        {func(f *vhosttest.Frontend) { f.Say(setMemTable, []uint64{0}) }, "0 regions"},
		"many regions":      {func(f *vhosttest.Frontend) { f.Say(setMemTable, []uint64{9}) }, "9 regions"},
		"region without file": {func(f *vhosttest.Frontend) {
			f.Say(setMemTable, []uint64{1, 0, 4096, 0, 0})
		}, "with 0 descriptors"},
		"region too large": {func(f *vhosttest.Frontend) {
			f.Say(setMemTable, []uint64{1, 0, 1 << 30, 0, 0}, f.FD)
		}, "1073741824 bytes"},
		"region that wraps": {func(f *vhosttest.Frontend) {
			f.Say(setMemTable, []uint64{1, 1<<64 - 4096, 8192, 0, 0}, f.FD)
		}, "wraps"},
		"offset that wraps": {func(f *vhosttest.Frontend) {
			f.Say(setMemTable, []uint64{1, 0, 8192, 0, 1<<64 - 4096}, f.FD)
		}, "from 18446744073709547520 on"},
		"kick by a file": {func(f *vhosttest.Frontend) { f.Say(setVringKick, []uint64{0}, f.FD) }, "no eventfd"},
		"call by a file": {func(f *vhosttest.Frontend) { f.Say(setVringCall, []uint64{0}, f.FD) }, "no eventfd"},
		"rings elsewhere": {func(f *vhosttest.Frontend) {
			f.Say(setFeatures, []uint64{plain})
			f.Share()
			f.Say(setVringNum, []uint64{0 | 64<<32})
			f.Say(setVringAddr, []uint64{0, 4096, 8192, 12288, 0})
			f.Say(setVringKick, []uint64{0}, f.Kick[0])
			f.Say(setVringEnable, []uint64{0 | 1<<32})
		}, "not in the memory that was shared"},
		"memory taken away": {func(f *vhosttest.Frontend) {
			f.Say(setFeatures, []uint64{plain})
			f.Share()
			f.Ask(getFeatures) // it is mapped
			unix.Ftruncate(f.FD, 0)
			for i := range 2 {
				f.StartRing(i)
			}
		}, "memory cannot be used"},
		"rings not aligned": {func(f *vhosttest.Frontend) {
			f.Say(setFeatures, []uint64{plain})
			f.Share()
			f.Say(setVringNum, []uint64{0 | 64<<32})
			f.Say(setVringAddr, []uint64{0, vhosttest.UserBase + 1, vhosttest.UserBase + 8192, vhosttest.UserBase + 4098, 0})
			f.Say(setVringKick, []uint64{0}, f.Kick[0])
			f.Say(setVringEnable, []uint64{0 | 1<<32})
		}, "not aligned"},
	} {
		t.Run(name, func(t *testing.T) {
			f := vhosttest.Dial(t, v.path, plain)
			c.say(f)
			v.complains(t, c.want)
		})
	}
	// One that says the same over and over leaves nothing behind.
	f := vhosttest.Dial(t, v.path, plain)
	f.Start()
	v.Await("packets can flow", v.port.Carrier)
	here := openFiles(t)
	for range 200 {
		f.Say(setVringKick, []uint64{0}, f.Kick[0])
		f.Say(setVringCall, []uint64{1}, f.Call[1])
		f.Share()
	}
	f.Ask(getFeatures)
	v.Await("replaced files are closed", func() bool { return openFiles(t) <= here })
	v.Await("packets can flow", v.port.Carrier)
	f.Send(peertest.Frame(60, 1), nil, vhosttest.BufferRoom)
	v.Wants(0, peertest.Frame(60, 1))
	f.Close()
	v.complains(t, "EOF")
	v.Await("its files are closed", func() bool { return openFiles(t) <= before })
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

func TestBackendSurvivesWhatStandsInTheRings(t *testing.T) {
	put := binary.LittleEndian.PutUint16
	_, availIn, _ := vhosttest.RingAt(1)
	_, availOut, _ := vhosttest.RingAt(0)
	type frontend = vhosttest.Frontend
	for name, c := range map[string]struct {
		do     func(f *frontend)
		want   string // the reason why the connection ends; empty: it does not
		errors uint64
	}{
		"number far ahead":  {func(f *frontend) { put(f.Mem[availIn+2:], 65) }, "65 ahead", 0},
		"buffers far ahead": {func(f *frontend) { put(f.Mem[availOut+2:], 0x8000) }, "ahead of ours", 0},
		"descriptor 64":     {func(f *frontend) { f.Offer(1, 64) }, "", 1},
		"nowhere":           {func(f *frontend) { f.Describe(1, 0, 0, 60, 0, 0); f.Offer(1, 0) }, "", 1},
		"beyond the end": {func(f *frontend) {
			f.Describe(1, 0, vhosttest.GuestBase+uint64(len(f.Mem))-30, 60, 0, 0)
			f.Offer(1, 0)
		}, "", 1},
		"address that wraps": {func(f *frontend) { f.Describe(1, 0, 1<<64-10, 60, 0, 0); f.Offer(1, 0) }, "", 1},
		"4 GB":               {func(f *frontend) { f.Describe(1, 0, vhosttest.GuestBase, 1<<32-1, 0, 0); f.Offer(1, 0) }, "", 1},
		"a loop":             {func(f *frontend) { f.Describe(1, 0, vhosttest.GuestBase, 30, moreFollows, 0); f.Offer(1, 0) }, "", 1},
		"a loop of nothing":  {func(f *frontend) { f.Describe(1, 0, vhosttest.GuestBase, 0, moreFollows, 0); f.Offer(1, 0) }, "", 1},
		"half a header":      {func(f *frontend) { f.Describe(1, 0, vhosttest.GuestBase, 6, 0, 0); f.Offer(1, 0) }, "", 1},
		"a header alone":     {func(f *frontend) { f.Describe(1, 0, vhosttest.GuestBase, 12, 0, 0); f.Offer(1, 0) }, "", 1},
		"indirect":           {func(f *frontend) { f.Describe(1, 0, vhosttest.GuestBase, 64, indirect, 0); f.Offer(1, 0) }, "", 1},
		"to be written":      {func(f *frontend) { f.Describe(1, 0, vhosttest.GuestBase, 64, forDevice, 0); f.Offer(1, 0) }, "", 1},
		"buffer to be read":  {func(f *frontend) { f.Describe(0, 0, vhosttest.GuestBase, 2048, 0, 0) }, "malformed", 0},
		"buffer elsewhere":   {func(f *frontend) { f.Describe(0, 0, 0, 2048, forDevice, 0) }, "malformed", 0},
		"buffer in a loop":   {func(f *frontend) { f.Describe(0, 0, vhosttest.GuestBase, 1, forDevice|moreFollows, 0) }, "malformed", 0},
		"memory taken away":  {func(f *frontend) { unix.Ftruncate(f.FD, 0) }, "memory cannot be used", 0},
		"buffers taken away": {func(f *frontend) { unix.Ftruncate(f.FD, 2*0x4000) }, "memory cannot be used", 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVictim(t)
			f := vhosttest.Dial(t, v.path, plain)
			f.Start()
			v.Await("packets can flow", v.port.Carrier)
			c.do(f)
			v.Queue(0, peertest.Frame(100, 1))
			v.Step()
			v.Step()
			if c.want != "" {
				v.complains(t, c.want)
			}
			if st := v.port.Rx()[0].Stats(); st.Errors != c.errors || st.Packets != 0 {
				t.Errorf("received %+v, want %d errors", st, c.errors)
			}
		})
	}
}

// TestBackendSurvivesAnything: the rings change at random all the time.
func TestBackendSurvivesAnything(t *testing.T) {
	v := newVictim(t)
	draw := rand.New(rand.NewPCG(3, 4))
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		f := vhosttest.Dial(t, v.path, plain|fCsum|fHostTSO4|fHostTSO6|fGuestCsum)
		f.Start()
		v.Await("packets can flow", v.port.Carrier)
		for k := 0; k < 300 && v.port.Carrier(); k++ {
			desc, avail, _ := vhosttest.RingAt(draw.IntN(2))
			for range 1 + draw.IntN(20) {
				at := desc + uint64(draw.IntN(16*vhosttest.Slots))
				if draw.IntN(8) == 0 {
					at = avail + 4 + uint64(draw.IntN(2*vhosttest.Slots))
				}
				f.Mem[at] = byte(draw.Uint32())
			}
			for range draw.IntN(4) {
				header := make([]byte, 10)
				for i := range header {
					header[i] = byte(draw.Uint32() & draw.Uint32() & draw.Uint32())
				}
				f.Send(peertest.Frame(1+draw.IntN(3000), k), header, 1+draw.IntN(2000))
			}
			for i := range draw.IntN(4) {
				v.Queue(0, peertest.Frame(1+draw.IntN(5000), i))
			}
			v.Step()
			v.Received(0)
		}
		f.Close()
		v.Await("the end is noticed", func() bool { return !v.port.Carrier() })
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, why := range v.said {
		if strings.Contains(why, "cannot be used") {
			t.Error(why)
		}
	}
}
