package suite

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
)

// addWords are the words of a `link add`.
func addWords(line string) []string {
	return append([]string{"link", "add"}, strings.Fields(line)...)
}

// badLinks are link adds with what the refusal must say: box has interfaces ipvl1
// and taken.
func badLinks(box, fifo string) map[string][]string {
	inBox := " netns " + box
	return map[string][]string{
		"link nosuch x type ipvlan":                                            {`"nosuch" is no master`, "eth0"},
		"link ipvl9 eth0 type ipvlan":                                          {"swapped", "link add link eth0 ipvl9 type ipvlan"},
		"link eth0 name sixteen-letters- type ipvlan":                          {"sixteen-letters-", "15"},
		"link eth0 a/b type ipvlan":                                            {`"a/b"`, "'/'"},
		"link eth0 . type ipvlan":                                              {`"."`, "reserved"},
		"link eth0 name type ipvlan":                                           {`"ipvlan"`},
		"link eth0 type ipvlan":                                                {"name is empty"},
		"link eth0 x":                                                          {`"type ipvlan" is missing`},
		"link eth0 x type macvlan":                                             {`"macvlan"`, "want ipvlan"},
		"link eth0 x type ipvlan mode l4":                                      {`"l4"`, "l3, l3s, l2"},
		"link eth0 x type ipvlan hidden":                                       {`"hidden"`, "private"},
		"link eth0 x type ipvlan private vepa":                                 {"private and vepa exclude each other"},
		"link eth0 x type ipvlan kind tun":                                     {`"tun"`, "tap, memif"},
		"link eth0 x type ipvlan mtu 3":                                        {"mtu 3", "68"},
		"link eth0 x type ipvlan mode l3":                                      {"eth0 has mode l2", "not l3", "force"},
		"link eth0 x type ipvlan netns nosuch":                                 {"nosuch"},
		"link eth0 x type ipvlan netns 4194305":                                {"4194305"},
		"link eth0 x type ipvlan netns /dev/null":                              {"/dev/null"},
		"link eth0 ipvl1 type ipvlan" + inBox:                                  {`"ipvl1"`, "another interface"},
		"link eth0 taken type ipvlan" + inBox:                                  {`"taken"`, "another interface"},
		"link eth0 taken type ipvlan mode l3 force" + inBox:                    {`"taken"`, "another interface"},
		"link eth0 x type ipvlan kind vdev":                                    {"devargs is missing"},
		"link eth0 x type ipvlan devargs net_null0":                            {"kind tap takes no devargs"},
		"link eth0 x type ipvlan kind vdev devargs net_nosuch0":                {"net_nosuch0", "neither a PCI address nor a vdev"},
		"link eth0 x type ipvlan kind vdev devargs net_null0,x=1":              {"net_null0,x=1"},
		"link eth0 x type ipvlan kind vdev devargs ,=,":                        {`,=,`},
		"link eth0 x type ipvlan kind vdev devargs class=eth":                  {"class=eth", "neither a PCI address nor a vdev"},
		"link eth0 x type ipvlan kind vdev devargs net_ring0,internal=0x1234":  {"internal", "an address"},
		"link eth0 x type ipvlan netns " + fifo:                                {fifo, "not a network namespace"},
		"link eth0 x type ipvlan kind vdev devargs 0000:ff:1f.0":               {"0000:ff:1f.0"},
		"link eth0 x type ipvlan kind vdev devargs net_af_xdp_eth0,iface=eth0": {"net_af_xdp_eth0", "in use"},
	}
}

func TestLinksThatCannotBeAdded(t *testing.T) {
	l := newLab(t, 2)
	l.start("--ephemeral", "--mode", "l2")
	for i := range l.boxes {
		l.add(i)
	}
	l.boxes[1].IP("link add taken type veth peer name other")
	fifo := filepath.Join(l.dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range badLinks(l.boxes[1].Name, fifo) {
		l.refused(addWords(line), append(want, "ipvctl: ")...)
	}
	l.refused([]string{"link", "del", "nosuch"}, `"nosuch"`)
	l.refused([]string{"link", "del", "eth0/77"}, "no slave 77")
	l.refused([]string{"link", "del", "eth0"}, "is a master")
	l.refused([]string{"link", "set", "eth0", "type", "ipvlan", "mode", "l5"}, `"l5"`)
	l.refused([]string{"addr", "add", "10.0.0.999", "dev", "ipvl0"}, `"10.0.0.999"`)
	l.refused([]string{"addr", "add", "10.0.0.99/24", "dev", "nosuch"}, `"nosuch"`)
	if n := len(l.links()); n != 3 {
		t.Errorf("%d links after refusals, want the master and 2 slaves", n)
	}
	if got := l.link("eth0").MMode; got != "l2" {
		t.Errorf("mode after refusals: %s, want l2", got)
	}
	if names := linkNames(l.host); len(names) != 2 {
		t.Errorf("the host has %q after refusals, want lo and eth0", names)
	}
	l.must(addWords("link eth0 x type ipvlan mode l3 force")...)
	if got := l.link("ipvl0").MMode; got != "l3" {
		t.Errorf("mode of the others after force: %s, want l3", got)
	}
	l.ping(l.boxes[0], boxAddr(1))
	l.verify()
	l.stop()
}

func TestNameTakenIsEEXIST(t *testing.T) {
	l := newLab(t, 0)
	l.start("--ephemeral")
	client := api.NewClient(l.socket)
	defer client.Close()
	l.host.IP("link add mine type veth peer name other")
	_, err := client.LinkAdd(t.Context(), api.LinkAdd{Master: "eth0", Name: "mine", Netns: l.host.Name})
	if !errors.Is(err, unix.EEXIST) || !strings.Contains(err.Error(), `"mine"`) {
		t.Errorf(`got %v, want EEXIST that names "mine"`, err)
	}
	l.verify()
	l.stop()
}

// TestPortsRunOut fills DPDK's table of ports.
func TestPortsRunOut(t *testing.T) {
	l := newLab(t, 1)
	l.start("--ephemeral", "--pool", "16384", "--mode", "l2")
	const ports = 32 // RTE_MAX_ETHPORTS, the wire's among them
	for i := 1; i < ports; i++ {
		l.must(addWords(fmt.Sprintf("link eth0 v%d type ipvlan kind vdev devargs net_null%d,no-rx=1", i, i))...)
	}
	l.refused(addWords("link eth0 v32 type ipvlan kind vdev devargs net_null32,no-rx=1"), "net_null32", "32 ports", "tap")
	l.add(0)
	l.ping(l.boxes[0], routerAddr)
	// Those that are no port of DPDK go on as well.
	l.must(addWords("link eth0 m33 type ipvlan kind memif socket " + l.dir + "/m")...)
	l.must(addWords("link eth0 w34 type ipvlan kind vhost-user socket " + l.dir + "/w")...)
	l.must("link", "del", "v7")
	l.must(addWords("link eth0 v32 type ipvlan kind vdev devargs net_null32,no-rx=1")...)
	l.verify()
	l.stop()
}
