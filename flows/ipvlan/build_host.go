package ipvlan

import "ipvd/flows"

// hostReach reports that host and slaves reach each other by the stages of this
// package. With VEPA the switch is to see what passes between stations, the host
// among them; in l3s the host routes.
func (b *builder) hostReach() bool {
	return b.m.HostReach && b.m.Flag != VEPA && b.m.Mode != L3S
}

// hosts is what slaves' stages look the host's addresses up in, nil for none.
func (b *builder) hosts() *Table {
	if !b.hostReach() {
		return nil
	}
	return b.m.Hosts
}

// fromHost puts h, of which the mode has filled in its own part, behind the host
// port, or the wire when there is nothing to decide.
func (b *builder) fromHost(h *fromHost) error {
	if !b.hostReach() {
		return b.inputs("to wire", b.m.Host, 0, b.pass(b.p.wire))
	}
	h.plane, h.counters = b.p, b.g.Counters(b.m.Counters.Host)
	b.edges("from host", "to wire", "deliver")
	if h.replicate != nil {
		b.edges("from host", "replicate")
	} else {
		b.edges("from host", "to host")
	}
	return b.inputs("from host", b.m.Host, 0, b.pass(h))
}

// proxy answers the wire, also for link-local addresses if their packets reach the
// slaves. It is pushed to as stage.
func (b *builder) proxy(linkLocal bool) (p *proxy, stage flows.Stage) {
	b.edges("proxy", "to wire")
	c := b.g.Counters(b.m.Counters.Classify)
	p = &proxy{answer{b.p, b.p.wire, b.m.Answers, c}, linkLocal}
	return p, b.g.Watched(b.name("proxy"), p)
}

// wireToHost puts the host behind the wire, for l3s.
func (b *builder) wireToHost() error {
	host := b.shortcut("to host", 0, b.p.host.out)
	if !b.m.L3Proxy {
		return b.inputs("to host", b.m.Wire, 0, b.pass(host))
	}
	p := &proxyL3S{plane: b.p, host: host, counters: b.g.Counters(b.m.Counters.Host)}
	p.proxy, p.answers = b.proxy(false)
	b.edges("proxy", "to host")
	return b.inputs("proxy", b.m.Wire, 0, b.pass(p))
}
