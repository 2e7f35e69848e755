package vhost

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/pmd/peer/peertest"
	"ipvd/pmd/vhost/vhosttest"
)

const plain = fVersion1 | fMergeable

func TestFramesPassBothWays(t *testing.T) {
	for name, features := range map[string]uint64{"mergeable": plain, "modern": fVersion1, "legacy": 0} {
		t.Run(name, func(t *testing.T) {
			r, p, f := rig(t, features, 9000)
			for i, n := range []int{1, 14, 60, 1514, 2036, 2037, 9000} {
				frame := peertest.Frame(n, i)
				for _, part := range []int{5, 12, 700, vhosttest.BufferRoom} {
					if (n+12)/part < vhosttest.Slots-1 {
						f.Send(frame, nil, part)
						r.Wants(0, frame)
					}
				}
				if n > 2036 && features != plain {
					continue
				}
				r.Queue(0, frame)
				r.Step()
				r.Step()
				if got, _ := f.Received(); len(got) != 1 || !bytes.Equal(got[0], frame) {
					t.Errorf("frame of %d bytes: got %d frames %.80x", n, len(got), got)
				}
			}
			if st := p.Rx()[0].Stats(); st.Errors != 0 {
				t.Errorf("received %+v, want no errors", st)
			}
		})
	}
}

func TestFrameThatFitsNoBufferIsTooBig(t *testing.T) {
	r, p, f := rig(t, fVersion1, 9000)
	r.Queue(0, peertest.Frame(2037, 1), peertest.Frame(2036, 1))
	r.Step()
	if st := p.Tx()[0].Stats(); st.TooBig != 1 || st.Packets != 1 {
		t.Errorf("sent %+v, want one, and one too big", st)
	}
	if got, _ := f.Received(); len(got) != 1 {
		t.Errorf("%d frames came, want 1", len(got))
	}
}

func TestFullRingDropsAndCounts(t *testing.T) {
	r, p, f := rig(t, plain, 9000)
	for i := range vhosttest.Slots + 6 {
		r.Queue(0, peertest.Frame(60, i))
	}
	r.Step()
	if st := p.Tx()[0].Stats(); st.Packets != vhosttest.Slots || st.Full != 6 {
		t.Errorf("sent %+v, want %d packets and 6 of a full ring", st, vhosttest.Slots)
	}
	f.Received()
	for range vhosttest.Slots - 2 {
		r.Queue(0, peertest.Frame(60, 1))
	}
	r.Queue(0, peertest.Frame(9000, 1), peertest.Frame(60, 1))
	r.Step()
	if st := p.Tx()[0].Stats(); st.Packets != 2*vhosttest.Slots-1 || st.Full != 7 {
		t.Errorf("sent %+v, want %d packets and 7 of a full ring", st, 2*vhosttest.Slots-1)
	}
}

// What the driver leaves to the device, and takes unfinished, passes as it is.
func TestUnfinishedFrames(t *testing.T) {
	const all = plain | fCsum | fGuestCsum | fGuestTSO4 | fGuestTSO6 | fHostTSO4 | fHostTSO6
	frame, h := peertest.TCP(4000, 1000)
	header := []byte{h.Flags, h.GSOType, byte(h.HdrLen), 0, byte(h.GSOSize & 0xff), byte(h.GSOSize >> 8), byte(h.CsumStart), 0, byte(h.CsumOffset), 0}
	r, p, f := rig(t, all, 1500)
	f.Send(frame, header, 1000)
	r.Wants(0, frame)
	r.QueueUnfinished(0, frame, h)
	r.Step()
	got, headers := f.Received()
	if len(got) != 1 || !bytes.Equal(got[0], frame) || !bytes.Equal(headers[0][:10], header) {
		t.Errorf("got %d frames, headers %x, want the frame and its header %x", len(got), headers, header)
	}
	// A driver that takes none gets segments.
	r, p, f = rig(t, plain, 1500)
	r.QueueUnfinished(0, frame, h)
	r.Step()
	got, headers = f.Received()
	if st := p.Tx()[0].Stats(); len(got) != 4 || st.Segmented != 3 || headers[0][0] != 0 || !peertest.GoodTCP(got[3]) {
		t.Errorf("got %d frames, sent %+v, want 4 finished segments", len(got), st)
	}
	// A header that does not fit its frame.
	f.Send(peertest.Frame(100, 1), header, 1000)
	f.Send(peertest.Frame(60, 1), nil, 1000)
	r.Wants(0, peertest.Frame(60, 1))
	if st := p.Rx()[0].Stats(); st.Errors != 1 {
		t.Errorf("received %+v, want one error", st)
	}
}

func TestDriverIsToldAndTells(t *testing.T) {
	r, _, f := rig(t, plain, 1500)
	r.Step()
	told := func() bool {
		fds := []unix.PollFd{{Fd: int32(f.Call[0]), Events: unix.POLLIN}}
		n, _ := unix.Poll(fds, 10000)
		return n == 1
	}
	r.Queue(0, peertest.Frame(60, 1))
	r.Step()
	if !told() {
		t.Error("the driver was not told of a packet")
	}
	one := make([]byte, 8)
	one[0] = 1
	_, _, used := vhosttest.RingAt(1)
	for i := range 3 {
		if f.Mem[used] != noNotify {
			t.Error("the driver is to tell though the worker looks")
		}
		r.Set.Arm()
		if f.Mem[used] != 0 {
			t.Error("the driver is not to tell though the worker sleeps")
		}
		if r.Readable(0) {
			t.Error("awake though nothing came")
		}
		f.Send(peertest.Frame(60, i), nil, vhosttest.BufferRoom)
		unix.Write(f.Kick[1], one)
		if !r.Readable(10 * time.Second) {
			t.Error("a packet wakes nobody")
		}
		r.Set.Disarm()
		r.Wants(0, peertest.Frame(60, i))
	}
}

// TestRingsStopAndGoOn: a driver that stops a ring gets its number, and can go on
// there, with another memory as well.
func TestRingsStopAndGoOn(t *testing.T) {
	r, p, f := rig(t, plain, 1500)
	for round := range 3 {
		for i := range 5 {
			r.Queue(0, peertest.Frame(60, i))
			f.Send(peertest.Frame(60, i), nil, vhosttest.BufferRoom)
			r.Wants(0, peertest.Frame(60, i))
		}
		r.Step()
		f.Received()
		for i := range 2 {
			if base := uint16(f.Ask(getVringBase, uint64(i)) >> 32); int(base) != 5*(round+1) {
				t.Errorf("ring %d stopped at %d, want %d", i, base, 5*(round+1))
			}
		}
		if p.Carrier() {
			t.Error("packets can flow though the rings are stopped")
		}
		r.Queue(0, peertest.Frame(60, 1))
		r.Step()
		if st := p.Tx()[0].Stats(); int(st.Refused) != round+1 {
			t.Errorf("sent %+v, want %d refused", st, round+1)
		}
		f.Share()
		for i := range 2 {
			_, _, used := vhosttest.RingAt(i)
			f.Avail[i] = binary.LittleEndian.Uint16(f.Mem[used+2:])
			if i == 0 {
				f.Avail[0] = uint16(5 * (round + 1))
			}
			f.StartRing(i)
		}
		f.Avail[0] += vhosttest.Slots
		r.Await("packets can flow again", p.Carrier)
	}
}

func TestFrontendComesBack(t *testing.T) {
	path := t.TempDir() + "/s"
	p := open(t, Config{Path: path, Server: true, MTU: 1500})
	r := peertest.New(t, p)
	for i := range 5 {
		f := vhosttest.Dial(t, path, plain)
		f.Start()
		r.Await("packets can flow", p.Carrier)
		f.Send(peertest.Frame(60, i), nil, vhosttest.BufferRoom)
		r.Wants(0, peertest.Frame(60, i))
		r.Queue(0, peertest.Frame(60, i))
		f.Close()
		r.Await("the end is noticed", func() bool { return !p.Carrier() })
	}
}
