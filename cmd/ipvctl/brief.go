package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"ipvd/cmd/internal/api"
)

// printBriefLinks prints what `ip -br link` does.
func printBriefLinks(p *printer, links []api.Link) {
	for _, l := range links {
		p.printf("%-20s %-14s %s <%s>\n", linkName(l.IfName, l.Link), l.OperState, l.Address, strings.Join(l.Flags, ","))
	}
}

// printBriefAddrs prints a line a slave.
func printBriefAddrs(p *printer, addrs []api.Addr) {
	for i, a := range addrs {
		if i == 0 || a.Master != addrs[i-1].Master || a.ID != addrs[i-1].ID {
			if i > 0 {
				p.printf("\n")
			}
			p.printf("%-20s", linkName(a.Link, a.Master))
		}
		p.printf(" %s", a.Local)
		if a.State != "active" {
			p.printf(" (%s)", a.State)
		}
	}
	if len(addrs) > 0 {
		p.printf("\n")
	}
}

func linkName(name, master string) string {
	if master != "" {
		name += "@" + master
	}
	return name
}

// printDrops prints a matrix: a row a slave, port or stage, a column a reason that
// occurs; or in brief a line each.
func printDrops(p *printer, rows []api.DropRow, all, brief bool) {
	seen := map[string]bool{}
	for _, r := range rows {
		for reason := range r.Reasons {
			seen[reason] = true
		}
	}
	reasons := slices.Sorted(maps.Keys(seen))
	var cells printer
	if !brief {
		cells.printf("WHERE\tDROPPED\t%s\n", strings.Join(reasons, "\t"))
	}
	for _, r := range rows {
		if r.Dropped == 0 && !all {
			continue
		}
		cells.printf("%s\t%d", r.Where, r.Dropped)
		for _, reason := range reasons {
			switch n := r.Reasons[reason]; {
			case brief && n > 0:
				cells.printf("\t%s=%d", reason, n)
			case !brief && n > 0:
				cells.printf("\t%d", n)
			case !brief:
				cells.printf("\t.")
			}
		}
		cells.printf("\n")
	}
	p.table(&cells)
}

// table aligns cells, which are separated by tabs.
func (p *printer) table(cells *printer) {
	w := tabwriter.NewWriter(p, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, cells.String())
	w.Flush() // into memory: it cannot fail
}
