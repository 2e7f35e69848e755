package config

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// parse runs the command line and gives the configuration that run was called
// with.
func parse(args ...string) (got Config, err error) {
	cmd := Command(func(c Config) error { got = c; return nil })
	cmd.SetArgs(args)
	err = cmd.Execute()
	return got, err
}

func mustParse(t *testing.T, args ...string) Config {
	t.Helper()
	got, err := parse(args...)
	if err != nil {
		t.Fatalf("ipvd %s: %v", strings.Join(args, " "), err)
	}
	return got
}

func firstCPU(t *testing.T) int {
	t.Helper()
	cpus, err := allowedCPUs()
	if err != nil {
		t.Fatal(err)
	}
	return cpus[0]
}

func TestOnlyAMasterIsNeeded(t *testing.T) {
	want := Default()
	want.Masters = []Master{{"eth0", Wire{Interface, "eth0"}}}
	want.Workers = []int{firstCPU(t)}
	want.EAL = []string{}
	if got := mustParse(t, "--master", "eth0"); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestEveryFlagReachesItsField(t *testing.T) {
	got := mustParse(t, "--master", "m0=net_null0", "--host-interface", "h0", "--force", "--mode", "l3s",
		"--flag", "vepa", "--compat", "kernel", "--source-mac", "pass", "--l3-path", "fast", "--slave-offloads", "off", "--host-reach", "off", "--l3-proxy", "on", "--gro", "off", "--l3s-offload", "on", "--l3s-local-via-host", "on", "--mtu", "9000", "--promiscuous", "--burst", "256",
		"--poll", "busy", "--poll-interval", "50", "--wire-driver", "af_packet",
		"--pool", "1024", "--memory", "64", "--socket", "/run/x//y.sock", "--group", "root", "--state-dir", "/s",
		"--ephemeral", "--metrics", "unix:/m", "--log-level", "debug", "--log-format", "console", "--", "--file-prefix", "lab")
	want := Config{
		Masters: []Master{{"m0", Wire{VDev, "net_null0"}}}, HostInterface: "h0", Force: true, WireDriver: "af_packet", Mode: "l3s",
		Flag: "vepa", Compat: "kernel", SourceMAC: "pass", L3Path: "fast", Offloads: "off", GRO: "off", HostReach: "off", L3Proxy: "on", Shortcuts: "on", LocalHost: "on", MTU: 9000, Promiscuous: true, Workers: []int{firstCPU(t)}, Poll: "busy", Look: 50, Burst: 256,
		Pool: 1024, Memory: 64, Socket: "/run/x/y.sock", Group: "root", StateDir: "/s",
		Ephemeral: true, Metrics: "unix:/m", LogLevel: "debug", LogFormat: "console", EAL: []string{"--file-prefix", "lab"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestAWrongValueIsNamed(t *testing.T) {
	long := "/" + strings.Repeat("s", 107)
	for _, c := range []struct{ flag, value, want string }{
		{"master", "a/b", "has '/' in it"},
		{"host-interface", "a:b", "has ':' in it"},
		{"mode", "l4", "l3, l3s, l2"},
		{"flag", "hairpin", "bridge, private, vepa"},
		{"compat", "linux", "none, kernel"},
		{"source-mac", "keep", "rewrite, drop, pass"},
		{"l3-path", "slow", "fast, host"},
		{"slave-offloads", "tso", "on, off"},
		{"host-reach", "l2", "on, off"},
		{"l3-proxy", "arp", "on, off"},
		{"gro", "lro", "on, off"},
		{"mtu", "67", "0 or a number of bytes from 68 to 65535"},
		{"mtu", "65536", "from 68 to 65535"},
		{"workers", "one", "0-2,4"},
		{"poll", "lazy", "busy, adaptive"},
		{"poll-interval", "9", "microseconds from 10 to 100000"},
		{"burst", "0", "packets from 1 to 256"},
		{"burst", "257", "packets from 1 to 256"},
		{"pool", "1k", "mbufs from 1024"},
		{"memory", "-1", "MiB from 32"},
		{"socket", "ipvd.sock", "absolute path"},
		{"socket", long, "108 bytes, a socket's may have 107"},
		{"state-dir", "state", "absolute path"},
		{"log-level", "loud", "trace, debug, info, warn, error"},
		{"log-format", "xml", "json, console"},
	} {
		_, err := parse("--master=eth9", "--"+c.flag+"="+c.value)
		if err == nil || !strings.Contains(err.Error(), c.value) || !strings.Contains(err.Error(), "--"+c.flag) ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("--%s %s gives error %v; want one with flag, value and %q", c.flag, c.value, err, c.want)
		}
	}
}

func TestCompatibleDaemonRoutesByTheHostUnlessToldOtherwise(t *testing.T) {
	for args, want := range map[string]string{"--compat=none": "fast", "--compat=kernel": "host", "--l3-path=fast --compat=kernel": "fast"} {
		if got := mustParse(t, append([]string{"--master=eth0"}, strings.Fields(args)...)...); got.L3Path != want {
			t.Errorf("%s: l3 routes by %s, want %s", args, got.L3Path, want)
		}
	}
}

func TestCompatibleDaemonLetsSourceMACsPassUnlessToldOtherwise(t *testing.T) {
	if got := mustParse(t, "--master=eth0", "--compat=kernel"); got.SourceMAC != "pass" {
		t.Errorf("source MAC policy %s, want pass", got.SourceMAC)
	}
	if got := mustParse(t, "--master=eth0", "--compat=kernel", "--source-mac=drop"); got.SourceMAC != "drop" {
		t.Errorf("source MAC policy %s, want drop, as given", got.SourceMAC)
	}
	t.Setenv("IPVD_SOURCE_MAC", "rewrite")
	if got := mustParse(t, "--master=eth0", "--compat=kernel"); got.SourceMAC != "rewrite" {
		t.Errorf("source MAC policy %s, want the environment's rewrite", got.SourceMAC)
	}
}

func TestCompatibleDaemonReachesAndAnswersNobodyMoreUnlessToldTo(t *testing.T) {
	if got := mustParse(t, "--master=eth0"); got.HostReach != "on" || got.L3Proxy != "on" {
		t.Errorf("host reach %s, l3 proxy %s, want both on", got.HostReach, got.L3Proxy)
	}
	if got := mustParse(t, "--master=eth0", "--compat=kernel"); got.HostReach != "off" || got.L3Proxy != "off" {
		t.Errorf("compatible: host reach %s, l3 proxy %s, want both off", got.HostReach, got.L3Proxy)
	}
	t.Setenv("IPVD_L3_PROXY", "on")
	if got := mustParse(t, "--master=eth0", "--compat=kernel", "--host-reach=on"); got.HostReach != "on" || got.L3Proxy != "on" {
		t.Errorf("host reach %s, l3 proxy %s, want both on, as given", got.HostReach, got.L3Proxy)
	}
}

func TestCompatibleDaemonLetsTheHostCountEveryPacketUnlessToldOtherwise(t *testing.T) {
	if got := mustParse(t, "--master=eth0", "--compat=kernel"); got.Shortcuts != "off" {
		t.Errorf("l3s offload %s, want off", got.Shortcuts)
	}
	if got := mustParse(t, "--master=eth0", "--compat=kernel", "--l3s-offload=on"); got.Shortcuts != "on" {
		t.Errorf("l3s offload %s, want on, as given", got.Shortcuts)
	}
}

func TestWhatDoesNotFitTogetherIsRefused(t *testing.T) {
	for args, want := range map[string]string{
		"":                          "no master is given: name one with --master",
		"eth0":                      `unexpected argument "eth0"`,
		"--master a b -- c":         `unexpected argument "b"`,
		"--master a --master a":     "master a is given twice",
		"--master a --master b=a":   "wire a of master b belongs to master a",
		"--master a --workers 1023": "CPU 1023 is not one that this process may use",
		"--master a --group=":       "--group is empty",
		"--master a --burts 2":      "--burts",
		"--master a --master b --host-interface c": "--host-interface c fits a single master, but 2 are given",
	} {
		if _, err := parse(strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ipvd %s: error %v, want one with %q", args, err, want)
		}
	}
}

func TestTheEnvironmentSetsEveryFlag(t *testing.T) {
	values := map[string]string{
		"master": "eth0=eth0 m1=net_null0", "host-interface": "h0", "force": "true", "mode": "l2", "flag": "private",
		"compat": "kernel", "source-mac": "drop", "l3-path": "host", "slave-offloads": "off", "host-reach": "off", "l3-proxy": "off", "gro": "off", "l3s-offload": "off", "l3s-local-via-host": "on", "mtu": "1400", "promiscuous": "true", "workers": "0,1", "burst": "32", "pool": "2048",
		"memory": "256", "socket": "/x", "group": "wheel", "state-dir": "/y", "ephemeral": "true", "log-level": "warn",
		"config":     "/z.yaml",
		"log-format": "console", "poll": "busy", "poll-interval": "100", "wire-driver": "af_xdp", "metrics": ":9600",
	}
	c := Default()
	for _, g := range groups(&c) {
		g.flags.VisitAll(func(f *pflag.Flag) { t.Setenv(EnvName(f.Name), values[f.Name]) })
		if err := applyEnv(g.flags); err != nil {
			t.Fatal(err)
		}
		g.flags.VisitAll(func(f *pflag.Flag) {
			if got := f.Value.String(); got != values[f.Name] || got == f.DefValue {
				t.Errorf("%s=%q gives --%s %q", EnvName(f.Name), values[f.Name], f.Name, got)
			}
		})
	}
}

func TestAFlagBeatsTheEnvironment(t *testing.T) {
	t.Setenv("IPVD_MASTER", "eth1 eth2")
	t.Setenv("IPVD_STATE_DIR", "/from/env")
	t.Setenv("IPVD_MODE", "nonsense") // not even read when the flag is given
	t.Setenv("IPVD_BURST", "")
	got := mustParse(t, "--master=eth0", "--mode=l2")
	if len(got.Masters) != 1 || got.Masters[0].Name != "eth0" || got.Mode != "l2" {
		t.Errorf("masters %v mode %s, want the flags' eth0 and l2", got.Masters, got.Mode)
	}
	if got.StateDir != "/from/env" || got.Burst != 64 {
		t.Errorf("state dir %s burst %d, want the environment's /from/env and the default 64", got.StateDir, got.Burst)
	}
}

func TestAWrongVariableIsNamed(t *testing.T) {
	t.Setenv("IPVD_LOG_LEVEL", "loud")
	_, err := parse("--master=eth0")
	if err == nil || !strings.Contains(err.Error(), "IPVD_LOG_LEVEL") || !strings.Contains(err.Error(), "loud") {
		t.Errorf("error %v, want one that names IPVD_LOG_LEVEL and loud", err)
	}
}

func TestAnErrorOfRunIsReturned(t *testing.T) {
	broken := errors.New("broken")
	cmd := Command(func(Config) error { return broken })
	cmd.SetArgs([]string{"--master", "eth0"})
	if err := cmd.Execute(); !errors.Is(err, broken) {
		t.Errorf("error %v, want run's", err)
	}
}

func TestHelpShowsEveryFlagWithUnitAndDefault(t *testing.T) {
	var out bytes.Buffer
	cmd := Command(func(Config) error { t.Error("run was called"); return nil })
	cmd.SetOut(&out)
	cmd.SetArgs([]string{"--help"})
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Masters:", "Workers and memory:", "--master NAME[=WIRE]", "--burst packets", "(default 64)", "--memory MiB",
		"(default 128)", "--mode l3|l3s|l2", "(default l3)", "(default /run/ipvd.sock)", "IPVD_STATE_DIR",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("help has no %q", want)
		}
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !strings.Contains(out.String(), "--"+f.Name) {
			t.Errorf("help has no --%s", f.Name)
		}
	})
	if t.Failed() {
		t.Log(out.String())
	}
}
