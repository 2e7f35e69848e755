package metrics

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ipvd/cmd/internal/api"
)

// collector makes metrics of a source's snapshot.
type collector struct{ source Source }

// desc is a metric of the daemon.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("ipvd_"+name, help, labels, nil)
}

// The metrics by what they are about. A link's labels tell it from others of the
// same name in other namespaces.
var (
	linkLabels = []string{"master", "id", "link", "netns"}

	linkUp        = desc("link_up", "Whether the link is up and has a carrier.", linkLabels...)
	linkMTU       = desc("link_mtu_bytes", "The link's MTU.", linkLabels...)
	linkAddresses = desc("link_addresses", "Active addresses of the link.", linkLabels...)
	linkRxPackets = desc("link_receive_packets_total", "Packets that the link received, as ip -s link shows.", linkLabels...)
	linkRxBytes   = desc("link_receive_bytes_total", "Bytes that the link received.", linkLabels...)
	linkRxDropped = desc("link_receive_dropped_packets_total", "Packets for the link that were dropped.", linkLabels...)
	linkTxPackets = desc("link_transmit_packets_total", "Packets that the link sent.", linkLabels...)
	linkTxBytes   = desc("link_transmit_bytes_total", "Bytes that the link sent.", linkLabels...)
	linkTxDropped = desc("link_transmit_dropped_packets_total", "Packets of the link that were dropped.", linkLabels...)

	dropped    = desc("dropped_packets_total", "Packets dropped, by slave, port or stage, and by reason.", "where", "reason")
	accounted  = desc("accounted_packets_total", "Packets by what became of them: received + copied = delivered + dropped.", "kind")
	difference = desc("account_difference_packets", "Received and copied less delivered and dropped: packets under way.")

	workerLabels   = []string{"worker", "cpu"}
	workerSteps    = desc("worker_steps_total", "Turns of the worker's loop.", workerLabels...)
	workerFaults   = desc("worker_faults_total", "Panics of stages that the worker has survived.", workerLabels...)
	workerSlept    = desc("worker_sleep_seconds_total", "Time that the worker slept; what is left of a second is the time of its steps.", workerLabels...)
	workerSleeps   = desc("worker_sleeps_total", "How often the worker slept.", workerLabels...)
	workerBursts   = desc("worker_burst_packets", "Packets that a step received, of steps that received any.", workerLabels...)
	workerLateness = desc("worker_wake_latency_seconds", "How long after it was due a sleeping worker ran again.", workerLabels...)

	poolSize = desc("pool_mbufs", "Packet buffers of the pool.", "pool")
	poolUsed = desc("pool_used_mbufs", "Packet buffers that are neither in the pool nor in a worker's cache.", "pool")
	masters  = desc("masters", "Masters of the daemon.")
	uptime   = desc("uptime_seconds", "Time since the daemon was started.")
)

// Describe tells which metrics there are.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{linkUp, linkMTU, linkAddresses, linkRxPackets, linkRxBytes, linkRxDropped, linkTxPackets,
		linkTxBytes, linkTxDropped, dropped, accounted, difference, workerSteps, workerFaults, workerSlept, workerSleeps,
		workerBursts, workerLateness, poolSize, poolUsed, masters, uptime} {
		to <- d
	}
	for _, d := range slices.Concat(routeDescs(), flowDescs()) {
		to <- d
	}
}

// Collect reads the source.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	s, err := c.source.Snapshot()
	if err != nil {
		to <- prometheus.NewInvalidMetric(uptime, err)
		return
	}
	out := output{to}
	out.links(s.Links)
	out.account(&s)
	out.routes(s.Routes)
	out.flows(s.Flows)
	for i := range s.Status.Load {
		out.worker(i, &s.Status.Load[i])
	}
	out.gauge(poolSize, float64(s.Status.PoolSize), s.Pool)
	out.gauge(poolUsed, float64(s.Account.MbufsInUse), s.Pool)
	out.gauge(masters, float64(len(s.Status.Masters)))
	out.gauge(uptime, s.Status.Uptime)
}

// output is where metrics go.
type output struct{ to chan<- prometheus.Metric }

func (o output) gauge(d *prometheus.Desc, v float64, labels ...string) {
	o.to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (o output) counter(d *prometheus.Desc, v float64, labels ...string) {
	o.to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

func (o output) links(links []api.Link) {
	for _, l := range links {
		master := l.Link
		if master == "" {
			master = l.IfName
		}
		labels := []string{master, strconv.Itoa(l.ID), l.IfName, l.Netns}
		up := 0.0
		if l.OperState == "UP" {
			up = 1
		}
		o.gauge(linkUp, up, labels...)
		o.gauge(linkMTU, float64(l.MTU), labels...)
		o.gauge(linkAddresses, float64(l.Addrs), labels...)
		if s := l.Stats64; s != nil {
			o.counter(linkRxPackets, float64(s.RX.Packets), labels...)
			o.counter(linkRxBytes, float64(s.RX.Bytes), labels...)
			o.counter(linkRxDropped, float64(s.RX.Dropped), labels...)
			o.counter(linkTxPackets, float64(s.TX.Packets), labels...)
			o.counter(linkTxBytes, float64(s.TX.Bytes), labels...)
			o.counter(linkTxDropped, float64(s.TX.Dropped), labels...)
		}
	}
}

func (o output) account(s *Snapshot) {
	for _, row := range s.Drops {
		for _, reason := range slices.Sorted(maps.Keys(row.Reasons)) {
			o.counter(dropped, float64(row.Reasons[reason]), row.Where, reason)
		}
	}
	a := &s.Account
	o.counter(accounted, float64(a.Received), "received")
	o.counter(accounted, float64(a.Copied), "copied")
	o.counter(accounted, float64(a.Delivered), "delivered")
	o.counter(accounted, float64(a.Dropped), "dropped")
	o.gauge(difference, float64(a.Difference))
}

func (o output) worker(i int, w *api.Worker) {
	labels := []string{strconv.Itoa(i), strconv.Itoa(w.CPU)}
	o.counter(workerSteps, float64(w.Steps), labels...)
	o.counter(workerFaults, float64(w.Faults), labels...)
	o.counter(workerSlept, w.Slept, labels...)
	o.counter(workerSleeps, float64(w.Sleeps), labels...)
	o.histogram(workerBursts, w.BurstCounts, 1, float64(w.Packets), labels)
	micros, sum := float64(time.Microsecond)/float64(time.Second), 0.0
	for cell, n := range w.WakeCounts {
		sum += float64(n) * micros * float64(uint64(1)<<cell) * 3 / 4 // the middle of a cell
	}
	o.histogram(workerLateness, w.WakeCounts, micros, sum, labels)
}

// histogram tells counts, of which cell i is those up to 1<<i units that are in no
// cell before it, and the last all others.
func (o output) histogram(d *prometheus.Desc, counts []uint64, unit, sum float64, labels []string) {
	buckets, total := map[float64]uint64{}, uint64(0)
	for i, n := range counts {
		total += n
		if i < len(counts)-1 {
			buckets[unit*float64(uint64(1)<<i)] = total
		}
	}
	o.to <- prometheus.MustNewConstHistogram(d, total, sum, buckets, labels...)
}
