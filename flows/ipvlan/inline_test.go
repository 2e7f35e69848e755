package ipvlan

import (
	"os/exec"
	"path"
	"strings"
	"testing"
)

// TestHotFunctionsAreInlined asks the compiler. A call for each packet costs as
// much as what these functions do.
func TestHotFunctionsAreInlined(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds packages")
	}
	said, err := exec.Command("go", "build", "-gcflags=-m", "ipvd/pmd", "ipvd/flows/wire", "ipvd/flows", "ipvd/flows/route", "ipvd/flows/ipvlan").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, said)
	}
	inlined, pkg := map[string]bool{}, ""
	for line := range strings.Lines(string(said)) {
		line = strings.TrimSpace(line)
		if p, ok := strings.CutPrefix(line, "# ipvd/"); ok {
			pkg = path.Base(p)
		}
		if _, name, ok := strings.Cut(line, ": can inline "); ok {
			inlined[pkg+" "+name] = true
		}
	}
	for _, name := range []string{
		"pmd (*Mbuf).Data", "pmd (*Mbuf).Len", "pmd (*Mbuf).VLAN", "pmd (*Mbuf).Shared",
		"pmd (*Mbuf).Whole", "pmd (*Mbuf).Ready", "pmd (*SegList).Add", "pmd (*Vector).Packets", "pmd (*Vector).Grow", "pmd (*Vector).Alloc",
		"flows (*Counter).Add", "flows (*Grouper).tallyMany",
		"wire ParseEthernet", "wire ParseIPv4", "wire ParseIPv6", "wire Ethernet.Type", "wire Ethernet.Dst", "wire IPv4.Dst", "wire IPv6.Dst",
		"ipvlan (*slots).hash4", "ipvlan (*slots).hash6", "ipvlan (*slots).near",
		"ipvlan (*pair).lacks", "ipvlan readdressTo", "ipvlan station", "ipvlan sum4", "ipvlan (*nets).has", "pmd (*Mbuf).Own", "pmd (*Mbuf).Refs", "route or",
		"ipvlan plain4", "ipvlan plain6", "ipvlan (*plane).slaveVerdict",
	} {
		if !inlined[name] {
			t.Errorf("%s is not inlined", name)
		}
	}
}
