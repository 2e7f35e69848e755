package subject

import (
	"context"
	"fmt"
	"time"

	"ipvd/cmd/internal/api"
)

// answerLimit is how long the daemon may take to answer: on a busy machine it may
// wait for a CPU.
const answerLimit = 30 * time.Second

// Losses are the daemon's counters of packets for which there was no room, by
// name. What it drops on purpose is not among them.
func (d *Driver) Losses() (map[string]int64, error) {
	counters, err := d.counters()
	n := map[string]int64{}
	for _, c := range counters {
		switch c.Name {
		case "tx_full", "rx_nombuf", "no_mbuf", "imissed", "ierrors", "oerrors", "replicate_full", "vector_full", "panic":
			n[c.Name] += int64(c.Packets)
		}
	}
	return n, err
}

// Drops are the daemon's counters of dropped packets, by place and reason.
func (d *Driver) Drops() (map[string]int64, error) {
	counters, err := d.counters()
	n := map[string]int64{}
	for _, c := range counters {
		if c.Kind == "dropped" {
			n[c.Where+" "+c.Name] += int64(c.Packets)
		}
	}
	return n, err
}

func (d *Driver) counters() ([]api.Counter, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerLimit)
	defer cancel()
	counters, err := d.asked().Stats(ctx, false)
	if err != nil {
		return nil, fmt.Errorf("ipvd's counters: %w", err)
	}
	return counters, nil
}

// asked is the client that asks the daemon.
func (d *Driver) asked() *api.Client {
	if d.client == nil {
		d.client = api.NewClient(d.socket())
	}
	return d.client
}
