// Package wire reads and writes packet headers in place: Ethernet, VLAN, ARP,
// IPv4, IPv6, ICMP, ICMPv6 with neighbour discovery, UDP and TCP, and the
// Internet checksum over them.
//
// A header is a view: a named byte slice that starts at the header. A Parse
// function checks once that the bytes which the view's methods touch are there,
// so that the methods check nothing; a view that Parse did not return must not
// be used. A length that a packet claims about itself is never believed further
// than the bytes that exist. Nothing here allocates or keeps a slice.
package wire
