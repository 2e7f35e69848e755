package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/spf13/cobra"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/describe"
)

func (c *ctl) captureCmd() *cobra.Command {
	var r api.Capture
	var file string
	cmd := &cobra.Command{
		Use:   "capture [--dev NAME] [--direction in|out] [--stage STAGE] [--drop REASON|any] [-c COUNT] [-w FILE] [FILTER]",
		Short: "Copy packets from the data plane, as pcapng or in a line each; FILTER is tcpdump's",
		Long: `Copy packets from the data plane, as pcapng or in a line each; FILTER is tcpdump's.

Without --direction, --stage and --drop: all that ipvd receives (in) and sends (out).
With one of them, that only; several add up. A packet's comment in the file names the
stage, or why it was dropped. What drivers drop (tx_full, imissed) cannot be captured.`,
		Example: "  ipvctl capture --dev ipvl0 -c 10 icmp\n" +
			"  ipvctl capture --drop any -w drops.pcapng\n" +
			"  ipvctl capture --dev eth0/wire -w - tcp port 80 | tcpdump -nr -\n" +
			"  ipvctl capture --stage 'eth0 classify' --snaplen 64 -w - | wireshark -ki -",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.prepare(cmd.Context(), &r.Look, args); err != nil {
				return err
			}
			end, err := c.capture(cmd, r, file)
			return said(cmd.ErrOrStderr(), "captured", end, err)
		},
	}
	c.look(cmd, &r.Look)
	f := cmd.Flags()
	f.StringVar(&r.Direction, "direction", "", "in: what ipvd receives from the port; out: what it sends to it")
	f.StringVar(&r.Stage, "stage", "", "packets that enter this stage; a wrong one lists all")
	f.StringVar(&r.Drop, "drop", "", "packets that are dropped for this reason, or for any")
	f.IntVar(&r.Snap, "snaplen", 0, "most bytes of a packet that are kept (default all)")
	f.StringVarP(&file, "write", "w", "", "write pcapng to this file; - is standard output")
	c.completeStages(cmd, "stage")
	complete(cmd, "direction", cobra.FixedCompletions([]cobra.Completion{"in", "out"}, cobra.ShellCompDirectiveNoFileComp))
	complete(cmd, "drop", c.reasons)
	return cmd
}

// reasons completes drop reasons by those that have occurred.
func (c *ctl) reasons(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	names := []string{api.AnyReason}
	ctx, cancel := context.WithTimeout(cmd.Context(), completeTimeout)
	defer cancel()
	d := api.NewClient(c.socket)
	defer d.Close()
	rows, err := d.Drops(ctx)
	if err != nil {
		return names, cobra.ShellCompDirectiveError
	}
	for _, r := range rows {
		names = append(names, slices.Collect(maps.Keys(r.Reasons))...)
	}
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
}

// capture writes to file, or prints.
func (c *ctl) capture(cmd *cobra.Command, r api.Capture, file string) (end api.LookEnd, err error) {
	if err := r.Check(); err != nil {
		return end, err
	}
	d := c.daemon()
	defer d.Close()
	started := func() { fmt.Fprintln(cmd.ErrOrStderr(), "capturing") }
	run := func(out io.Writer) (api.LookEnd, error) { return d.Capture(cmd.Context(), r, started, out) }
	switch file {
	case "":
		return c.dump(run)
	case "-":
		return run(c.out)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // packets are nobody else's business
	if err != nil {
		return end, err
	}
	end, err = run(f)
	return end, errors.Join(err, f.Close())
}

// captured is a packet as -j prints it.
type captured struct {
	Time      time.Time `json:"time"`
	Port      string    `json:"port"`
	Direction string    `json:"direction"`
	Length    int       `json:"length"`
	Comment   string    `json:"comment,omitempty"`
	Summary   string    `json:"summary"`
	Frame     []byte    `json:"frame"`
}

// dump prints the packets of a capture.
func (c *ctl) dump(run func(out io.Writer) (api.LookEnd, error)) (end api.LookEnd, err error) {
	from, to := io.Pipe()
	read := make(chan error, 1)
	go func() {
		err := c.dumpAll(from)
		from.CloseWithError(err)
		read <- err
	}()
	end, err = run(to)
	to.CloseWithError(io.EOF)
	if told := <-read; err == nil {
		err = told
	}
	return end, err
}

func (c *ctl) dumpAll(from io.Reader) error {
	r, err := pcapgo.NewNgReader(from, pcapgo.DefaultNgReaderOptions)
	for err == nil {
		var b []byte
		var info gopacket.CaptureInfo
		var about pcapgo.NgPacketOptions
		if b, info, about, err = r.ReadPacketDataWithOptions(); err != nil {
			break
		}
		k := captured{Time: info.Timestamp, Direction: "in", Length: info.Length, Comment: strings.Join(about.Comments, "; "),
			Summary: describe.Frame(b), Frame: b}
		if about.Flags != nil && about.Flags.Direction == pcapgo.NgEpbFlagDirectionOutbound {
			k.Direction = "out"
		}
		if face, err := r.Interface(info.InterfaceIndex); err == nil {
			k.Port = face.Name
		}
		err = c.print(k, func(p *printer) { printCaptured(p, &k) })
	}
	if err == io.EOF {
		return nil
	}
	return fmt.Errorf("read the capture: %w", err)
}

func printCaptured(p *printer, k *captured) {
	p.printf("%s %s %s, %d bytes: %s", k.Time.Format("15:04:05.000000"), k.Port, k.Direction, k.Length, k.Summary)
	if k.Comment != "" {
		p.printf(" [%s]", k.Comment)
	}
	p.printf("\n")
}
