package config

import (
	"strings"
	"testing"
)

func TestParseMasterTellsWiresApart(t *testing.T) {
	for in, want := range map[string]Master{
		"eth0":                            {"eth0", Wire{Interface, "eth0"}},
		"eth0=ens3":                       {"eth0", Wire{Interface, "ens3"}},
		"m0=0000:00:04.0":                 {"m0", Wire{PCI, "0000:00:04.0"}},
		"m0=3B:00.1":                      {"m0", Wire{PCI, "0000:3b:00.1"}},
		"m0=10000:e1:00.0":                {"m0", Wire{PCI, "10000:e1:00.0"}},
		"m0=net_null0":                    {"m0", Wire{VDev, "net_null0"}},
		"m0=net_af_xdp0,iface=eth1,a=b":   {"m0", Wire{VDev, "net_af_xdp0,iface=eth1,a=b"}},
		"net_null0":                       {"net_null0", Wire{Interface, "net_null0"}},
		"abcdefghijklmno=net_pcap0,x=a b": {"abcdefghijklmno", Wire{VDev, "net_pcap0,x=a b"}},
	} {
		if got, err := ParseMaster(in); err != nil || got != want {
			t.Errorf("ParseMaster(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
}

func TestParseMasterNamesTheWrongPart(t *testing.T) {
	for in, want := range map[string]string{
		"":                   "master's name: interface name is empty",
		"=eth0":              "master's name: interface name is empty",
		"eth0=":              "master eth0: wire: interface name is empty",
		"..":                 `".." is reserved`,
		"a/b":                `"a/b" has '/' in it`,
		"a b":                `"a b" has ' ' in it`,
		"abcdefghijklmnop":   `"abcdefghijklmnop" has 16 bytes`,
		"eth0=0000:00:04":    `"0000:00:04" has ':' in it`,
		"eth0=0000:00:04.9":  "a PCI address such as 0000:00:04.0",
		"eth0=00:0g.0":       `"00:0g.0"`,
		"eth0=netvsc_string": "", // 13 bytes: an interface like any other
	} {
		_, err := ParseMaster(in)
		if want == "" {
			if err != nil {
				t.Errorf("ParseMaster(%q): %v", in, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseMaster(%q) gives error %v, want one with %q", in, err, want)
		}
	}
}

func TestMastersRefuseDuplicates(t *testing.T) {
	for in, want := range map[string]string{
		"eth0 eth0":                              "master eth0 is given twice",
		"a=eth0 b=eth0":                          "wire eth0 of master b belongs to master a already",
		"a=0000:00:04.0 b=00:04.0":               "wire 0000:00:04.0 of master b belongs to master a already",
		"a=net_tap0,iface=x b=net_tap0,iface=y":  "wire net_tap0 of master b belongs to master a already",
		"a=net_null0 b=net_null1 c=eth0 a=net_x": "master a is given twice",
	} {
		var got []Master
		if err := (masters{&got}).Set(in); err == nil || err.Error() != want {
			t.Errorf("masters %q give error %v, want %q", in, err, want)
		}
	}
}

func TestMastersPrintWhatTheyWereReadFrom(t *testing.T) {
	var got []Master
	v := masters{&got}
	if err := v.Set(" eth0  m1=net_null0,copy=1 "); err != nil {
		t.Fatal(err)
	}
	if want := "eth0=eth0 m1=net_null0,copy=1"; v.String() != want {
		t.Errorf("masters print as %q, want %q", v, want)
	}
}
