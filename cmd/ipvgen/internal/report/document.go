// Package report writes what was measured: as JSON, as tables for a terminal and
// as one HTML page with plots that needs nothing else.
package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"ipvd/cmd/ipvgen/internal/rfc2544"
	"ipvd/cmd/ipvgen/internal/trial"
)

// Format is the version of the JSON form of a Document.
const Format = 1

// Document is the result of a run of ipvgen. Its JSON form is what --json
// writes.
type Document struct {
	Format  int       `json:"format"`
	Version string    `json:"version"` // of ipvgen
	Command []string  `json:"command"`
	Started time.Time `json:"started"`
	Machine Machine   `json:"machine"`
	LineBPS float64   `json:"line_bps"` // speed that shares are of, bits per second
	Ports   []Port    `json:"ports"`
	Traffic string    `json:"traffic"` // in words

	Runs       []Run        `json:"runs,omitempty"`
	Throughput []Throughput `json:"throughput,omitempty"`
	Latency    []Latency    `json:"latency,omitempty"`
	Loss       []Loss       `json:"loss,omitempty"`
	BackToBack []BackToBack `json:"back_to_back,omitempty"`
	Resets     []Reset      `json:"resets,omitempty"`
}

// Machine is where ipvgen ran.
type Machine struct {
	CPU       string `json:"cpu"`
	CPUs      int    `json:"cpus"` // that the process may use
	Kernel    string `json:"kernel"`
	Hugepages bool   `json:"hugepages"`
}

// Port is a port of the tester.
type Port struct {
	Role    string `json:"role"` // tx, rx or both
	Device  string `json:"device"`
	Driver  string `json:"driver"`
	Address string `json:"address"` // MAC
}

// Run is a load without a test around it.
type Run struct {
	Size string `json:"size"` // as given, bytes with FCS
	trial.Outcome
}

// Throughput is RFC 2544's for a frame size.
type Throughput struct {
	Size    string  `json:"size"`
	LinePPS float64 `json:"line_pps"` // frames per second that the line carries
	rfc2544.Throughput
}

// Latency is RFC 2544's for a frame size.
type Latency struct {
	Size string `json:"size"`
	rfc2544.Latency
}

// Loss is the frame loss by load for a frame size.
type Loss struct {
	Size    string          `json:"size"`
	LinePPS float64         `json:"line_pps"`
	Trials  []trial.Outcome `json:"trials"`
}

// BackToBack is RFC 2544's for a frame size.
type BackToBack struct {
	Size string `json:"size"`
	rfc2544.BackToBack
}

// Reset is RFC 6201's for a frame size.
type Reset struct {
	Size string `json:"size"`
	rfc2544.Reset
}

// JSON writes d, indented.
func (d Document) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		return fmt.Errorf("write result as JSON: %w", err)
	}
	return nil
}

// Read reads what JSON wrote.
func Read(r io.Reader) (Document, error) {
	var d Document
	if err := json.NewDecoder(r).Decode(&d); err != nil {
		return d, fmt.Errorf("read result: %w", err)
	}
	if d.Format == 0 {
		return d, errors.New("read result: not a result of ipvgen")
	}
	if d.Format > Format {
		return d, fmt.Errorf("read result: it has format %d, of a later ipvgen; this one knows up to %d", d.Format, Format)
	}
	return d, nil
}
