package main

import (
	"fmt"
	"strconv"
	"strings"

	"ipvd/cmd/internal/api"
)

// printLink prints a link as `ip link show` does, as far as the thing is the
// same: what the kernel's driver has no word for follows the address.
func printLink(p *printer, l *api.Link) {
	name := l.IfName
	if l.Link != "" {
		name += "@" + l.Link
	}
	p.printf("%d: %s: <%s> mtu %d state %s", l.IfIndex, name, strings.Join(l.Flags, ","), l.MTU, l.OperState)
	if l.Link != "" {
		p.printf(" id %d", l.ID)
	}
	p.printf("\n    link/ether %s brd ff:ff:ff:ff:ff:ff", l.Address)
	if l.Netns != "" {
		p.printf(" netns %s", l.Netns)
	}
	p.printf("\n")
	if l.State != "" && l.State != "ok" {
		p.printf("    warning: %s\n", l.State)
	}
	if l.LinkInfo != nil {
		printDetails(p, l)
	}
	if l.Stats64 != nil {
		printStats64(p, l.Stats64)
	}
}

func printDetails(p *printer, l *api.Link) {
	p.printf("    %s  mode %s %s port %s", l.LinkInfo.Kind, l.LinkInfo.Data.Mode, l.LinkInfo.Data.Flag, l.PortKind)
	if l.Wire != "" {
		p.printf(" wire %s", l.Wire)
	}
	if l.Link != "" {
		p.printf(" addresses %d", l.Addrs)
	}
	p.printf("\n")
}

func printStats64(p *printer, s *api.Stats64) {
	rx, tx := &s.RX, &s.TX
	printColumns(p, "RX:", []string{" bytes", "packets", "errors", "dropped", "mcast"},
		[]uint64{rx.Bytes, rx.Packets, rx.Errors, rx.Dropped, rx.Multicast})
	printColumns(p, "TX:", []string{" bytes", "packets", "errors", "dropped"},
		[]uint64{tx.Bytes, tx.Packets, tx.Errors, tx.Dropped})
}

// printColumns prints a line of headings and a line of numbers below them.
func printColumns(p *printer, title string, heads []string, values []uint64) {
	head, line := title, strings.Repeat(" ", len(title))
	for i, h := range heads {
		v := strconv.FormatUint(values[i], 10)
		width := max(len(h), len(v))
		head += fmt.Sprintf(" %*s", width, h)
		line += fmt.Sprintf(" %*s", width, v)
	}
	p.printf("    %s\n    %s\n", head, line)
}
