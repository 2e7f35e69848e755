package config

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"ipvd/cmd/internal/api"
)

// maxSocketPath is what fits sun_path with its closing zero (unix(7)).
const maxSocketPath = 107

// group is the flags that stand under one title in the help text.
type group struct {
	title string
	flags *pflag.FlagSet
}

// groups registers c's fields as flags. Each flag's default is the field's
// value now.
func groups(c *Config) []group {
	return []group{
		{"Masters", masterFlags(c)},
		{"New masters", modeFlags(c)},
		{"Workers and memory", workerFlags(c)},
		{"Control and state", controlFlags(c)},
	}
}

func masterFlags(c *Config) *pflag.FlagSet {
	f := pflag.NewFlagSet("masters", pflag.ContinueOnError)
	f.Var(masters{&c.Masters}, "master", "a master and its wire: a kernel interface, a PCI address (0000:00:04.0)\nor DPDK devargs (net_af_xdp0,iface=eth1); without a wire the kernel\ninterface NAME; may be repeated")
	f.Var(interfaceName{&c.HostInterface}, "host-interface", "interface by which the host reaches the master (default the master's name)")
	f.Var(choice{&c.WireDriver, []string{"auto", "af_xdp", "af_packet"}}, "wire-driver", "what polls a kernel interface; auto is af_xdp if kernel and\ninterface have it, else af_packet, which is slower")
	f.BoolVar(&c.Force, "force", c.Force, "take over the interface that carries the default route")
	return f
}

func modeFlags(c *Config) *pflag.FlagSet {
	f := pflag.NewFlagSet("modes", pflag.ContinueOnError)
	f.Var(choice{&c.Mode, api.Modes()}, "mode", "mode of a new master")
	f.Var(choice{&c.Flag, api.Flags()}, "flag", "how slaves of a new master reach each other")
	f.Var(choice{&c.Compat, []string{"none", "kernel"}}, "compat", "do as the kernel's driver also where ipvd is stricter, and undo what that refuses; with kernel,\n--source-mac is pass, --host-reach and --l3-proxy are off and --l3-path is host, unless given")
	f.Var(choice{&c.L3Path, []string{"fast", "host"}}, "l3-path", "how l3 routes: by a copy of the host's routes, which its OUTPUT and POSTROUTING\nchains do not see, or each packet by the host's kernel")
	f.Var(choice{&c.SourceMAC, []string{"rewrite", "drop", "pass"}}, "source-mac", "what becomes of a slave's frame whose source MAC is not the master's")
	f.Var(choice{&c.Offloads, []string{"on", "off"}}, "slave-offloads", "whether slaves may leave checksums and segmentation to ipvd; of kind tap")
	f.Var(choice{&c.HostReach, []string{"on", "off"}}, "host-reach", "whether the host and its slaves reach each other in l2 and l3, but with vepa")
	f.Var(choice{&c.L3Proxy, []string{"on", "off"}}, "l3-proxy", "whether ipvd answers ARP and ND from the wire for slaves' addresses in l3 and l3s")
	f.Var(choice{&c.GRO, []string{"on", "off"}}, "gro", "whether packets of a TCP or UDP flow that follow one another are merged before\na TAP gets them, as a NIC's driver does; none are for slaves without offloads")
	f.Var(choice{&c.Shortcuts, []string{"on", "off"}}, "l3s-offload", "l3s: whether flows that the host's conntrack calls established leave out the\nturn through the host; with --compat kernel off unless given")
	f.Var(choice{&c.LocalHost, []string{"on", "off"}}, "l3s-local-via-host", "l3s: whether packets between slaves take the turn through the host as well")
	f.Var(number{p: &c.MTU, unit: "bytes", min: 68, max: 65535, zero: true}, "mtu", "MTU of the master and its slaves (default the wire's)")
	f.BoolVar(&c.Promiscuous, "promiscuous", c.Promiscuous, "let the wire receive frames for foreign MACs")
	return f
}

func workerFlags(c *Config) *pflag.FlagSet {
	f := pflag.NewFlagSet("workers", pflag.ContinueOnError)
	f.Var(cpuList{&c.Workers}, "workers", "CPUs that run a worker each, such as 0-2,4 (default the first allowed CPU)")
	f.Var(choice{&c.Poll, []string{"busy", "adaptive"}}, "poll", "what a worker does while no packets come: poll on, or sleep until they do")
	f.Var(number{p: &c.Look, unit: "microseconds", min: 10, max: 100000}, "poll-interval", "with --poll adaptive, how often a device that cannot wake a worker is looked at")
	f.Var(number{p: &c.Burst, unit: "packets", min: 1, max: 256}, "burst", "most packets that a queue gives in a step")
	f.Var(number{p: &c.Pool, unit: "mbufs", min: 1024, max: 1 << 24}, "pool", "size of the packet pool")
	f.Var(number{p: &c.Memory, unit: "MiB", min: 32, max: 1 << 20}, "memory", "memory for DPDK when there are no hugepages")
	return f
}

func controlFlags(c *Config) *pflag.FlagSet {
	f := pflag.NewFlagSet("control", pflag.ContinueOnError)
	f.Var(configPath{&c.File}, "config", "configuration file, or none (default "+DefaultFile+" if it is there)")
	f.Var(path{&c.Socket, maxSocketPath}, "socket", "control socket, where ipvctl finds the daemon")
	f.StringVar(&c.Group, "group", c.Group, "group that may use the control socket")
	f.Var(path{&c.StateDir, 0}, "state-dir", "directory of what survives a restart")
	f.BoolVar(&c.Ephemeral, "ephemeral", c.Ephemeral, "keep no state, and remove every interface at the end")
	f.Var(listenAddress{&c.Metrics}, "metrics", "where Prometheus finds metrics: ADDRESS:PORT (for all addresses :PORT)\nor unix:PATH (default nowhere)")
	f.Var(choice{&c.LogLevel, []string{"trace", "debug", "info", "warn", "error"}}, "log-level", "least important messages to log")
	f.Var(choice{&c.LogFormat, []string{"json", "console"}}, "log-format", "form of the log, which goes to standard error")
	return f
}

// EnvName is the environment variable that stands for a flag: IPVD_STATE_DIR
// for `state-dir`.
func EnvName(flag string) string {
	return "IPVD_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// applyEnv sets every flag of f that the command line did not set from its
// environment variable. An empty variable counts as unset.
func applyEnv(f *pflag.FlagSet) error {
	var failed error
	f.VisitAll(func(flag *pflag.Flag) {
		name := EnvName(flag.Name)
		value := os.Getenv(name)
		if flag.Changed || value == "" || failed != nil {
			return
		}
		if err := f.Set(flag.Name, value); err != nil {
			failed = fmt.Errorf("environment variable %s: %w", name, err)
		}
	})
	return failed
}
