package main

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// execute runs a command line that must fail before a port is opened.
func execute(args ...string) error {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	return root.Execute()
}

func TestWrongFlagsAreRefusedByName(t *testing.T) {
	for line, want := range map[string]string{
		"run":                                 "--tx",
		"run --tx a stray":                    `"stray"`,
		"run --tx a --rate 0":                 "--rate",
		"run --tx a --sizes 63":               "--sizes",
		"run --tx a --burst 0":                "--burst",
		"run --tx a --duration -1s":           "--duration",
		"run --tx a --count -1":               "--count",
		"run --tx a --mix icmp":               "--mix",
		"run --tx a --dst 10.0.0.256":         "--dst",
		"run --tx a --src @/nonexistent":      "--src",
		"run --tx a --dst-order zipf:1":       "--dst-order",
		"run --tx a --src-order none":         "--src-order",
		"run --tx a --dst-mac 1":              "--dst-mac",
		"run --tx a --src-mac 02:00:00:00:00": "--src-mac",
		"run --tx a --src-port 65536":         "--src-port",
		"run --tx a --dst-port x":             "--dst-port",
		"run --tx a --flows 0":                "--flows",
		"run --tx a --seed x":                 "--seed",
		"run --tx a --line 10":                "--line",
		"run --tx a --cpus 0,1,2":             "--cpus",
		"run --tx a --mtu 67":                 "--mtu",
		"run --tx a --descriptors 1":          "--descriptors",
		"run --tx a --memory 1":               "--memory",
		"run --tx a --drain -1s":              "--drain",
		"run --rx a --send-only":              "--send-only",
		"rfc2544 throughput":                  "--tx",
		"rfc2544 loss --tx a --send-only":     "--send-only",
		"rfc2544 loss --tx a --step 0":        "--step",
		"rfc2544 loss --tx a --sizes 64,x":    "--sizes",
		"rfc2544 all --tx a --max-rate max":   "--max-rate",
		"rfc2544 all --tx a --duration 0s":    "--duration",
		"rfc2544 all --tx a --tolerance 51":   "--tolerance",
		"rfc2544 all --tx a --resolution 0":   "--resolution",
		"rfc2544 all --tx a --repeat 0":       "--repeat",
		"rfc2544 latency --tx a --rate max":   "--rate",
		"rfc2544 all --tx a --max-burst 0":    "--max-burst",
		"reset --tx a":                        "--command",
		"reset --tx a --command x --after 1h": "--after",
		"reset --tx a --command x --rate max": "--rate",
		"report":                              "arg",
		"report /nonexistent.json":            "/nonexistent.json",
		"rum":                                 `"rum"`,
		"rfc2544 thruput":                     `"thruput"`,
		"run --tx a --json /nonexistent/x":    "/nonexistent/x",
		"run --tx a --report /nonexistent/x":  "/nonexistent/x",
	} {
		if err := execute(strings.Fields(line)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ipvgen %s: error %v, want one that names %s", line, err, want)
		}
	}
}

// walk calls fn for cmd and all commands below.
func walk(cmd *cobra.Command, fn func(*cobra.Command)) {
	fn(cmd)
	for _, c := range cmd.Commands() {
		walk(c, fn)
	}
}

func TestDefaultsAreReadable(t *testing.T) {
	n := 0
	walk(newRoot(), func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.DefValue == "" || slices.Contains([]string{"help", "version"}, f.Name) || f.Value.Type() == "stringArray" {
				return
			}
			n++
			if err := f.Value.Set(f.DefValue); err != nil {
				t.Errorf("%s --%s: its default is refused: %v", cmd.CommandPath(), f.Name, err)
			}
		})
	})
	if n < 30 {
		t.Errorf("%d defaults seen, want all", n)
	}
}

func TestOnlyPortsOnThePCIBusAreProbedThere(t *testing.T) {
	for _, tc := range []struct {
		p    portFlags
		args []string
		pci  bool
	}{
		{portFlags{tx: "net_ring0", rx: []string{"net_memif0,id=1"}}, nil, false},
		{portFlags{tx: "0000:00:04.0", rx: []string{"01:00.1,x=1", "net_ring0"}}, []string{"-a", "0000:00:04.0", "-a", "01:00.1,x=1"}, true},
		{portFlags{tx: "0000:00:04.0", eal: []string{"-a", "0000:00:04.0"}}, []string{"-a", "0000:00:04.0"}, true},
	} {
		if args, pci := pciArgs(&tc.p); !slices.Equal(args, tc.args) || pci != tc.pci {
			t.Errorf("%v %v: arguments %q, PCI %v; want %q, %v", tc.p.tx, tc.p.rx, args, pci, tc.args, tc.pci)
		}
	}
}
