// Package rawip is a port that hands IP packets to the kernel's own output path
// of a network namespace, as if the host had made them: routing, rules,
// neighbour resolution, the OUTPUT and POSTROUTING chains and conntrack apply,
// and the packet leaves, as a rule through one device, with its TTL unchanged.
//
// The port is for sending only. Its queue takes Ethernet frames, whose Ethernet
// header is not used, and sends their IP packets on raw sockets with IP_HDRINCL
// (raw(7)). The route is looked up by destination, source, DSCP and device: a
// packet-info control message carries the source, which need not be an address of
// the host, so that `ip rule from` applies. An IPv4 destination without a route
// through the device counts as on its link (net/ipv4/route.c,
// ip_route_output_key_hash_rcu). For IPv6 routes through the device come before
// others as good, but an unreachable one, or one through another device, that is
// more specific counts (net/ipv6/route.c, ip6_route_output_flags).
//
// Such a socket refuses a packet longer than the device's MTU, where the
// kernel's ip_output would fragment it (net/ipv4/raw.c, raw_send_hdrinc): IPv4
// packets without DF are fragmented here. Nor does it segment or complete checksums
// above IP: that is done here too.
//
// What the kernel drops after it took the packet, in a qdisc or for want of a
// neighbour, counts as sent.
//
// An open port keeps its network namespace alive.
package rawip
