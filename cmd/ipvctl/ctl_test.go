package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/api/apitest"
	"ipvd/cmd/internal/kind"
)

// ask runs a command line against d and gives its exit status and outputs.
func ask(t *testing.T, d *apitest.Daemon, line string) (code int, stdout, stderr string) {
	t.Helper()
	return runLine(apitest.Start(t, d), line)
}

func runLine(socket, line string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), strings.Fields(line), socket, &out, &errs)
	return code, out.String(), errs.String()
}

// wantOutput runs a line that must succeed with exactly this output.
func wantOutput(t *testing.T, d *apitest.Daemon, line, want string) {
	t.Helper()
	code, out, errs := ask(t, d, line)
	if code != 0 || out != want || errs != "" {
		t.Errorf("ipvctl %s: exit status %d, %q, output\n%s\nwant\n%s", line, code, errs, out, want)
	}
}

func TestLinesBecomeRequests(t *testing.T) {
	d := &apitest.Daemon{LinkList: []api.Link{{IfName: "eth0"}}}
	socket := apitest.Start(t, d)
	var want []any
	for _, c := range []struct {
		line    string
		request any
	}{
		{"link add link eth0 ipvl0 type ipvlan mode l2", api.LinkAdd{Master: "eth0", Name: "ipvl0", Mode: "l2"}},
		{"l a name ipvl0 link eth0 type ipvlan vepa", api.LinkAdd{Master: "eth0", Name: "ipvl0", Flag: "vepa"}},
		{"link add link eth0 name a mtu 1400 netns c1 type ipvlan mode l3s private force",
			api.LinkAdd{Master: "eth0", Name: "a", MTU: 1400, Netns: "c1", Mode: "l3s", Flag: "private", Force: true}},
		{"-n c2 link add link eth0 a type ipvlan kind vdev devargs net_pcap0,rx_pcap=f",
			api.LinkAdd{Master: "eth0", Name: "a", Netns: "c2", Kind: "vdev", Options: kind.Options{Devargs: "net_pcap0,rx_pcap=f"}}},
		{"link add link eth0 a type ipvlan kind memif socket /run/m role slave id 7 secret s queues 2 trusted learn",
			api.LinkAdd{Master: "eth0", Name: "a", Kind: "memif", Options: kind.Options{Socket: "/run/m", Role: "slave", MemifID: 7, Secret: "s",
				Queues: 2, Trusted: true, Learn: true}}},
		{"link set ipvl0 type ipvlan mode l3", api.LinkSet{Name: "ipvl0", Mode: "l3"}},
		{"l s dev ipvl0 type ipvlan bridge", api.LinkSet{Name: "ipvl0", Flag: "bridge"}},
		{"link del ipvl0", api.LinkDel{Name: "ipvl0"}},
		{"-n c1 l d dev eth0/3", api.LinkDel{Name: "eth0/3", Netns: "c1"}},
		{"link", api.LinkFilter{}},
		{"l s", api.LinkFilter{}},
		{"-s -d l sh master eth0", api.LinkFilter{Master: "eth0", Stats: true, Details: true}},
		{"link show dev ipvl0", api.LinkFilter{Name: "ipvl0"}},
		{"addr add 10.0.0.5/24 dev ipvl0", api.AddrChange{Name: "ipvl0", Addr: "10.0.0.5/24"}},
		{"a d fd00::1 dev ipvl0", api.AddrChange{Name: "ipvl0", Addr: "fd00::1"}},
		{"a", api.AddrFilter{}},
		{"-n c1 a s dev ipvl0", api.AddrFilter{Name: "ipvl0", Netns: "c1"}},
		{"s -d", true},
		{"v", "verify"},
		{"g", "graph"},
		{"statu", "status"},
	} {
		d.Account.OK = true
		if code, _, errs := runLine(socket, c.line); code != 0 {
			t.Errorf("ipvctl %s: exit status %d, %s", c.line, code, errs)
		}
		want = append(want, c.request)
		if got := d.Requests(); !reflect.DeepEqual(got, want) {
			t.Fatalf("ipvctl %s: the daemon was asked\n%+v, want\n%+v", c.line, got[len(want)-1:], c.request)
		}
	}
}

func TestWrongLinesSayWhatIsWrong(t *testing.T) {
	d := &apitest.Daemon{}
	socket := apitest.Start(t, d)
	for line, want := range map[string]string{
		"link add link eth0 a type ipvlan private vepa":   "private and vepa exclude each other",
		"link add link eth0 a type ipvlan mode l4":        `mode "l4" is unknown, want l3, l3s, l2`,
		"link add link eth0 a type ipvlan kind tun":       `kind "tun" is unknown, want tap, memif, vhost-user, virtio-user, vdev`,
		"link add link eth0 a type macvlan":               `type "macvlan" is unknown, want ipvlan`,
		"link add link eth0 a type ipvlan hidden":         `"hidden" is unknown here: want dev, devargs`,
		"link add link eth0 a type":                       `"type" wants a value`,
		"link add link eth0 a name b type ipvlan":         `name "a" is there already`,
		"link add link eth0 a":                            `"type ipvlan" is missing`,
		"link add a type ipvlan":                          `"link" is missing`,
		"link add link eth0 type ipvlan":                  "name is empty",
		"link add link eth0 sixteen-letters- type ipvlan": `"sixteen-letters-" has 16 bytes, more than 15`,
		"link add link eth0 a/b type ipvlan":              `"a/b" has '/' in it`,
		"link add link eth0 .. type ipvlan":               `".." is reserved`,
		"link add link eth0 a mtu many type ipvlan":       `mtu "many"`,
		"link add link eth0 a mtu 67 type ipvlan":         "mtu 67 is not between 68 and 65535",
		"link set ipvl0 type ipvlan":                      "nothing to set",
		"link set ipvl0 netns c1":                         `"netns" is unknown here: want dev, mode, type, bridge`,
		"link show a b":                                   `"b" is unknown here`,
		"link frob":                                       `"frob" is unknown or short for several, want add, del, set, show`,
		"frob":                                            "want addr, ",
		"addr add 10.0.0.300/24 dev a":                    `"10.0.0.300/24"`,
		"addr add 10.0.0.3/24":                            "want ADDRESS/LENGTH dev NAME",
		"--colour link":                                   "colour",
		"flow flush a b":                                  "accepts at most 1 arg",
		"flow flush a/b":                                  `"a/b" has '/' in it`,
		"flow frob":                                       "want flush, show",
		"host frob":                                       "want show",
		"verify now":                                      "now",
	} {
		code, out, errs := runLine(socket, line)
		if code != exitUsage || !strings.Contains(errs, want) || out != "" {
			t.Errorf("ipvctl %s: exit status %d, error %q, output %q, want 255 and %s", line, code, errs, out, want)
		}
	}
	if got := d.Requests(); len(got) != 0 {
		t.Errorf("the daemon was asked %+v", got)
	}
}

func TestSwappedLinkAndNameAreExplained(t *testing.T) {
	d := &apitest.Daemon{Err: fmt.Errorf("master ipvl0: %w", unix.ENODEV)}
	d.LinkList = []api.Link{{IfName: "eth0"}, {IfName: "old", Link: "eth0"}}
	// Only the request to add fails.
	refusal := d.Err
	d.OnRequest = func(_ api.Caller, r any) {
		if d.Err = nil; reflect.TypeOf(r) == reflect.TypeOf(api.LinkAdd{}) {
			d.Err = refusal
		}
	}
	for line, want := range map[string]string{
		"link add link ipvl0 eth0 type ipvlan mode l2": "link and name are swapped: eth0 is a master, ipvl0 is not; the right line is\n  ipvctl link add link eth0 ipvl0 type ipvlan mode l2\n",
		"link add name eth0 link ipvl0 type ipvlan":    "  ipvctl link add name ipvl0 link eth0 type ipvlan\n",
		"link add link ipvl0 other type ipvlan":        "ipvctl: master ipvl0: no such device\n",
		"link add link old ipvl0 type ipvlan":          "ipvctl: master ipvl0: no such device\n",
	} {
		code, _, errs := ask(t, d, line)
		if code != exitRefused || !strings.HasSuffix(errs, want) {
			t.Errorf("ipvctl %s: exit status %d, error\n%swant 2 and\n%s", line, code, errs, want)
		}
	}
}

func TestRefusalIsTheDaemonsText(t *testing.T) {
	d := &apitest.Daemon{Err: fmt.Errorf("10.0.0.5: Address already assigned to an ipvlan device (slave 2): %w", unix.EADDRINUSE)}
	code, out, errs := ask(t, d, "addr add 10.0.0.5/24 dev ipvl0")
	if want := "ipvctl: " + d.Err.Error() + "\n"; code != exitRefused || out != "" || errs != want {
		t.Errorf("exit status %d, output %q, error %q, want 2 and %q", code, out, errs, want)
	}
}

func TestNoDaemonNamesItsSocket(t *testing.T) {
	socket := apitest.SocketPath(t)
	for _, line := range []string{"link", "--socket " + socket + " status"} {
		code, _, errs := runLine(socket, line)
		if code != exitRefused || !strings.Contains(errs, socket) || !strings.Contains(errs, "ipvd --master eth0") {
			t.Errorf("ipvctl %s: exit status %d, error %q, want 2, the socket and how to start it", line, code, errs)
		}
	}
}

func FuzzLinkAdd(f *testing.F) {
	f.Add("link eth0 ipvl0 type ipvlan mode l2 bridge")
	f.Add("name a link b mtu 1500 netns c type ipvlan kind vdev devargs d force")
	f.Fuzz(func(t *testing.T, line string) {
		r, err := parseLinkAdd(strings.Fields(line))
		if err != nil {
			return
		}
		if err := r.Check(); err != nil || r.Master == "" {
			t.Errorf("%q became %+v, which is refused: %v", line, r, err)
		}
		for _, word := range []string{r.Master, r.Name, r.Mode, r.Flag, r.Netns, r.Kind, r.Devargs} {
			if !strings.Contains(line, word) {
				t.Errorf("%q became %+v: where is %q from?", line, r, word)
			}
		}
		if err := errors.Join(api.CheckIfName(r.Name), api.CheckIfName(r.Master)); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	})
}
