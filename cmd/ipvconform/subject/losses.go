package subject

import (
	"context"
	"fmt"
	"time"

	"ipvd/cmd/internal/api"
)

// Losses are the daemon's counters of packets for which there was no room, by
// name. What it drops on purpose is not among them.
func (d *Driver) Losses() (map[string]int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if d.client == nil {
		d.client = api.NewClient(d.socket())
	}
	counters, err := d.client.Stats(ctx, false)
	if err != nil {
		return nil, fmt.Errorf("ipvd's counters: %w", err)
	}
	n := map[string]int64{}
	for _, c := range counters {
		switch c.Name {
		case "tx_full", "rx_nombuf", "no_mbuf", "imissed", "ierrors", "oerrors", "replicate_full", "vector_full", "panic":
			n[c.Name] += int64(c.Packets)
		}
	}
	return n, nil
}
