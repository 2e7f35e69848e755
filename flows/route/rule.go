package route

import (
	"net/netip"
)

// Action is what a rule does with a packet that it selects.
type Action uint8

// The actions (linux/fib_rules.h, FR_ACT_TO_TBL and so on).
const (
	Lookup  Action = iota // look into a table; on with the next rule if that says nothing
	GoTo                  // on with a rule behind this one
	Nothing               // on with the next rule
	Refuse                // what Rule.Refusal says
)

// Rule selects packets, and says where their route is looked up.
type Rule struct {
	Priority uint32
	From, To netip.Prefix // invalid: any
	TOS      uint8        // 0: any
	Proto    uint8        // IPv6: the next header; 0: any
	Not      bool         // selects what does not match
	Action   Action
	Table    uint32 // of Lookup
	Target   uint32 // of GoTo: the priority of the rule that comes next
	Refusal  Kind   // of Refuse
	// Odd says that the rule has a selector or an action that is not understood:
	// the kernel decides about packets that match the rest of it.
	Odd bool
}

// Query is what a packet is routed by: its addresses, as big-endian numbers, and
// its traffic class. IPv4 has its addresses in the lower half of Lo.
type Query struct {
	SrcHi, SrcLo, DstHi, DstLo uint64
	TOS, Proto                 uint8
	Label                      uint32 // IPv6: the flow label
}

// rule is a Rule as workers use it.
type rule struct {
	always  bool // it selects every packet
	not     bool
	tos     uint8
	proto   uint8
	action  Action
	table   *table
	refusal uint32
	next    int // of GoTo
	from    struct{ mask, addr pair }
	to      struct{ mask, addr pair }
}

// program is the rules of a family in their order. It never changes.
type program struct {
	rules []rule
	last  uint32 // hop when no rule has an answer
	// straight says that every rule looks every packet up.
	straight bool
	// onLink says that last is for what a route or rule refuses as well.
	onLink bool
}

// dscpMask is what of the traffic class counts (net/inet_dscp.h).
const dscpMask = 0xfc

// selects reports that r applies to q.
func (r *rule) selects(q *Query) bool {
	match := q.SrcHi&r.from.mask.hi == r.from.addr.hi && q.SrcLo&r.from.mask.lo == r.from.addr.lo &&
		q.DstHi&r.to.mask.hi == r.to.addr.hi && q.DstLo&r.to.mask.lo == r.to.addr.lo &&
		(r.tos == 0 || r.tos == q.TOS&dscpMask) && (r.proto == 0 || r.proto == q.Proto)
	return match != r.not
}

// compile makes a program of rules, which are in the order of their priorities.
func (s *tables) compile(rules []Rule, v6 bool, last uint32) *program {
	p := &program{last: last, straight: true}
	for i, r := range rules {
		c := rule{not: r.Not, tos: r.TOS, proto: r.Proto, action: r.Action}
		c.from.mask, c.from.addr = masked(r.From)
		c.to.mask, c.to.addr = masked(r.To)
		c.always = !r.Not && r.TOS == 0 && r.Proto == 0 && c.from.mask == pair{} && c.to.mask == pair{}
		switch {
		case r.Odd:
			c.action, c.refusal = Refuse, hostHop
		case r.Action == Refuse:
			c.refusal = fixed(r.Refusal)
		case r.Action == Lookup:
			c.table = s.table(r.Table, v6)
		case r.Action == GoTo:
			c.next = target(rules, i, r.Target)
		}
		p.straight = p.straight && c.always && c.action == Lookup
		p.rules = append(p.rules, c)
	}
	return p
}

// target is the place of the rule that a GoTo at place from leads to: the first
// behind it with that priority, or the next one when there is none
// (net/core/fib_rules.c, fib_rules_lookup).
func target(rules []Rule, from int, priority uint32) int {
	for i := from + 1; i < len(rules); i++ {
		if rules[i].Priority == priority {
			return i
		}
	}
	return from + 1
}

func masked(p netip.Prefix) (mask, addr pair) {
	switch {
	case !p.IsValid():
		return mask, addr
	case p.Addr().Is4():
		mask = pair{lo: uint64(mask4(p.Bits()))}
		return mask, pair{lo: uint64(number4(p.Addr())) & mask.lo}
	}
	mask, addr = mask6(p.Bits()), number6(p.Addr())
	return mask, pair{addr.hi & mask.hi, addr.lo & mask.lo}
}
