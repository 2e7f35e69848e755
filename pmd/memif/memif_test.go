package memif

import (
	"path/filepath"
	"testing"
	"time"

	"ipvd/pmd"
	"ipvd/pmd/peer"
	"ipvd/pmd/peer/peertest"
)

// open opens a port that the rig closes.
func open(t *testing.T, c Config) *peer.Port {
	t.Helper()
	if c.MTU == 0 {
		c.MTU = 1500
	}
	c.Log = func(event string, err error) { t.Log(c.Server, event, err) }
	p, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const server, client = 0, 1

// pair is a server, port 0 of the rig, and a client, port 1.
func pair(t *testing.T, s, c Config) (*peertest.Rig, *peer.Port, *peer.Port) {
	t.Helper()
	s.Path, s.Server = filepath.Join(t.TempDir(), "s"), true
	c.Path = s.Path
	a := open(t, s)
	b := open(t, c)
	r := peertest.New(t, a, b)
	r.Await("both are connected", func() bool { return a.Carrier() && b.Carrier() })
	return r, a, b
}

func TestFramesPassBothWays(t *testing.T) {
	r, a, b := pair(t, Config{MTU: 65535}, Config{MTU: 65535, Slots: 128})
	for _, n := range []int{1, 14, 60, 1514, 2048, 2049, 4096, 9018, 65535 + 14} {
		for from := range 2 {
			f := peertest.Frame(n, n+from)
			r.Queue(from, f, f[:n/2+1])
			r.Wants(1-from, f, f[:n/2+1])
		}
	}
	for _, p := range []*peer.Port{a, b} {
		rx, tx := p.Rx()[0].Stats(), p.Tx()[0].Stats()
		if rx.Packets != 18 || tx.Packets != 18 || rx.Bytes != tx.Bytes || rx.Errors+tx.Full+tx.Refused+tx.TooBig != 0 {
			t.Errorf("%s: received %+v, sent %+v, want 18 packets each", p.Name(), rx, tx)
		}
	}
}

// The numbers of slots wrap at 65536: more packets than that must pass.
func TestRingsGoRoundAndRound(t *testing.T) {
	r, a, b := pair(t, Config{}, Config{Slots: 64})
	const rounds = 70000 / 32
	n := 0
	for i := range rounds {
		for from := range 2 {
			for k := range 32 {
				r.Queue(from, peertest.Frame(60+k, i+k))
			}
		}
		r.Step()
		for at := range 2 {
			for k, f := range r.Received(at) {
				n++
				if len(f) != 60+k || f[0] != byte(i+k) {
					t.Fatalf("round %d, frame %d at port %d is wrong: %x", i, k, at, f)
				}
			}
		}
	}
	if n != 2*32*rounds {
		t.Errorf("%d frames came, want %d: %+v %+v", n, 2*32*rounds, a.Tx()[0].Stats(), b.Tx()[0].Stats())
	}
}

func TestFullRingDropsAndCounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	a := open(t, Config{Path: path, Server: true})
	b := open(t, Config{Path: path, Slots: 16})
	// Each has a worker of its own: b's does not look.
	ra, rb := peertest.New(t, a), peertest.New(t, b)
	ra.Await("both are connected", func() bool { return a.Carrier() && b.Carrier() })
	for i := range 20 {
		ra.Queue(0, peertest.Frame(60, i))
	}
	ra.Step()
	if st := a.Tx()[0].Stats(); st.Packets != 16 || st.Full != 4 {
		t.Errorf("sent %+v, want 16 packets and 4 of a full ring", st)
	}
	// A frame of 3 slots does not fit 2 that are free.
	rb.Step()
	if n := len(rb.Received(0)); n != 16 {
		t.Errorf("%d frames came, want 16", n)
	}
	for range 14 {
		ra.Queue(0, peertest.Frame(60, 0))
	}
	ra.Queue(0, peertest.Frame(5000, 1), peertest.Frame(60, 2))
	ra.Step()
	if st := a.Tx()[0].Stats(); st.Packets != 16+15 || st.Full != 5 {
		t.Errorf("sent %+v, want 31 packets and 5 of a full ring", st)
	}
}

func TestFramesLongerThanTheMTUAreErrors(t *testing.T) {
	r, a, _ := pair(t, Config{MTU: 1500}, Config{MTU: 9000})
	r.Queue(client, peertest.Frame(1522, 1), peertest.Frame(1523, 2), peertest.Frame(9000, 3), peertest.Frame(60, 4))
	r.Wants(server, peertest.Frame(1522, 1), peertest.Frame(60, 4))
	if st := a.Rx()[0].Stats(); st.Errors != 2 || st.Packets != 2 {
		t.Errorf("received %+v, want 2 errors", st)
	}
}

func TestSendingWithoutAPeerIsRefused(t *testing.T) {
	a := open(t, Config{Path: filepath.Join(t.TempDir(), "s"), Server: true})
	r := peertest.New(t, a)
	r.Queue(0, peertest.Frame(60, 1), peertest.Frame(60, 2))
	r.Step()
	if st := a.Tx()[0].Stats(); st.Refused != 2 || st.Packets != 0 {
		t.Errorf("sent %+v, want 2 refused", st)
	}
}

func TestUnfinishedFramesAreFinished(t *testing.T) {
	r, a, _ := pair(t, Config{MTU: 65535}, Config{})
	f, h := peertest.TCP(4000, 1000)
	r.QueueUnfinished(server, f, h)
	r.Await("4 segments come", func() bool { return a.Tx()[0].Stats().Packets == 4 })
	got := r.Received(client)
	if st := a.Tx()[0].Stats(); len(got) != 4 || st.Segmented != 3 {
		t.Fatalf("%d frames came, sent %+v, want 4 segments", len(got), st)
	}
	for _, g := range got {
		if len(g) != 54+1000 || !peertest.GoodTCP(g) {
			t.Errorf("segment of %d bytes, or with a bad checksum", len(g))
		}
	}
	short, h := peertest.TCP(100, 0)
	r.QueueUnfinished(server, short, h)
	r.Await("a frame comes", func() bool { return a.Tx()[0].Stats().Packets == 5 })
	if got := r.Received(client); len(got) != 1 || !peertest.GoodTCP(got[0]) {
		t.Errorf("%d frames came, want one with its checksum", len(got))
	}
}

// TestEitherEndComesBack: a port waits for its peer, and takes the next one.
func TestEitherEndComesBack(t *testing.T) {
	for _, name := range []string{"server", "client"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			stays := open(t, Config{Path: path, Server: name == "client"})
			r := peertest.New(t, stays)
			for i := range 5 {
				other := open(t, Config{Path: path, Server: name == "server"})
				o := peertest.New(t, other)
				r.Await("both are connected", func() bool { return stays.Carrier() && other.Carrier() })
				r.Queue(0, peertest.Frame(60, i))
				r.Step()
				o.Wants(0, peertest.Frame(60, i))
				o.Queue(0, peertest.Frame(61, i))
				o.Step()
				r.Wants(0, peertest.Frame(61, i))
				// Something is under way when it goes, noticed or not.
				r.Queue(0, peertest.Frame(60, i))
				if err := other.Close(); err != nil {
					t.Error(err)
				}
				r.Step()
				r.Await("the end is noticed", func() bool { return !stays.Carrier() })
			}
		})
	}
}

// A worker that sleeps on the set's descriptor wakes for a packet, only when armed,
// and once for each.
func TestPeerWakesASleepingWorker(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	a := open(t, Config{Path: path, Server: true})
	b := open(t, Config{Path: path})
	ra, rb := peertest.New(t, a), peertest.New(t, b)
	ra.Await("both are connected", func() bool { rb.Step(); return a.Carrier() && b.Carrier() })
	for _, c := range []struct {
		name        string
		from, to    *peertest.Rig
		sleeps      *peertest.Rig
		wantAtSleep int
	}{{"server", rb, ra, ra, 0}, {"client", ra, rb, rb, 0}} {
		c.to.Set.Arm()
		c.to.Step()
		c.to.Set.Disarm()
		for i := range 3 {
			c.to.Set.Arm()
			if c.to.Readable(0) {
				t.Errorf("%s: round %d: awake though nothing came", c.name, i)
			}
			c.from.Queue(0, peertest.Frame(60, i))
			c.from.Step()
			if !c.to.Readable(10 * time.Second) {
				t.Errorf("%s: round %d: a packet wakes nobody", c.name, i)
			}
			c.to.Wants(0, peertest.Frame(60, i))
			c.to.Set.Disarm()
			c.from.Queue(0, peertest.Frame(60, i))
			c.from.Step()
			if c.to.Readable(20 * time.Millisecond) {
				t.Errorf("%s: round %d: told though it looks by itself", c.name, i)
			}
			c.to.Wants(0, peertest.Frame(60, i))
		}
	}
}

// TestSeveralQueues: a queue for which the peer has no ring shares another's.
func TestSeveralQueues(t *testing.T) {
	for _, q := range [][2]int{{1, 3}, {3, 1}, {3, 3}} {
		path := filepath.Join(t.TempDir(), "s")
		a := open(t, Config{Path: path, Server: true, Queues: q[0]})
		b := open(t, Config{Path: path, Queues: q[1]})
		r := peertest.New(t, a, b)
		r.Await("both are connected", func() bool { return a.Carrier() && b.Carrier() })
		set, err := a.Driver().NewPollSet(r.Vector())
		if err != nil {
			t.Fatal(err)
		}
		tx, err := set.AddTx(b.Tx()[q[1]-1], true)
		if err != nil {
			t.Fatal(err)
		}
		rx, err := set.AddRx(a.Rx()[min(q[0], q[1])-1], 32)
		if q[0] == 1 || q[1] == 1 {
			rx, err = 0, nil // the rig reads it
		}
		if err != nil {
			t.Fatal(err)
		}
		burst := r.Burst(peertest.Frame(60, 1))
		set.TxList().Add(tx, burst)
		set.Send()
		if q == [2]int{3, 3} {
			set.Receive()
			if l := set.RxList(); l.N != 1 || l.Segs[0].Slot != rx || l.Segs[0].N != 1 {
				t.Errorf("queues %v: received %v, want a packet in slot %d", q, l.Segs[:l.N], rx)
			} else {
				r.Vector().DropBurst(pmd.Burst{Off: l.Segs[0].Off, N: 1})
			}
		} else {
			r.Wants(0, peertest.Frame(60, 1))
		}
		set.Close()
	}
}
