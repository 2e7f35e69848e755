package config

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"ipvd/cmd/internal/api"
)

// write writes a configuration file and gives its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ipvd.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const twoMasters = `# two masters
workers: 0
burst: 32
force: true
mode: l2
eal: [--file-prefix=lab]
defaults:
  mtu: 1400
masters:
  - name: eth0
    wire: 0000:00:04.0
    mode: l3
    slaves:
      - name: ipvl0
        netns: ns0
        addresses: [10.0.0.11/24, "fd00::11"]
      - name: ipvl0
        netns: 1234
        mtu: 1500
        up: false
  - name: eth1
    flag: vepa
`

func TestAFileDeclaresMastersAndSlaves(t *testing.T) {
	got := mustParse(t, "--config", write(t, twoMasters), "--burst", "64")
	if want := []Master{{"eth0", Wire{PCI, "0000:00:04.0"}}, {"eth1", Wire{Interface, "eth1"}}}; !reflect.DeepEqual(got.Masters, want) {
		t.Errorf("masters: got %+v, want %+v", got.Masters, want)
	}
	want := []api.DeclaredMaster{
		{Name: "eth0", Mode: "l3", Slaves: []api.DeclaredSlave{
			{Link: api.LinkAdd{Master: "eth0", Name: "ipvl0", Netns: "ns0", MTU: 1400},
				Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.11/24"), netip.MustParsePrefix("fd00::11/128")}},
			{Link: api.LinkAdd{Master: "eth0", Name: "ipvl0", Netns: "1234", MTU: 1500}, Down: true},
		}},
		{Name: "eth1", Flag: "vepa"},
	}
	if !reflect.DeepEqual(got.Declared, want) {
		t.Errorf("declared: got  %+v\nwant %+v", got.Declared, want)
	}
	if got.Mode != "l2" || !got.Force || !reflect.DeepEqual(got.EAL, []string{"--file-prefix=lab"}) {
		t.Errorf("mode %s force %v EAL %v, want the file's", got.Mode, got.Force, got.EAL)
	}
	if got.Burst != 64 {
		t.Errorf("burst %d, want the flag's 64 and not the file's 32", got.Burst)
	}
}

func TestFlagsAndEnvironmentBeatTheFile(t *testing.T) {
	t.Setenv("IPVD_CONFIG", write(t, twoMasters))
	t.Setenv("IPVD_MODE", "l3s")
	got := mustParse(t, "--master", "eth0=net_null0", "--", "--file-prefix=mine")
	if len(got.Masters) != 1 || got.Masters[0].Wire.Device != "net_null0" || got.Mode != "l3s" || got.EAL[0] != "--file-prefix=mine" {
		t.Errorf("masters %+v mode %s EAL %v, want those of flags and environment", got.Masters, got.Mode, got.EAL)
	}
	if len(got.Declared) != 1 || got.Declared[0].Mode != "l3" || len(got.Declared[0].Slaves) != 2 {
		t.Errorf("declared %+v, want what the file says of eth0", got.Declared)
	}
	if got := mustParse(t, "--master", "eth0", "--config", NoFile); got.Burst != 64 || got.File != "" {
		t.Errorf("with --config none: burst %d, file %q, want the default and none", got.Burst, got.File)
	}
}

func TestEveryFlagIsAKeyOfTheFile(t *testing.T) {
	values := map[string]string{
		"host-interface": "h0", "mode": "l2", "flag": "private", "compat": "kernel", "source-mac": "drop", "mtu": "1400",
		"workers": "0", "poll": "busy", "poll-interval": "100", "wire-driver": "af_xdp", "burst": "32", "pool": "2048",
		"memory": "256", "socket": "/x", "group": "wheel", "state-dir": "/y", "log-level": "warn", "log-format": "console",
		"metrics": "127.0.0.1:9100", "l3-path": "host",
	}
	c := Default()
	text := "masters:\n- name: eth0\n"
	want := map[string]string{}
	for _, g := range groups(&c) {
		g.flags.VisitAll(func(f *pflag.Flag) {
			value := values[f.Name]
			switch {
			case f.Name == "master" || f.Name == "config":
				return
			case f.Value.Type() == "bool":
				value = "true"
			case f.Value.Type() == "on|off" && f.DefValue == "on":
				value = "off"
			case f.Value.Type() == "on|off":
				value = "on"
			case value == "":
				t.Errorf("this test has no value for --%s", f.Name)
			}
			want[f.Name] = value
			text += fmt.Sprintf("%s: %s\n", f.Name, value)
		})
	}
	var got Config
	cmd := Command(func(c Config) error { got = c; return nil })
	cmd.SetArgs([]string{"--config", write(t, text)})
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	for name, value := range want {
		if f := cmd.Flags().Lookup(name); f.Value.String() != value {
			t.Errorf("%s: %s in the file gives %q", name, value, f.Value)
		}
	}
	if got.Burst != 32 {
		t.Errorf("burst %d, want 32", got.Burst)
	}
}

func TestProblemsOfAFileHaveLineAndColumn(t *testing.T) {
	master := "masters:\n- name: eth0\n"
	for text, want := range map[string]string{
		"burst: 0\n" + master:                            `:1:8: burst "0": want a number of packets from 1 to 256`,
		"force: yes\n" + master:                          `:1:8: want true or false, not "yes"`,
		"burts: 3\n" + master:                            `:1:1: key "burts" is unknown: want one of masters, defaults, eal, `,
		"master: eth0\n":                                 `:1:1: key "master" is unknown: masters stand in a list under masters`,
		"masters: eth0\n":                                ":1:10: want a list, not a single value",
		"masters:\n":                                     ":1:1: want a list, not nothing",
		"masters:\n- wire: eth0\n":                       ":2:3: a master has a name",
		master + "- name: eth0\n":                        ":3:3: master eth0 is given twice",
		master + "  wire: a b\n":                         `:2:3: master eth0: wire: interface name "a b" has ' ' in it`,
		master + "  mode: l4\n":                          ":3:9: want one of l3, l3s, l2",
		master + "  colour: red\n":                       `:3:3: key "colour" is unknown: want one of name, wire, mode, flag, slaves`,
		master + "  slaves:\n  - netns: x\n":             ":4:5: a slave has a name",
		master + "  slaves:\n  - {name: a/b}\n":          `"a/b" has '/' in it`,
		master + "  slaves:\n  - {nam: a}\n":             `:4:6: key "nam" is unknown: want one of name, `,
		master + "  slaves:\n  - {name: a, mtu: big}\n":  `:4:20: mtu "big" is not a number`,
		master + "  slaves:\n  - name: a\n  - name: a\n": ":5:5: slave a of eth0 is declared twice",
		master + "  slaves:\n  - name: a\n    addresses: [10.0.0.1/33]\n":                                    `:5:17: address "10.0.0.1/33" is not ADDRESS/LENGTH`,
		master + "  slaves:\n  - {name: a, addresses: [10.1.1.1]}\n  - {name: b, addresses: [10.1.1.1/8]}\n": "address 10.1.1.1 of b belongs to a already",
		"defaults: {name: a}\n" + master: ":1:12: name has no default",
		master + "mode: l2\nmode: l3\n":  `:4:1: mapping key "mode" already defined at [3:1]`,
		"a: [1\n":                        ":1:4: ",
		"- a\n":                          ":1:1: want keys with values, not a list",
		master + "---\nmode: l2\n":       "a second document",
		"masters: &m\n- name: eth0\n":    ":1:10: want a list, not an anchor or alias, which is not taken",
		"workers: 1023\n" + master:       "CPU 1023 is not one that this process may use",
	} {
		path := write(t, text)
		_, err := Check(path)
		if err == nil || !strings.Contains(err.Error(), want) || strings.HasPrefix(want, ":") && !strings.Contains(err.Error(), path+want) {
			t.Errorf("%q: error %v, want one with %s", text, err, want)
		}
	}
}

func TestAllProblemsAreTold(t *testing.T) {
	_, err := Check(write(t, "burst: 0\npoll: lazy\nnosuch: 1\nmasters:\n- name: eth0\n  mode: l9\n"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{":1:8: ", ":2:7: ", ":3:1: ", ":6:9: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want a line with %s", err, want)
		}
	}
}

func TestTheCheckCommandSaysWhatIsInTheFile(t *testing.T) {
	var out strings.Builder
	cmd := Command(func(Config) error { t.Error("the daemon was started"); return nil })
	cmd.SetOut(&out)
	path := write(t, twoMasters)
	cmd.SetArgs([]string{"check", path})
	if err := cmd.Execute(); err != nil || out.String() != path+": ok: masters 2, slaves 2\n" {
		t.Errorf("printed %q, error %v", out.String(), err)
	}
	cmd.SetArgs([]string{"check", "/nosuch.yaml"})
	if err := cmd.Execute(); err == nil || !strings.Contains(err.Error(), "/nosuch.yaml") {
		t.Errorf("error %v, want one that names the missing file", err)
	}
}

func FuzzFile(f *testing.F) {
	f.Add(twoMasters)
	f.Add("masters: &a [*a]\n")
	f.Add("? [a]\n: b\n")
	f.Add("defaults: !x {}\n<<: 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := Default()
		flags := pflag.NewFlagSet("file", pflag.ContinueOnError)
		for _, g := range groups(&c) {
			flags.AddFlagSet(g.flags)
		}
		file, err := readText("f", []byte(text), flags)
		if err == nil && len(file.Declared) != len(file.Masters) {
			t.Errorf("%q: %d masters, %d declared", text, len(file.Masters), len(file.Declared))
		}
	})
}

func TestWhatIsWrittenIsReadAsTheSame(t *testing.T) {
	c, err := Check(write(t, twoMasters))
	if err != nil {
		t.Fatal(err)
	}
	running := api.Config{Settings: c.Set(), EAL: c.EAL}
	for i, m := range c.Masters {
		running.Masters = append(running.Masters, api.RunningMaster{Wire: m.Wire.Device, DeclaredMaster: c.Declared[i]})
	}
	text, err := Format(running)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Check(write(t, string(text)))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	c.File, again.File = "", ""
	if !reflect.DeepEqual(c, again) {
		t.Errorf("read %+v\nwritten as\n%s\nread as %+v", c, text, again)
	}
	if diff := Differences(c, again); len(diff) != 0 {
		t.Errorf("differences: got %v, want none", diff)
	}
}

func TestDifferencesAreToldBySetting(t *testing.T) {
	a := mustParse(t, "--master", "eth0", "--master", "eth1", "--config", NoFile)
	b := mustParse(t, "--master", "eth0=net_null0", "--master", "eth2", "--burst", "128", "--config", NoFile, "--", "-x")
	var lines []string
	for _, c := range Differences(a, b) {
		lines = append(lines, c.String())
	}
	want := "! burst 64 -> 128, ! eal none -> -x, ! wire of master eth0 eth0 -> net_null0, " +
		"! wire of master eth2 none -> eth2, ! wire of master eth1 eth1 -> none"
	if got := strings.Join(lines, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
