package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"ipvd/cmd/internal/api"
)

func (c *ctl) routeCmd() *cobra.Command {
	show := func(cmd *cobra.Command, args []string) error { return c.routeShow(cmd.Context(), args) }
	route := &cobra.Command{Use: "route", Short: "What l3 routes by: the host's routes that leave by a master",
		Args: verb, RunE: show}
	route.AddCommand(
		&cobra.Command{Use: "show [[dev] MASTER] [table NUMBER]", Aliases: []string{"list", "lst", "ls"},
			Short: "Show the routes that were taken over", RunE: show,
			Example: "  ipvctl route show dev eth0\n  ipvctl -j route show table 254"},
		&cobra.Command{Use: "get [to] ADDRESS from ADDRESS [dev MASTER] [tos NUMBER]", Short: "Show where a slave's packet goes",
			Example: "  ipvctl route get 192.0.2.1 from 10.0.0.11",
			RunE:    func(cmd *cobra.Command, args []string) error { return c.routeGet(cmd.Context(), args) }},
	)
	return route
}

func (c *ctl) routeShow(ctx context.Context, args []string) error {
	f, err := parseRouteShow(args)
	if err != nil {
		return err
	}
	d := c.daemon()
	defer d.Close()
	routes, err := d.Routes(ctx, f)
	if err != nil {
		return err
	}
	return c.print(list(routes), func(p *printer) {
		for i := range routes {
			printRoute(p, &routes[i])
		}
	})
}

func (c *ctl) routeGet(ctx context.Context, args []string) error {
	q, err := parseRouteGet(args)
	if err != nil {
		return err
	}
	d := c.daemon()
	defer d.Close()
	r, err := d.RouteGet(ctx, q)
	if err != nil {
		return err
	}
	return c.print([]api.Route{r}, func(p *printer) { printRoute(p, &r) })
}

// mainTable is the number of the table that ip(8) calls main.
const mainTable = 254

// printRoute prints a route as ip does.
func printRoute(p *printer, r *api.Route) {
	if r.Type != "unicast" {
		p.printf("%s ", r.Type)
	}
	p.printf("%s", r.Dst)
	if r.From != "" {
		p.printf(" from %s", r.From)
	}
	if r.TOS != 0 {
		p.printf(" tos %#x", r.TOS)
	}
	if r.Gateway != "" {
		p.printf(" via %s", r.Gateway)
	}
	p.printf(" dev %s", r.Master)
	if r.Table != 0 && r.Table != mainTable {
		p.printf(" table %d", r.Table)
	}
	if r.Metric != 0 {
		p.printf(" metric %d", r.Metric)
	}
	if r.MTU != 0 {
		p.printf(" mtu %d", r.MTU)
	}
	if n := r.Neighbour; n != nil {
		p.printf(" neigh %s", n.State)
		if n.LLAddr != "" {
			p.printf(" lladdr %s", n.LLAddr)
		}
	}
	p.printf("\n")
	for _, h := range r.NextHops {
		p.printf("\tnexthop")
		if h.Gateway != "" {
			p.printf(" via %s", h.Gateway)
		}
		p.printf(" weight %d\n", h.Weight)
	}
}

// parseRouteShow reads `[[dev] MASTER] [table NUMBER]`.
func parseRouteShow(args []string) (f api.RouteFilter, err error) {
	var table string
	g := grammar{values: map[string]*string{"dev": &f.Master, "table": &table}, bare: &f.Master}
	if err := g.parse(args); err != nil {
		return f, err
	}
	n, err := number("table", table)
	f.Table = uint32(n)
	return f, err
}

// parseRouteGet reads `[to] ADDRESS from ADDRESS [dev MASTER] [tos NUMBER]`.
func parseRouteGet(args []string) (q api.RouteQuery, err error) {
	var from, to, tos string
	g := grammar{values: map[string]*string{"dev": &q.Master, "from": &from, "to": &to, "tos": &tos}, bare: &to}
	if err := g.parse(args); err != nil {
		return q, err
	}
	if from == "" || to == "" {
		return q, errors.New("an address is missing: want ADDRESS from ADDRESS, the latter a slave's")
	}
	if q.From, err = api.ParseIP(from); err != nil {
		return q, err
	}
	if q.To, err = api.ParseIP(to); err != nil {
		return q, err
	}
	if tos != "" {
		n, err := strconv.ParseUint(tos, 0, 8)
		if err != nil {
			return q, fmt.Errorf("tos %q is not a number from 0 to 255", tos)
		}
		q.TOS = uint8(n)
	}
	return q, nil
}
