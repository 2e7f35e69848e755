package trial

import (
	"time"

	"ipvd/cmd/ipvgen/internal/track"
)

// Load is what a trial sends.
type Load struct {
	PPS      float64       // packets per second on average; +Inf: as fast as it goes
	Train    int           // packets that leave back to back; 0 means 1
	Duration time.Duration // of sending; 0: until Count packets are sent
	Count    uint64        // packets to send; 0: until Duration is over
}

// Outcome is what became of a load. Counts are packets.
type Outcome struct {
	FrameSize float64 `json:"frame_size"`          // mean, FCS included, bytes
	Requested float64 `json:"requested_pps"`       // 0: as fast as it goes, or nothing sent
	Seconds   float64 `json:"seconds"`             // of sending; of receiving when nothing was sent
	Offered   uint64  `json:"offered"`             // made by the sender
	Refused   uint64  `json:"refused"`             // of these, not taken by the port, whose ring was full
	Forgone   uint64  `json:"forgone,omitempty"`   // never made: the sender came too late
	Received  uint64  `json:"received"`            // of these, without duplicates
	Foreign   uint64  `json:"foreign,omitempty"`   // received, and not of this load
	Duplicate uint64  `json:"duplicates"`          // received once more
	Reordered uint64  `json:"reordered"`           // received after a later one
	OneWay    bool    `json:"one_way,omitempty"`   // sent only: nobody counts what arrives
	Unstamped bool    `json:"unstamped,omitempty"` // a capture: no order, no latency
	// Latency is from making a packet to receiving it.
	Latency track.Latency `json:"latency"`
	// LongestGap is the longest time between two arrivals, in nanoseconds.
	LongestGap int64 `json:"longest_gap_ns"`
	// Silence is how long before the last packet was made the last one arrived,
	// in nanoseconds; from the first one made when none arrived.
	Silence int64 `json:"silence_ns,omitempty"`
}

// Sent is the number of packets that the port took.
func (o Outcome) Sent() uint64 { return o.Offered - min(o.Offered, o.Refused) }

// Lost is the number of packets that the port took and nobody received.
func (o Outcome) Lost() uint64 {
	if o.OneWay {
		return 0
	}
	return o.Sent() - min(o.Sent(), o.Received)
}

// Loss is the share of packets that did not arrive, from 0 to 1. A packet that
// the port refused counts when there was a rate to keep: the device was too slow
// to take it. At full speed refusals are how the sender learns the speed.
func (o Outcome) Loss() float64 {
	missing, of := o.Lost(), o.Sent()
	if o.Requested > 0 {
		missing, of = missing+o.Refused, o.Offered
	}
	if of == 0 {
		return 0
	}
	return float64(missing) / float64(of)
}

// OfferedPPS is the rate at which packets were made.
func (o Outcome) OfferedPPS() float64 { return o.perSecond(o.Offered) }

// SentPPS is the rate at which the port took packets.
func (o Outcome) SentPPS() float64 { return o.perSecond(o.Sent()) }

// ReceivedPPS is the rate at which packets arrived.
func (o Outcome) ReceivedPPS() float64 { return o.perSecond(o.Received) }

func (o Outcome) perSecond(n uint64) float64 {
	if o.Seconds <= 0 {
		return 0
	}
	return float64(n) / o.Seconds
}
