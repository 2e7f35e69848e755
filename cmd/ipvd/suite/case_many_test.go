package suite

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/link"
	frames "ipvd/cmd/ipvconform/frame"
)

// TestCasesOfManySlaves: 300 slaves of a master, all in one namespace. They are
// made in l3, where their stacks tell nobody of the groups that they join.
func TestCasesOfManySlaves(t *testing.T) {
	const n = 300
	l := newLab(t, 1)
	l.router.IP("link set eth0 down")
	l.router.IP("link set eth0 address " + macW + " up")
	l.start("--ephemeral", "--mode", "l3", "--log-level", "warn", "--pool", "32768", "--memory", "256")
	b := &bench{lab: l, whole: t, mac: macM, mode: "l3 bridge"}
	b.watch("w", b.router, "eth0")
	b.watch("h", b.host, "eth0")
	begin := time.Now()
	b.crowd(n)
	t.Logf("%d slaves after %v", n, time.Since(begin))

	b.run(203, "ids and link-local addresses of 300 slaves", "l3", func() { b.crowdIDs(n) })
	b.run(203, "traffic to each of 300 slaves", "l3, l3s, l2", func() {
		b.crowdGets(n, macM, func(i int) string { return crowdAddr(i, 4) }, 1)
		b.crowdGets(n, macM, func(i int) string { return crowdAddr(i, 6) }, 1)
	})
	b.run(203, "broadcast to 300 slaves", "l2", func() {
		b.crowdGets(1, macAll, func(int) string { return "10.0.0.255" }, n)
	})
	b.run(203, "a freed id is not taken again", "l3", func() {
		b.must("link", "del", "eth0/7")
		b.must("link", "add", "link", "eth0", "x301", "type", "ipvlan")
		if got := b.link("x301").ID; got != n+1 {
			b.t.Errorf("the new slave has id %d, want %d", got, n+1)
		}
	})
	b.await("the account balances", time.Minute, func() bool { _, err := b.ctl("verify"); return err == nil })
	b.stop()
}

// crowd makes n slaves, with some clients at once.
func (b *bench) crowd(n int) {
	b.t.Helper()
	const clients = 4
	done := make(chan error, clients)
	for c := range clients {
		go func() {
			client := api.NewClient(b.socket)
			defer client.Close()
			for i := 1 + c; i <= n; i += clients {
				if _, err := client.LinkAdd(brief(b.t), api.LinkAdd{Master: "eth0", Name: fmt.Sprintf("x%d", i), Netns: b.boxes[0].Name}); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	var errs []error
	for range clients {
		errs = append(errs, <-done)
	}
	if err := errors.Join(errs...); err != nil {
		b.t.Fatal(err)
	}
	for i := 1; i <= n; i++ {
		dev := b.iface(b.boxes[0], fmt.Sprintf("x%d", i))
		if err := errors.Join(dev.h.LinkSetUp(dev.link), dev.add(crowdAddr(i, 4)), dev.add(crowdAddr(i, 6))); err != nil {
			b.t.Fatal(err)
		}
		dev.h.Close()
	}
	b.await("all addresses are active", time.Minute, func() bool {
		return !slices.ContainsFunc(b.links(), func(k api.Link) bool { return k.Link != "" && k.Addrs < 3 })
	})
}

// crowdAddr is an address of slave xi.
func crowdAddr(i, version int) string {
	if version == 6 {
		return fmt.Sprintf("fd01::%x", i)
	}
	return fmt.Sprintf("10.1.%d.%d", i/250, 1+i%250)
}

func (b *bench) crowdIDs(n int) {
	mac, _ := net.ParseMAC(macM)
	ids, local := map[int]bool{}, map[string]string{}
	for _, k := range b.links() {
		if k.Link != "" {
			ids[k.ID] = true
			local[k.IfName] = link.LinkLocal(mac, uint16(k.ID)).String()
		}
	}
	for id := 1; id <= n; id++ {
		if !ids[id] {
			b.t.Errorf("no slave has id %d", id)
		}
	}
	for _, a := range b.addrs() {
		if local[a.Link] == a.Local && a.State == "active" {
			delete(local, a.Link)
		}
	}
	if len(local) > 0 {
		b.t.Errorf("slaves without their link-local address: %v", local)
	}
}

// crowdGets sends a frame for each of the first n slaves, and wants it on that
// slave's interface; with copies, on so many. Nobody answers such frames.
func (b *bench) crowdGets(n int, mac string, addr func(i int) string, copies int) {
	b.t.Helper()
	b.marks++
	c := b.crowdWatch(fmt.Appendf(nil, "crowd%06d.", b.marks))
	defer unix.Close(c.fd)
	for i := 1; i <= n; i++ {
		data, src, dst := fmt.Appendf(nil, "crowd%06d.%06d", b.marks, i), wire(addr(i)), addr(i)
		f := frames.Ether(mac, macW, frames.TypeIPv4, frames.IPv4{Src: src, Dst: dst, Proto: 1}.Packet(frames.ICMP(0, 0, data)))
		if isV6(dst) {
			f = frames.Ether(mac, macW, frames.TypeIPv6, frames.IPv6(src, dst, 58, 64, frames.ICMPv6(src, dst, 129, data)))
		}
		b.send("w", f)
		if i%32 == 0 || i == n { // a veth's ring holds 256
			for end := time.Now().Add(defaultWait); c.receive() < i*copies && time.Now().Before(end); {
				time.Sleep(time.Millisecond)
			}
		}
	}
	b.settle()
	if sum := c.receive(); sum != n*copies || len(c.got) != n*copies {
		b.t.Errorf("%d frames came, at %d places, want %d", sum, len(c.got), n*copies)
	}
	wrong := 0
	for i := 1; i <= n && copies == 1; i++ {
		if c.got[fmt.Sprintf("%06d at x%d", i, i)] != 1 {
			wrong++
		}
	}
	if wrong > 0 {
		b.t.Errorf("%d of %d frames did not come to the slave that they were for", wrong, n)
	}
}

// crowdTap watches all interfaces of the crowd's namespace.
type crowdTap struct {
	fd    int
	mark  []byte
	names map[int]string // by index
	got   map[string]int // as in `000007 at x7`
	sum   int
}

func (b *bench) crowdWatch(mark []byte) *crowdTap {
	b.t.Helper()
	c := &crowdTap{mark: mark, names: map[int]string{}, got: map[string]int{}}
	b.boxes[0].Do(func() (err error) {
		all, err := net.Interfaces()
		for _, i := range all {
			c.names[i.Index] = i.Name
		}
		if err == nil {
			c.fd, err = packetSocket(0)
		}
		return err
	})
	return c
}

// receive takes what has come and gives how much there was in all.
func (c *crowdTap) receive() int {
	buf := make([]byte, 2048)
	for {
		n, from, err := unix.Recvfrom(c.fd, buf, 0)
		if err != nil {
			return c.sum
		}
		ll, ok := from.(*unix.SockaddrLinklayer)
		_, number, found := bytes.Cut(buf[:n], c.mark)
		if ok && ll.Pkttype != unix.PACKET_OUTGOING && found && len(number) >= 6 {
			c.got[string(number[:6])+" at "+c.names[ll.Ifindex]]++
			c.sum++
		}
	}
}

// TestCasesOfEtherTypes: a slave may send what it likes.
func TestCasesOfEtherTypes(t *testing.T) {
	b := newBench(t)
	b.run(204, "frames of every ethertype", allModes, b.everyEtherType)
	b.finish()
}

// mbufsAtRest is how many mbufs are in use after one frame has been sent: a wire
// keeps what it sent last until it sends again.
func (b *bench) mbufsAtRest() int {
	b.t.Helper()
	f := udp4(macM, macM, s1v4, w4, b.mark())
	if b.is("l2") {
		f = udp4(macW, macM, s1v4, w4, b.mark())
	}
	b.check(func() { b.send("s1", f) }, want{"frame to the wire", both(same(f), isUDP), "w"})
	return b.verify().MbufsInUse
}

func (b *bench) everyEtherType() {
	c, r := b.client(), rand.New(rand.NewPCG(3, 4))
	dsts := []string{macM, macW, macAll, macX, "33:33:00:00:00:01", "01:00:5e:00:00:01", "01:80:c2:00:00:00"}
	sent := func() uint64 {
		links, err := c.Links(brief(b.t), api.LinkFilter{Name: "ipvl0", Stats: true})
		if err != nil || len(links) != 1 {
			b.t.Fatalf("link show: %v, %v", links, err)
		}
		return links[0].Stats64.TX.Packets + links[0].Stats64.TX.Dropped
	}
	var before int
	var start uint64
	const warm = 2048 // frames after which every port has its buffers
	for typ := -warm; typ < 1<<16; typ++ {
		if typ == -warm || typ == 0 {
			before, start = b.mbufsAtRest(), sent()-uint64(typ)
		}
		payload := make([]byte, 46+r.IntN(100))
		for i := range payload {
			payload[i] = byte(r.Uint32())
		}
		src := []string{macM, macM, macM, macX}[r.IntN(4)]
		b.send("s1", frames.Ether(dsts[r.IntN(len(dsts))], src, uint16(typ), payload))
		if typ&255 == 255 { // an interface's queue holds some hundreds
			b.await("the frames are taken", defaultWait, func() bool { return sent() >= start+uint64(typ+1) })
			b.read(0)
		}
	}
	for _, ns := range append(b.boxes, b.router, b.host) {
		ns.IP("neigh flush all") // they believe what ARP tells them
	}
	b.settle()
	b.await(fmt.Sprintf("no more than %d mbufs are in use", before), defaultWait, func() bool { return b.mbufsAtRest() <= before })
	for i, w := range b.status().Load {
		if w.Faults != 0 {
			b.t.Errorf("worker %d has had %d faults", i, w.Faults)
		}
	}
	b.gets("frame to a sibling", "s1", udp4(macM, macM, s1v4, s2v4, b.mark()), "s2")
	b.comesTo(s1v4, "s1")
}
