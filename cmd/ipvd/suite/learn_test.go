package suite

import "testing"

// TestAddressesAreLearned from what peers answer and send.
func TestAddressesAreLearned(t *testing.T) {
	l := newLab(t, 3)
	l.start("--ephemeral", "--mode", "l2")
	l.add(2)
	for _, p := range l.peers()[:3] {
		l.must(append([]string{"link", "add", "link", "eth0", p.name, "type", "ipvlan", "learn"}, p.words...)...)
		o := l.startPeer(p)
		l.reach(p)
		l.wantState(p.name, p.addr, "active")
		for _, a := range l.addrs() {
			if a.Link == p.name && a.Source != "learned" {
				t.Errorf("%s: source of %s is %s, want learned", p.name, a.Local, a.Source)
			}
		}
		l.must("link", "del", p.name)
		l.wantState(p.name, p.addr, "")
		o.kill()
	}
	l.stop()
}
