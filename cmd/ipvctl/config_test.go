package main

import (
	"net/netip"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/api/apitest"
)

func testConfig() apitest.Configuration {
	return apitest.Configuration{
		ConfigChanges: []api.ConfigChange{
			{Do: api.ConfigAdd, On: "slave ipvl2 of eth0 in netns ns2"},
			{Do: api.ConfigRemove, On: "slave ipvl1 of eth0"},
			{Do: api.ConfigChanges, On: "master eth0", What: "mode", From: "l3 bridge", To: "l2 bridge"},
			{Do: api.ConfigRestart, On: "eal", To: "--no-pci"},
		},
		Config: api.Config{File: "/f", Settings: []api.Setting{{Name: "burst", Value: "32"}, {Name: "force", Value: "true"}, {Name: "workers", Value: "0,2"}},
			Masters: []api.RunningMaster{{Wire: "0000:00:04.0", DeclaredMaster: api.DeclaredMaster{Name: "eth0", Mode: "l2", Flag: "vepa",
				Slaves: []api.DeclaredSlave{{Link: api.LinkAdd{Master: "eth0", Name: "a", Netns: "ns0", MTU: 1400}, Down: true,
					Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix("fd00::1/64")}}}}}}},
	}
}

func TestConfigDiffIsLinesAndApplyAsks(t *testing.T) {
	d := &apitest.Daemon{Configuration: testConfig()}
	const lines = `+ slave ipvl2 of eth0 in netns ns2
- slave ipvl1 of eth0
~ master eth0: mode l3 bridge -> l2 bridge
! eal none -> --no-pci
`
	wantOutput(t, d, "config diff", lines)
	wantOutput(t, d, "conf apply --dry-run", lines)
	wantOutput(t, d, "config apply", lines)
	want := []any{"config diff", api.ConfigApply{DryRun: true}, api.ConfigApply{}}
	if got := d.Requests(); !reflect.DeepEqual(got, want) {
		t.Errorf("requests: got %v, want %v", got, want)
	}
}

func TestConfigShowIsAFile(t *testing.T) {
	wantOutput(t, &apitest.Daemon{Configuration: testConfig()}, "config", `burst: 32
force: true
workers: 0,2
masters:
  - name: eth0
    wire: 0000:00:04.0
    mode: l2
    flag: vepa
    slaves:
      - name: a
        mtu: 1400
        netns: ns0
        up: false
        addresses:
          - 10.0.0.1/24
          - fd00::1/64
`)
}

func TestARefusedFileIsTold(t *testing.T) {
	d := &apitest.Daemon{Err: &api.Refusal{Text: "/f:1:2: no", Errno: unix.EINVAL}}
	if code, _, errs := runLine(apitest.Start(t, d), "config apply"); code != exitRefused || errs != "ipvctl: /f:1:2: no\n" {
		t.Errorf("exit status %d, %q", code, errs)
	}
}
