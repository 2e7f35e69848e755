package iproute

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLinesThatConcernUs(t *testing.T) {
	for cmd, want := range map[string]bool{
		"link add link eth0 name x0 type ipvlan mode l3": true,
		"l a link eth0 x0 type ipvlan":                   true,
		"-4 -d -n c1 link set s0 type ipvlan mode l2":    true,
		"link set dev s0 up type ipvlan private":         true,
		"link add x0 link eth0 type ipvtap":              true,
		"link del s0":                                    true,
		"-d link show s0":                                true,
		"link":                                           true,
		"-br a":                                          true,
		"addr show dev s0":                               true,
		"link add v0 type veth peer name v1":             false,
		"link add link eth0 name eth0.5 type vlan id 5":  false,
		"link set s0 up":                                 false,
		"link set s0 netns c1":                           false,
		"addr add 10.0.0.1/24 dev s0":                    false,
		"route show":                                     false,
		"netns exec c1 ip link":                          false,
		"-V":                                             false,
		"":                                               false,
	} {
		if got := parse(strings.Fields(cmd)).concerns(); got != want {
			t.Errorf("ip %s: got %v, want %v", cmd, got, want)
		}
	}
}

func TestOptionsMayBeShort(t *testing.T) {
	l := parse(strings.Fields("-j -d -net c1 -rc 4096 -o link show s0"))
	if l.netns != "c1" || !l.json || !l.details || !slices.Equal(l.options, []string{"-j", "-d", "-rc", "4096", "-o"}) || l.verb != "show" {
		t.Errorf("got %+v", l)
	}
	if l = parse(strings.Fields("-force -b file")); l.batch != "file" || !slices.Equal(l.options, []string{"-force"}) {
		t.Errorf("batch: got %+v", l)
	}
}

func TestLinkArgumentsInAnyOrder(t *testing.T) {
	for args, want := range map[string]linkArgs{
		"link eth0 name x0 type ipvlan mode l3 vepa":     {named: "x0", lower: "eth0", kind: "ipvlan", ofKind: []string{"mode", "l3", "vepa"}},
		"x0 mtu 1400 netns c1 up link eth0 type ipvlan":  {name: "x0", lower: "eth0", mtu: "1400", netns: "c1", others: []string{"up"}, kind: "ipvlan"},
		"dev s0 name s1 txqueuelen 5 type ipvlan bridge": {name: "s0", named: "s1", others: []string{"txqueuelen", "5"}, kind: "ipvlan", ofKind: []string{"bridge"}},
		"s0 down": {name: "s0", others: []string{"down"}},
	} {
		got := parseLink(strings.Fields(args))
		if got.name != want.name || got.named != want.named || got.lower != want.lower || got.mtu != want.mtu || got.netns != want.netns ||
			got.kind != want.kind || !slices.Equal(got.others, want.others) || !slices.Equal(got.ofKind, want.ofKind) {
			t.Errorf("%s: got %+v, want %+v", args, got, want)
		}
	}
	if got, want := ofKind([]string{"m", "l3s", "p"}), []string{"mode", "l3s", "private"}; !slices.Equal(got, want) {
		t.Errorf("short words: got %v, want %v", got, want)
	}
}

const tapText = `4: s0: <UP> mtu 1500 qdisc x state UP mode DEFAULT
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff promiscuity 0
    tun type tap pi off vnet_hdr on persist off addrgenmode none numtxqueues 1
    alias ipvd:eth0:1
5: d0: <UP> mtu 1500 qdisc x state UP
    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff
    tun type tap pi off vnet_hdr off persist on addrgenmode eui64
    alias somebody's
`

func TestSlavesAreShownInTheDriversWords(t *testing.T) {
	modes := map[string]state{"eth0": {"l3s", "vepa"}}
	got := string(translateText(tapText, modes))
	for _, want := range []string{"4: s0@eth0: <UP>", "ipvlan  mode l3s vepa addrgenmode none", "5: d0: <UP>", "tun type tap pi off vnet_hdr off persist on", "alias somebody's"} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant %q in it", got, want)
		}
	}
	if strings.Contains(got, "ipvd:") || strings.Contains(got, "vnet_hdr on") {
		t.Errorf("got\n%s\nwant no word of the TAP", got)
	}
	line := strings.ReplaceAll(tapText[:strings.Index(tapText, "5:")-1], "\n", `\`)
	if got := string(translateText(line, modes)); !strings.Contains(got, "ipvlan  mode l3s vepa") || strings.Contains(got, "alias") {
		t.Errorf("in one line: got %s", got)
	}
}

func TestSlavesAreShownAsTheDriversInJSON(t *testing.T) {
	out := `[{"ifname":"s0","ifalias":"ipvd:eth0:3","linkinfo":{"info_kind":"tun"},"mtu":1500},{"ifname":"eth0","ifalias":"ipvd:eth0"},{"ifname":"d0","linkinfo":{"info_kind":"tun"}}]`
	got, err := translateJSON([]byte(out), map[string]state{"eth0": {"l2", "bridge"}})
	want := `[{"ifname":"s0","link":"eth0","linkinfo":{"info_data":{"bridge":true,"mode":"l2"},"info_kind":"ipvlan"},"mtu":1500},{"ifname":"eth0"},{"ifname":"d0","linkinfo":{"info_kind":"tun"}}]`
	if err != nil || strings.TrimSpace(string(got)) != want {
		t.Errorf("got %s and error %v, want %s", got, err, want)
	}
}

// script is a program of one line.
func script(t *testing.T, line string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+line+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOtherLinesAndStatusesAreIPs(t *testing.T) {
	var out, errs bytes.Buffer
	tool := Tool{IP: script(t, `echo "ip $*"; exit 7`), Control: script(t, "exit 9"), out: &out, err: &errs}
	if status := tool.Run(strings.Fields("-4 route add default via 10.0.0.1")); status != 7 || out.String() != "ip -4 route add default via 10.0.0.1\n" {
		t.Errorf("got status %d and %q, want 7 and the line as it was", status, out.String())
	}
	out.Reset()
	if status := tool.Run(strings.Fields("-n c1 link add link eth0 x type ipvlan")); status != 7 || out.String() != "ip netns exec c1 ip link add link eth0 x type ipvlan\n" {
		t.Errorf("in a namespace: got status %d and %q, want ourselves there", status, out.String())
	}
	if status := tool.Run(strings.Fields("link add link nosuch x type ipvlan")); status == 0 || !strings.Contains(errs.String(), `"nosuch"`) {
		t.Errorf("on an interface that is not there: got status %d and %q", status, errs.String())
	}
	if status := (Tool{IP: "/nosuch/ip", out: &out, err: &errs}).Run([]string{"rule"}); status != exitLost {
		t.Errorf("without ip: got status %d, want %d", status, exitLost)
	}
}

func TestBatchStopsWhereALineFails(t *testing.T) {
	for options, want := range map[string]string{"-b -": "rule a\nrule fail\n", "-force -b -": "-force rule a\n-force rule fail\n-force rule c\n"} {
		var out, errs bytes.Buffer
		tool := Tool{IP: script(t, `echo "$*"; case "$*" in *fail) exit 1; esac`), in: strings.NewReader("rule a\n# nothing\n\nrule fail # a remark\nrule c\n"), out: &out, err: &errs}
		if status := tool.Run(strings.Fields(options)); status != exitRefused || out.String() != want || !strings.Contains(errs.String(), "-:4") {
			t.Errorf("%s: got status %d, %q and %q, want %q", options, status, out.String(), errs.String(), want)
		}
	}
}

func TestEnvironmentMakesTheTool(t *testing.T) {
	for _, word := range (Tool{IP: "/ip", Control: "/ctl"}).Environment("/s") {
		name, value, _ := strings.Cut(word, "=")
		t.Setenv(name, value)
	}
	tool, err := FromEnv()
	if err != nil || tool.IP != "/ip" || tool.Control != "/ctl" || os.Getenv("IPVD_SOCKET") != "/s" {
		t.Errorf("got %+v, socket %q and error %v", tool, os.Getenv("IPVD_SOCKET"), err)
	}
	t.Setenv(envIP, "")
	if _, err := FromEnv(); err == nil {
		t.Error("without the environment: got no error")
	}
}
