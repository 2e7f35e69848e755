package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ipvd/flows/route"
)

// Routes is what a master has taken over of the host's routing.
type Routes struct {
	Master  string
	Size    route.Size
	Changes uint64        // notifications taken
	Lost    uint64        // times that the kernel had to drop notifications
	Reads   uint64        // times that everything was read again
	ReadFor time.Duration // how long the last of these took
	Punted  uint64        // packets that the host's kernel was left to route
}

var (
	routeCount      = desc("routes", "Routes that l3 looks packets up in: those of the host that leave by the master.", "master", "family")
	routeHops       = desc("route_next_hops", "Different next hops of these routes.", "master")
	routeNeighbours = desc("route_neighbours", "Neighbours on the master's link, by what the kernel knows of them.", "master", "state")
	routeChanges    = desc("route_changes_total", "Changes of routes, rules and neighbours that were taken over.", "master")
	routeLost       = desc("route_changes_lost_total", "Times that the kernel had to drop notifications, after each of which everything is read again.", "master")
	routeReads      = desc("route_read_again_total", "Times that all routes, rules and neighbours were read again.", "master")
	routeReadFor    = desc("route_read_seconds", "How long it took to read everything again the last time; 0 if that was not needed yet.", "master")
	routePunted     = desc("route_punted_packets_total", "Packets of slaves that were left to the host's kernel to route. Those without a route are dropped as no_route.", "master")
)

func routeDescs() []*prometheus.Desc {
	return []*prometheus.Desc{routeCount, routeHops, routeNeighbours, routeChanges, routeLost, routeReads, routeReadFor, routePunted}
}

func (o output) routes(all []Routes) {
	for _, r := range all {
		o.gauge(routeCount, float64(r.Size.Routes4), r.Master, "inet")
		o.gauge(routeCount, float64(r.Size.Routes6), r.Master, "inet6")
		o.gauge(routeHops, float64(r.Size.NextHops), r.Master)
		for _, state := range []route.State{route.Unknown, route.Usable, route.Failed} {
			o.gauge(routeNeighbours, float64(r.Size.Neighbours[state]), r.Master, state.String())
		}
		o.counter(routeChanges, float64(r.Changes), r.Master)
		o.counter(routeLost, float64(r.Lost), r.Master)
		o.counter(routeReads, float64(r.Reads), r.Master)
		o.gauge(routeReadFor, r.ReadFor.Seconds(), r.Master)
		o.counter(routePunted, float64(r.Punted), r.Master)
	}
}
