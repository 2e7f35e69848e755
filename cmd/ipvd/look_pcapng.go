package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"ipvd/flows/watch"
	"ipvd/pmd"
)

// pcapng writes packets in the format of Wireshark's and tcpdump's files
// (draft-ietf-opsawg-pcapng). Each port is an interface of it; what is no mere
// reception or transmission is told in the packet's comment.
type pcapng struct {
	w     *pcapgo.NgWriter // nil until the first flush
	out   io.Writer
	names *portNames
	snap  int
	first pmd.Port // whose interface the file begins with: tcpdump waits for one
	ids   map[pmd.Port]int
}

// begin writes what stands before the packets.
func (f *pcapng) begin() (err error) {
	about := pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{Hardware: runtime.GOARCH, OS: runtime.GOOS, Application: "ipvd " + Version}}
	f.ids = map[pmd.Port]int{f.first: 0}
	if f.w, err = pcapgo.NewNgWriterInterface(f.out, f.face(f.first), about); err != nil {
		return fmt.Errorf("begin the capture: %w", err)
	}
	return nil
}

// face describes a port. tcpdump wants all of a file alike but for their names.
func (f *pcapng) face(p pmd.Port) pcapgo.NgInterface {
	return pcapgo.NgInterface{Name: f.names.of(p), OS: runtime.GOOS, LinkType: layers.LinkTypeEthernet,
		SnapLength: uint32(f.snap), TimestampResolution: 9}
}

// write adds a packet.
func (f *pcapng) write(p watch.Packet) error {
	port := p.By.Port
	direction := pcapgo.NgEpbFlagDirectionInbound
	var about []string
	switch p.Place.Kind {
	case watch.Queued:
		port, direction = p.Place.Port, pcapgo.NgEpbFlagDirectionOutbound
	case watch.Entered:
		about = []string{"enters stage " + p.Place.Stage}
	case watch.Dropped:
		about = []string{fmt.Sprintf("dropped as %s: %s (counted in %s)", p.Place.Reason, reasonMeaning(p.Place.Reason), p.Place.Stage)}
	}
	id, ok := f.ids[port]
	if !ok {
		var err error
		if id, err = f.w.AddInterface(f.face(port)); err != nil {
			return fmt.Errorf("add port %s to the capture: %w", f.names.of(port), err)
		}
		f.ids[port] = id
	}
	info := gopacket.CaptureInfo{Timestamp: p.Time, CaptureLength: len(p.Data), Length: p.Len, InterfaceIndex: id}
	options := pcapgo.NgPacketOptions{Comments: about, Flags: &pcapgo.NgEpbFlags{Direction: direction}}
	if err := f.w.WritePacketWithOptions(info, p.Data, options); err != nil {
		return fmt.Errorf("write a captured packet: %w", err)
	}
	return nil
}

// flush gives the client what was written.
func (f *pcapng) flush() error {
	if f.w == nil {
		if err := f.begin(); err != nil {
			return err
		}
	}
	if err := f.w.Flush(); err != nil {
		return fmt.Errorf("write to the capture's client: %w", err)
	}
	return nil
}
