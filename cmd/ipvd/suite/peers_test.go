package suite

import (
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestPeersComeAndGo: a peer that is killed, stopped or restarted loses its own packets
// alone, and leaves nothing behind. IPVD_PEERS_FOR sets how long that goes on.
func TestPeersComeAndGo(t *testing.T) {
	long := 12 * time.Second
	if s := os.Getenv("IPVD_PEERS_FOR"); s != "" {
		var err error
		if long, err = time.ParseDuration(s); err != nil {
			t.Fatalf("IPVD_PEERS_FOR: %v", err)
		}
	}
	l := newLab(t, 3)
	l.start("--ephemeral", "--mode", "l2")
	for i := range l.boxes {
		l.add(i)
	}
	specs := l.peers()
	procs := make([]peerProcess, len(specs))
	for i, p := range specs {
		procs[i] = l.join(p)
	}
	l.settle(specs)
	l.mischief(specs, procs, 2*time.Second) // everything reaches its size
	l.settle(specs)
	before := l.atRest(specs, procs)

	east, north := l.stream(l.boxes[0], l.boxes[1], boxAddr(1)), l.stream(l.router, l.boxes[0], boxAddr(0))
	rounds := l.mischief(specs, procs, long)
	east.wantNoLoss(t, "slave to slave")
	north.wantNoLoss(t, "router to slave")
	l.settle(specs)
	var after footprint
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Second) {
		after = l.atRest(specs, procs)
		if after.fds <= before.fds && after.mbufs <= before.mbufs || time.Now().After(end) {
			break
		}
	}
	t.Logf("%d rounds; before %+v, after %+v", rounds, before, after)
	if after.fds > before.fds || after.mbufs > before.mbufs || after.threads > before.threads+6 || after.rssKB > before.rssKB+16<<10 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	for i, p := range specs {
		l.must("link", "del", p.name)
		procs[i].kill()
		if _, err := os.Stat(p.socket); err == nil && p.role == "client" {
			t.Errorf("%s is left of a deleted slave", p.socket)
		}
	}
	l.ping(l.router, boxAddr(0))
	l.stop()
}

// atRest is the footprint while no peer sends. DPDK's virtio-user keeps what it has sent
// until it needs the room, so that its slaves are taken away for that time.
func (l *lab) atRest(specs []peerSpec, procs []peerProcess) footprint {
	l.t.Helper()
	for i, p := range specs {
		procs[i].signal(unix.SIGSTOP)
		if p.first {
			procs[i].kill()
			l.must("link", "del", p.name)
		}
	}
	f := l.footprint()
	for i, p := range specs {
		procs[i].signal(unix.SIGCONT)
		if p.first {
			procs[i] = l.join(p)
		}
	}
	return f
}

// reach pings a peer from box 2 until it answers. The other boxes have nothing to do
// with peers.
func (l *lab) reach(p peerSpec) {
	l.t.Helper()
	l.await("a box reaches "+p.name, time.Minute, func() bool { return l.reaches(l.boxes[2], p.addr) })
}

// mischief does to each peer in turn what can happen to it, while packets flow both
// ways, and gives how often.
func (l *lab) mischief(specs []peerSpec, procs []peerProcess, long time.Duration) (rounds int) {
	l.t.Helper()
	var to []*udpFlood
	for _, p := range specs {
		to = append(to, l.flood(p.addr))
	}
	for end := time.Now().Add(long); time.Now().Before(end); rounds++ {
		i := rounds % len(specs)
		switch rounds / len(specs) % 4 {
		case 0: // killed, and back
			procs[i].kill()
			procs[i] = l.rejoin(specs[i])
		case 1: // stopped for a while
			procs[i].signal(unix.SIGSTOP)
			time.Sleep(50 * time.Millisecond)
			procs[i].signal(unix.SIGCONT)
		case 2: // killed in its first words, or soon after
			procs[i].kill()
			for k := range 5 {
				o := l.startPeer(specs[i])
				time.Sleep(time.Duration(5+7*k) * time.Millisecond)
				o.kill()
			}
			procs[i] = l.rejoin(specs[i])
		case 3: // killed while it is stopped
			procs[i].signal(unix.SIGSTOP)
			time.Sleep(10 * time.Millisecond)
			procs[i].kill()
			procs[i] = l.rejoin(specs[i])
		}
		time.Sleep(50 * time.Millisecond)
	}
	for _, f := range to {
		f.end()
	}
	return rounds
}

// rejoin starts a new peer. DPDK's virtio-user does not find a new backend by itself.
func (l *lab) rejoin(p peerSpec) peerProcess {
	l.t.Helper()
	if !p.first {
		return l.startPeer(p)
	}
	l.must("link", "del", p.name)
	return l.join(p)
}

// TestVirtioUserWithHugepages: a backend takes few files of memory.
func TestVirtioUserWithHugepages(t *testing.T) {
	reserveHugepages(t, 80)
	l := newLab(t, 3)
	l.start("--ephemeral", "--mode", "l2", "--memory", "64", "--pool", "8192")
	l.add(2)
	p := l.peers()[3]
	o := l.join(p)
	l.reach(p)
	o.kill()
	l.must("link", "del", p.name)
	l.stop()
}

// settle waits until all peers answer again.
func (l *lab) settle(specs []peerSpec) {
	l.t.Helper()
	for _, p := range specs {
		l.reach(p)
	}
}

// udpFlood sends to an address where nobody need listen.
type udpFlood struct{ quit, done chan struct{} }

func (l *lab) flood(addr string) *udpFlood {
	l.t.Helper()
	c, err := socketIn(l.boxes[2], "0.0.0.0:0")
	if err != nil {
		l.t.Fatal(err)
	}
	f := &udpFlood{make(chan struct{}), make(chan struct{})}
	l.boxes[2].IP("neigh replace " + addr + " lladdr " + masterMAC + " dev ipvl2")
	go func() {
		defer close(f.done)
		defer c.Close()
		to := &net.UDPAddr{IP: net.ParseIP(addr), Port: 9}
		for {
			select {
			case <-f.quit:
				return
			case <-time.After(time.Millisecond):
				for range 8 {
					c.WriteToUDP(make([]byte, 200), to)
				}
			}
		}
	}()
	return f
}

func (f *udpFlood) end() {
	close(f.quit)
	<-f.done
}

// TestKindsAreAddedAndRemovedUnderTraffic loses nothing on the others.
func TestKindsAreAddedAndRemovedUnderTraffic(t *testing.T) {
	l := newLab(t, 3)
	l.start("--ephemeral", "--mode", "l2")
	for i := range l.boxes {
		l.add(i)
	}
	east := l.stream(l.boxes[0], l.boxes[1], boxAddr(1))
	for range 3 {
		for _, p := range l.peers() {
			o := l.join(p)
			l.reach(p)
			if got := l.link(p.name); got.PortKind != p.words[1] || got.Stats64.TX.Packets == 0 {
				t.Errorf("%s: got %+v, want kind %s and packets", p.name, got, p.words[1])
			}
			l.must("link", "del", p.name)
			o.kill()
		}
	}
	east.wantNoLoss(t, "slave to slave")
	l.stop()
}

// TestUntrustedKindsAreRefused with the reason.
func TestUntrustedKindsAreRefused(t *testing.T) {
	l := newLab(t, 0)
	l.start("--ephemeral")
	add := []string{"link", "add", "link", "eth0", "v0", "type", "ipvlan", "kind"}
	for _, words := range [][]string{{"virtio-user", "socket", "/run/v"}, {"vdev", "devargs", "net_memif0"}, {"vdev", "devargs", "net_vhost0,iface=/run/v"}} {
		l.refused(append(add, words...), "shares memory", "trusted")
	}
	if _, err := os.Stat("/dev/vhost-net"); err != nil {
		l.refused(append(add, "virtio-user"), "vhost-net", "modprobe vhost_net", "kind tap")
	}
	l.refused(append(add, "memif", "socket", "relative"), "absolute path")
	l.refused(append(add, "memif", "socket", "/no/such/directory/m"), "no such file or directory")
	if err := os.WriteFile(l.dir+"/f", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l.refused(append(add, "memif", "socket", l.dir+"/f"), "no socket")
	l.stop()
}

// TestPeerSlavesComeBackAfterARestart: the state knows socket and addresses.
func TestPeerSlavesComeBackAfterARestart(t *testing.T) {
	l := newLab(t, 3)
	args := []string{"--mode", "l2", "--state-dir", l.dir + "/state"}
	l.start(args...)
	l.add(2)
	specs := l.peers()[:3] // DPDK's frontend does not outlive its process
	for _, p := range specs {
		l.addPeer(p)
		if p.kind != "vhost-frontend" {
			l.startPeer(p)
			l.reach(p)
		}
	}
	l.kill()
	l.start(args...)
	for _, p := range specs {
		if p.kind == "vhost-frontend" {
			l.startPeer(p)
		}
		l.wantState(p.name, p.addr, "active")
		l.reach(p)
	}
	for _, p := range specs {
		l.must("link", "del", p.name)
	}
	l.must("link", "del", "ipvl2")
	l.stop()
}
