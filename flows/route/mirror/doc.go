// Package mirror keeps a route.FIB like the routing of a network namespace, for
// what leaves it by one device: routes, rules, next hops, neighbours, and the
// device's addresses, by rtnetlink(7).
//
// All is read once, and then followed by notifications, for which the mirror
// subscribes before it reads. Where the kernel says nothing of a change (IPv4
// routes that go with a link, an address or a next hop), and after notifications
// were lost, all is read anew, and what was read takes the place of what there was
// in one step.
//
// The mirror is faithful in what it understands; the rest it leaves to the kernel
// (route.Host). It reads what route lookups for a slave's packet can meet: a
// device that packets leave by, no mark, no ports, the user root.
package mirror
