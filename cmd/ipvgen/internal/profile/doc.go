// Package profile says what the packets of a load look like: their kinds, sizes
// and addresses, as a schedule of frames or as a capture that is replayed.
//
// Sizes count the FCS, as RFC 2544 does: a frame of 64 bytes has 60 in its mbuf.
package profile

import "ipvd/pmd"

// FCSLen is the length of the frame check sequence, which no mbuf holds.
const FCSLen = 4

// Limits of a frame's size in bytes, FCS included.
const (
	MinSize = 64
	MaxSize = 9618 // an MTU of 9600
)

// Traffic makes the packets of a load, one after the other. One goroutine.
type Traffic interface {
	// Fill makes m, an empty packet with MaxFrame bytes of room, the next one
	// and puts s into it if the traffic is stamped.
	Fill(m *pmd.Mbuf, s Stamp)
	// Stamped says whether the packets bear stamps.
	Stamped() bool
	// MeanSize is the mean size of the frames, FCS included.
	MeanSize() float64
	// MaxFrame is the longest frame, without FCS.
	MaxFrame() int
}
