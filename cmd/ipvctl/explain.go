package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/spf13/cobra"

	"ipvd/cmd/internal/api"
)

func (c *ctl) explainCmd() *cobra.Command {
	var r api.Explain
	var frame, file string
	cmd := &cobra.Command{
		Use:   "explain --dev NAME SRC DST [PROTO [SPORT] [DPORT]] | --frame HEX | --read FILE",
		Short: "Say stage by stage what would become of a packet, without sending anything",
		Long: `Say stage by stage what would become of a packet that comes by a port.

The data plane that runs is built once more, on ports in memory and with the same
addresses, and is given the packet. PROTO is udp (the default), tcp, icmp, arp or a
number. With one port number it is the destination's.`,
		Example: "  ipvctl explain --dev ipvl0 10.0.0.11 10.0.0.12 tcp 80\n" +
			"  ipvctl explain --dev eth0/wire --read capture.pcapng\n" +
			"  ipvctl explain --dev eth0/wire --frame 'ffffffffffff 0200000000fe 0806 0001…'",
		Args: cobra.MaximumNArgs(5),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := explained(&r, args, frame, file)
			if err == nil {
				r.Netns = c.netns
				err = r.Check()
			}
			if err != nil {
				return err
			}
			d := c.daemon()
			defer d.Close()
			paths, err := d.Explain(cmd.Context(), r)
			if err != nil {
				return err
			}
			return c.print(list(paths), func(p *printer) {
				for i := range paths {
					printPath(p, &paths[i])
				}
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.Dev, "dev", "", "where it comes from: a slave (NAME or MASTER/ID), MASTER/wire, MASTER/host or MASTER/return")
	c.completePorts(cmd, "dev")
	f.StringVar(&frame, "frame", "", "a frame in hexadecimal digits, from its destination MAC on; spaces and colons are skipped")
	f.StringVar(&file, "read", "", "a file of frames, pcap or pcapng; - is standard input")
	return cmd
}

// explained completes r from the command line.
func explained(r *api.Explain, args []string, frame, file string) (err error) {
	switch {
	case frame != "":
		var b []byte
		if b, err = hex.DecodeString(strings.NewReplacer(" ", "", ":", "", "\n", "").Replace(frame)); err != nil {
			return fmt.Errorf("frame %q: %w", frame, err)
		}
		r.Frames = [][]byte{b}
	case file != "":
		r.Frames, err = readFrames(file)
	}
	if err != nil || len(args) == 0 {
		return err
	}
	if len(args) < 2 {
		return errors.New("want a source and a destination: explain --dev NAME SRC DST [PROTO [SPORT] [DPORT]]")
	}
	r.Src, r.Dst = args[0], args[1]
	if len(args) > 2 {
		r.Proto = args[2]
	}
	if len(args) > 3 {
		if r.DstPort, err = strconv.Atoi(args[len(args)-1]); err != nil {
			return fmt.Errorf("port %q is no number", args[len(args)-1])
		}
		r.SrcPort = 40000
	}
	if len(args) > 4 {
		if r.SrcPort, err = strconv.Atoi(args[3]); err != nil {
			return fmt.Errorf("port %q is no number", args[3])
		}
	}
	return nil
}

// frameReader is what readers of both formats have.
type frameReader interface {
	gopacket.PacketDataSource
	LinkType() layers.LinkType
}

// openFrames tells the formats apart by how a pcapng file begins.
func openFrames(r *bufio.Reader) (frameReader, error) {
	if magic, err := r.Peek(4); err == nil && bytes.Equal(magic, []byte{0x0a, 0x0d, 0x0d, 0x0a}) {
		return pcapgo.NewNgReader(r, pcapgo.DefaultNgReaderOptions)
	}
	return pcapgo.NewReader(r)
}

// readFrames reads the frames of a pcap or pcapng file.
func readFrames(path string) (frames [][]byte, err error) {
	f := os.Stdin
	if path != "-" {
		if f, err = os.Open(path); err != nil {
			return nil, err
		}
		defer f.Close()
	}
	r, err := openFrames(bufio.NewReader(f))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if link := r.LinkType(); link != layers.LinkTypeEthernet {
		return nil, fmt.Errorf("read %s: its frames are %v, not Ethernet", path, link)
	}
	for {
		b, _, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: frame %d: %w", path, len(frames)+1, err)
		}
		frames = append(frames, b)
	}
	if len(frames) == 0 {
		return nil, fmt.Errorf("read %s: there are no frames in it", path)
	}
	return frames, nil
}
