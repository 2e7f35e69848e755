package conntrack_test

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"ipvd/cmd/internal/host/conntrack"
	"ipvd/cmd/internal/host/hosttest"
	"ipvd/flows/ipvlan"
)

// patience is for what follows within milliseconds.
const patience = 30 * time.Second

// fixture is a namespace that is followed.
type fixture struct {
	hosttest.NS
	*conntrack.Tracker
	t *testing.T
}

func newFixture(t *testing.T) *fixture { return newFixtureOf(t, conntrack.Options{}) }

func newFixtureOf(t *testing.T, o conntrack.Options) *fixture {
	t.Helper()
	f := &fixture{NS: hosttest.NewNS(t), t: t}
	f.IP("link add dummy0 type veth peer name dummy1")
	f.IP("link set dummy0 up")
	f.IP("addr add 10.0.0.1/24 dev dummy0")
	f.Do(func() (err error) {
		f.Tracker, err = conntrack.Open(o)
		return err
	})
	t.Cleanup(func() {
		for range 2 {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return f
}

// run runs a command in the namespace.
func (f *fixture) run(line string) string {
	f.t.Helper()
	out, err := exec.Command("ip", append([]string{"netns", "exec", f.Name}, strings.Fields(line)...)...).CombinedOutput()
	if err != nil {
		f.t.Fatalf("%s: %v: %s", line, err, out)
	}
	return string(out)
}

// next waits for an event that is wanted; others are ignored.
func (f *fixture) next(what string, wanted func(e conntrack.Event) bool) conntrack.Event {
	f.t.Helper()
	end := time.After(patience)
	for {
		select {
		case e := <-f.Events():
			if wanted(e) {
				return e
			}
		case <-end:
			f.t.Fatalf("no event: %s", what)
		}
	}
}

var (
	orig  = ipvlan.Tuple{Src: netip.MustParseAddrPort("10.0.0.11:1000"), Dst: netip.MustParseAddrPort("192.0.2.1:80"), Proto: 6}
	reply = ipvlan.Tuple{Src: netip.MustParseAddrPort("192.0.2.1:80"), Dst: netip.MustParseAddrPort("10.0.0.1:40000"), Proto: 6}
)

// insert makes a connection, translated, in a state of TCP.
const insert = "conntrack -I -p tcp -t 100 -s 10.0.0.11 -d 192.0.2.1 --sport 1000 --dport 80 " +
	"--reply-src 192.0.2.1 --reply-dst 10.0.0.1 --reply-port-src 80 --reply-port-dst 40000 -u SEEN_REPLY,ASSURED --state "

func TestAConnectionIsFollowedThroughItsLife(t *testing.T) {
	f := newFixture(t)
	f.run(insert + "SYN_RECV")
	if flows, err := f.List(); err != nil || len(flows) != 1 || flows[0].Established || flows[0].Orig != orig || flows[0].Reply != reply {
		t.Fatalf("list: %+v, %v; want one that is not established", flows, err)
	}
	f.run("conntrack -U -p tcp -s 10.0.0.11 -d 192.0.2.1 --state ESTABLISHED")
	e := f.next("established", func(e conntrack.Event) bool { return e.Kind == conntrack.Updated && e.Flow.Established })
	if e.Flow.Orig != orig || e.Flow.Reply != reply || e.Flow.ID == 0 {
		t.Errorf("got %+v", e.Flow)
	}
	f.run("conntrack -U -p tcp -s 10.0.0.11 -d 192.0.2.1 --state FIN_WAIT")
	f.next("closing", func(e conntrack.Event) bool { return e.Kind == conntrack.Updated && !e.Flow.Established })
	f.run("conntrack -D")
	f.next("gone", func(g conntrack.Event) bool { return g.Kind == conntrack.Destroyed && g.Flow.ID == e.Flow.ID })
}

func TestWhatTheKernelTreatsSpeciallyIsNotEstablished(t *testing.T) {
	f := newFixture(t)
	for what, line := range map[string]string{
		"no reply":     strings.Replace(insert, "SEEN_REPLY,ASSURED", "UNSET", 1) + "ESTABLISHED",
		"not assured":  strings.Replace(insert, ",ASSURED", "", 1) + "ESTABLISHED",
		"another zone": insert + "ESTABLISHED --zone 7",
	} {
		f.run(line)
		flows, err := f.List()
		if err != nil || len(flows) != 1 || flows[0].Established {
			t.Errorf("%s: %+v, %v; want one that is not established", what, flows, err)
		}
		f.run("conntrack -F")
	}
	f.run(insert + "ESTABLISHED")
	if flows, err := f.List(); err != nil || len(flows) != 1 || !flows[0].Established {
		t.Errorf("%+v, %v; want an established one: the test shows nothing", flows, err)
	}
}

func TestBeLiberalLeavesTheStateAlone(t *testing.T) {
	f := newFixture(t)
	f.run(insert + "FIN_WAIT")
	if err := f.BeLiberal(orig); err != nil {
		t.Fatal(err)
	}
	if got := f.run("conntrack -L -o xml"); !strings.Contains(got, "<state>FIN_WAIT</state>") {
		t.Errorf("the connection is now %s", got)
	}
	f.run("conntrack -F")
	if err := f.BeLiberal(orig); err == nil || !strings.Contains(err.Error(), "10.0.0.11:1000") {
		t.Errorf("of a connection that is gone: %v, want an error that names it", err)
	}
}

func TestChangesOfRulesRoutesAndNeighboursAreTold(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct{ what, line string }{
		{"netfilter's rules", "nft add table inet fw"},
		{"netfilter's rules", "nft add chain inet fw FORWARD { type filter hook forward priority 0; }"},
		{"netfilter's rules", "nft add rule inet fw FORWARD drop"},
		{"netfilter's rules", "iptables-nft -A FORWARD -j DROP"},
		{"routes", "ip route add 192.0.2.0/24 dev dummy0"},
		{"routes", "ip -6 route add 2001:db8::/64 dev dummy0"},
		{"routing rules", "ip rule add from 10.0.0.11 table 7"},
		{"routing rules", "ip -6 rule add from fd00::1 table 7"},
		{"neighbours", "ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev dummy0"},
		{"neighbours", "ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:03 dev dummy0"},
		{"neighbours", "ip neigh del 10.0.0.2 dev dummy0"},
		{"links", "ip link set dummy0 down"},
	} {
		f.quiet()
		f.run(c.line)
		f.next(c.line, func(e conntrack.Event) bool { return e.Kind == conntrack.Changed && e.What == c.what })
	}
}

// quiet reads what is under way.
func (f *fixture) quiet() {
	for {
		select {
		case <-f.Events():
		case <-time.After(50 * time.Millisecond):
			return
		}
	}
}

func TestANeighbourThatIsConfirmedIsNoChange(t *testing.T) {
	f := newFixture(t)
	f.run("ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev dummy0 nud reachable")
	f.next("neighbour", func(e conntrack.Event) bool { return e.What == "neighbours" })
	f.quiet()
	for _, state := range []string{"stale", "reachable", "permanent"} {
		f.run("ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev dummy0 nud " + state)
	}
	f.run("ip rule add from 10.0.0.12 table 7") // told behind them
	f.next("routing rules", func(e conntrack.Event) bool {
		if e.What == "neighbours" {
			t.Error("a confirmed neighbour is told as a change")
		}
		return e.What == "routing rules"
	})
}

func TestLostMessagesAreTold(t *testing.T) {
	f := newFixtureOf(t, conntrack.Options{ReceiveBuffer: 4096})
	var batch strings.Builder
	for i := range 10000 { // nobody reads meanwhile
		fmt.Fprintf(&batch, "route add 10.1.%d.%d dev dummy0\n", i>>8, i&0xff)
	}
	cmd := exec.Command("ip", "-n", f.Name, "-batch", "-")
	cmd.Stdin = strings.NewReader(batch.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f.next("lost", func(e conntrack.Event) bool { return e.Kind == conntrack.Lost })
}

func TestAClosedTrackerTellsNothing(t *testing.T) {
	f := newFixture(t)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if flows, err := f.List(); err == nil {
		t.Errorf("it lists %v", flows)
	}
	f.IP("link set dummy0 down")
	select {
	case e := <-f.Events():
		t.Errorf("it tells %+v", e)
	case <-time.After(50 * time.Millisecond):
	}
}
