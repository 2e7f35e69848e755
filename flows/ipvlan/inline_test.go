package ipvlan

import (
	"os/exec"
	"strings"
	"testing"
)

// TestHotFunctionsAreInlined asks the compiler. A call for each packet costs as
// much as what these functions do.
func TestHotFunctionsAreInlined(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds packages")
	}
	said, err := exec.Command("go", "build", "-gcflags=-m", "ipvd/pmd", "ipvd/flows/wire", "ipvd/flows", "ipvd/flows/ipvlan").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, said)
	}
	inlined := map[string]bool{}
	for line := range strings.Lines(string(said)) {
		if file, name, ok := strings.Cut(strings.TrimSpace(line), ": can inline "); ok {
			folder := file[:strings.LastIndexByte(file, '/')]
			inlined[folder[strings.LastIndexByte(folder, '/')+1:]+" "+name] = true
		}
	}
	for _, name := range []string{
		"pmd (*Mbuf).Data", "pmd (*Mbuf).Len", "pmd (*Mbuf).VLAN", "pmd (*Mbuf).Shared",
		"pmd (*SegList).Add", "pmd (*Vector).Packets", "pmd (*Vector).Grow", "pmd (*Vector).Alloc",
		"flows (*Counter).Add",
		"wire ParseEthernet", "wire ParseIPv4", "wire ParseIPv6", "wire Ethernet.Type", "wire Ethernet.Dst", "wire IPv4.Dst", "wire IPv6.Dst",
		"ipvlan (*slots).hash4", "ipvlan (*slots).hash6", "ipvlan (*slots).near", "ipvlan pick",
		"ipvlan plain4", "ipvlan plain6", "ipvlan (*plane).slaveVerdict",
	} {
		if !inlined[name] {
			t.Errorf("%s is not inlined", name)
		}
	}
}
