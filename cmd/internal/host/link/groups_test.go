package link

import (
	"slices"
	"strings"
	"testing"
)

func TestGroupsAreThoseOfTheInterface(t *testing.T) {
	const file = `2    eth0            1     0     333300000001
2    eth0            3     0     01005e000001
12   eth1            1     0     3333ff000011
3    ib0             1     0     00ffffffff12401bffff000000000000ffffffff
2    eth0            1     0     zz
`
	groups, err := parseGroups(strings.NewReader(file), 2)
	var got []string
	for _, g := range groups {
		got = append(got, g.String())
	}
	if want := []string{"33:33:00:00:00:01", "01:00:5e:00:00:01"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	if groups, err := parseGroups(strings.NewReader(file), 3); err != nil || groups != nil {
		t.Errorf("an interface without Ethernet addresses: got %v, %v", groups, err)
	}
}
