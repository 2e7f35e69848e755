package main

import (
	"slices"
	"testing"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/api/apitest"
)

func testFlows() []api.Flow {
	return []api.Flow{{Master: "eth0", ID: 7, Proto: "tcp",
		Orig: api.FlowWay{Src: "10.0.0.11:1000", Dst: "192.0.2.9:443", Shortcut: true, Packets: 12, Bytes: 700,
			FastPackets: 10, FastBytes: 600},
		Reply: api.FlowWay{Src: "192.0.2.9:443", Dst: "10.0.0.1:1000", Packets: 3, Bytes: 156}}}
}

func TestFlowShowHasALineForEachDirection(t *testing.T) {
	for _, line := range []string{"flow show", "flow"} {
		wantOutput(t, &apitest.Daemon{FlowList: testFlows()}, line,
			`MASTER  PROTO  FROM            TO             WAY       PACKETS  BYTES  PAST THE HOST
eth0    tcp    10.0.0.11:1000  192.0.2.9:443  shortcut  12       700    10
eth0    tcp    192.0.2.9:443   10.0.0.1:1000  host      3        156    0
`)
	}
	wantOutput(t, &apitest.Daemon{}, "-j flow", "[]\n")
	wantOutput(t, &apitest.Daemon{FlowList: testFlows()}, "-j flow", `[{"link":"eth0","id":7,"proto":"tcp",`+
		`"orig":{"src":"10.0.0.11:1000","dst":"192.0.2.9:443","shortcut":true,"packets":12,"bytes":700,"fast_packets":10,"fast_bytes":600},`+
		`"reply":{"src":"192.0.2.9:443","dst":"10.0.0.1:1000","shortcut":false,"packets":3,"bytes":156,"fast_packets":0,"fast_bytes":0}}]
`)
}

func TestFlowFlushNamesTheMaster(t *testing.T) {
	for line, want := range map[string]api.FlowFlush{"flow flush": {}, "flow flush eth0": {Master: "eth0"}} {
		d := &apitest.Daemon{}
		wantOutput(t, d, line, "")
		if got := d.Requests(); !slices.Equal(got, []any{want}) {
			t.Errorf("%s: the daemon was asked %+v, want %+v", line, got, want)
		}
	}
}

func TestHostShowListsWhatWasChanged(t *testing.T) {
	d := &apitest.Daemon{Changes: []api.HostChange{{Master: "eth0", Kind: "interface", What: "ipvd-ret0"},
		{Master: "eth0", Kind: "sysctl", What: "net/ipv4/conf/eth0/forwarding", Old: "0", New: "1"}}}
	wantOutput(t, d, "host show", `eth0: interface ipvd-ret0
eth0: sysctl net/ipv4/conf/eth0/forwarding: 0 -> 1
`)
	wantOutput(t, &apitest.Daemon{}, "-j host", "[]\n")
}
