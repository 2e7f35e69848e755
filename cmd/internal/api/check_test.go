package api

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/kind"
)

func TestInterfaceNamesAreTheKernels(t *testing.T) {
	for _, name := range []string{"eth0", "a", "fifteen-letters", "eth0.100", "net-ö"} {
		if err := CheckIfName(name); err != nil {
			t.Errorf("CheckIfName(%q) = %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "..", "sixteen-letters-", "a/b", "a b", "a\tb", "a:1", "a\x00", "a\xff"} {
		err := CheckIfName(name)
		if !errors.Is(err, unix.EINVAL) {
			t.Errorf("CheckIfName(%q) = %v, want EINVAL", name, err)
		}
	}
}

func TestRequestsSayWhatIsWrongWithThem(t *testing.T) {
	for _, c := range []struct {
		r    request
		want string // part of the error; empty: none
	}{
		{LinkAdd{Master: "eth0", Name: "a"}, ""},
		{LinkAdd{Master: "eth0", Name: "a", Mode: "l3s", Flag: "vepa", Kind: "vdev", Options: kind.Options{Devargs: "net_null0"}, MTU: 68}, ""},
		{LinkAdd{Name: "a"}, "no link"},
		{LinkAdd{Master: "eth 0", Name: "a"}, `"eth 0"`},
		{LinkAdd{Master: "eth0", Name: "a/b"}, `"a/b"`},
		{LinkAdd{Master: "eth0", Name: "a", Mode: "l4"}, `mode "l4" is unknown, want l3, l3s, l2`},
		{LinkAdd{Master: "eth0", Name: "a", Flag: "secret"}, `flag "secret" is unknown, want bridge, private, vepa`},
		{LinkAdd{Master: "eth0", Name: "a", Kind: "tun"}, `kind "tun" is unknown, want tap, memif, vhost-user, virtio-user, vdev`},
		{LinkAdd{Master: "eth0", Name: "a", Kind: "vdev"}, "devargs"},
		{LinkAdd{Master: "eth0", Name: "a", Options: kind.Options{Devargs: "net_null0"}}, "devargs"},
		{LinkAdd{Master: "eth0", Name: "a", MTU: 67}, "67"},
		{LinkAdd{Master: "eth0", Name: "a", MTU: 65536}, "65536"},
		{LinkDel{Name: "eth0/3"}, ""},
		{LinkDel{}, "empty"},
		{LinkSet{Name: "a", Mode: "l2"}, ""},
		{LinkSet{Name: "a"}, "nothing to set"},
		{LinkSet{Name: "a", Flag: "x"}, `flag "x"`},
		{AddrChange{Name: "a", Addr: "10.0.0.5/24"}, ""},
		{AddrChange{Name: "a", Addr: "fd00::1"}, ""},
		{AddrChange{Name: "a", Addr: "10.0.0.5/33"}, `"10.0.0.5/33"`},
		{AddrChange{Name: "a", Addr: "10.0.0"}, `"10.0.0"`},
		{AddrChange{Name: "a", Addr: "fe80::1%eth0"}, `"fe80::1%eth0"`},
	} {
		err := c.r.Check()
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%+v: %v", c.r, err)
		case c.want != "" && (!errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%+v: error %v, want EINVAL with %s", c.r, err, c.want)
		}
	}
}

func TestAddressWithoutLengthIsAHost(t *testing.T) {
	for addr, want := range map[string]string{"10.0.0.5": "10.0.0.5/32", "10.0.0.5/24": "10.0.0.5/24", "fd00::1": "fd00::1/128"} {
		p, err := AddrChange{Addr: addr}.Prefix()
		if err != nil || p.String() != want {
			t.Errorf("prefix of %s = %v, %v, want %s", addr, p, err, want)
		}
	}
}
