package main

import (
	"strings"
	"testing"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/api/apitest"
)

// testLinks are a master and its slave in another namespace.
func testLinks() []api.Link {
	return []api.Link{
		{IfIndex: 3, IfName: "eth0", Flags: []string{"BROADCAST", "MULTICAST", "UP", "LOWER_UP"}, MTU: 1500,
			OperState: "UP", Address: "02:00:00:00:00:01", PortKind: "net_ixgbe", Wire: "0000:01:00.0", State: "ok"},
		{IfIndex: 7, IfName: "ipvl0", Link: "eth0", ID: 1, Flags: []string{"BROADCAST", "UP"}, MTU: 1400,
			OperState: "LOWERLAYERDOWN", Address: "02:00:00:00:00:01", Netns: "c1", PortKind: "tap", Addrs: 2,
			State: "tap is gone"},
	}
}

func TestLinkShowLooksLikeIP(t *testing.T) {
	d := &apitest.Daemon{LinkList: testLinks()}
	wantOutput(t, d, "link show", `3: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
7: ipvl0@eth0: <BROADCAST,UP> mtu 1400 state LOWERLAYERDOWN id 1
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff netns c1
    warning: tap is gone
`)
}

func TestLinkShowWithDetailsAndCounters(t *testing.T) {
	links := testLinks()
	for i, kind := range []string{"ipvlan-master", "ipvlan"} {
		links[i].LinkInfo = &api.LinkInfo{Kind: kind}
		links[i].LinkInfo.Data.Mode, links[i].LinkInfo.Data.Flag = "l2", "bridge"
		links[i].Stats64 = &api.Stats64{}
	}
	rx, tx := &links[0].Stats64.RX, &links[0].Stats64.TX
	rx.Bytes, rx.Packets, rx.Errors, rx.Dropped, rx.Multicast = 123456789012, 1234567890, 1, 2, 3
	tx.Bytes, tx.Packets, tx.Errors, tx.Dropped = 60, 4, 5, 6
	links[1].State = "ok"
	wantOutput(t, &apitest.Daemon{LinkList: links}, "-s -d link", `3: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    ipvlan-master  mode l2 bridge port net_ixgbe wire 0000:01:00.0
    RX:        bytes    packets errors dropped mcast
        123456789012 1234567890      1       2     3
    TX:  bytes packets errors dropped
            60       4      5       6
7: ipvl0@eth0: <BROADCAST,UP> mtu 1400 state LOWERLAYERDOWN id 1
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff netns c1
    ipvlan  mode l2 bridge port tap addresses 2
    RX:  bytes packets errors dropped mcast
             0       0      0       0     0
    TX:  bytes packets errors dropped
             0       0      0       0
`)
}

func TestLinkShowAsJSONHasTheNamesOfIP(t *testing.T) {
	d := &apitest.Daemon{LinkList: testLinks()[1:]}
	wantOutput(t, d, "-j link show dev ipvl0", `[{"ifindex":7,"ifname":"ipvl0","link":"eth0","flags":["BROADCAST","UP"],`+
		`"mtu":1400,"operstate":"LOWERLAYERDOWN","address":"02:00:00:00:00:01","dev_id":1,"netns":"c1","port_kind":"tap",`+
		`"state":"tap is gone","mode":"","mode_flag":"","addresses":2}]
`)
	wantOutput(t, &apitest.Daemon{}, "-j link", "[]\n")
	code, out, _ := ask(t, d, "-p link")
	if code != 0 || !strings.HasPrefix(out, "[\n    {\n        \"ifindex\": 7,\n") {
		t.Errorf("link -p: exit status %d, output\n%s", code, out)
	}
}

func TestLinkThatIsNotThereIsAnError(t *testing.T) {
	code, out, errs := ask(t, &apitest.Daemon{}, "link show dev ipvl9")
	if code != exitRefused || out != "" || !strings.Contains(errs, "link ipvl9: no such device") {
		t.Errorf("exit status %d, output %q, error %q", code, out, errs)
	}
}

func TestAddrShowGroupsBySlave(t *testing.T) {
	d := &apitest.Daemon{AddrList: []api.Addr{
		{Link: "ipvl0", Master: "eth0", ID: 1, Family: "inet", Local: "10.0.0.5", State: "active", Source: "kernel"},
		{Link: "ipvl0", Master: "eth0", ID: 1, Family: "inet6", Local: "fd00::5", State: "conflict", Owner: "eth0/2", Source: "static"},
		{Link: "ipvl0", Master: "eth0", ID: 2, Family: "inet6", Local: "fd00::5", State: "active", Source: "kernel"},
	}}
	wantOutput(t, d, "addr show", `ipvl0@eth0: id 1
    inet 10.0.0.5 active kernel
    inet6 fd00::5 conflict owner eth0/2 static
ipvl0@eth0: id 2
    inet6 fd00::5 active kernel
`)
}

func TestStatsLeaveZerosOutExceptInDetail(t *testing.T) {
	d := &apitest.Daemon{Counters: []api.Counter{
		{Where: "eth0/classify", Kind: "in", Name: "received", Packets: 1000},
		{Where: "eth0/ipvl0", Kind: "dropped", Name: "no_route"},
	}}
	wantOutput(t, d, "stats", `WHERE          KIND  NAME      PACKETS
eth0/classify  in    received  1000
`)
	d.Counters[0].Workers, d.Counters[1].Workers = []uint64{400, 600}, []uint64{0, 0}
	wantOutput(t, d, "-d stats", `WHERE          KIND     NAME      PACKETS  BY WORKER
eth0/classify  in       received  1000     400  600
eth0/ipvl0     dropped  no_route  0        0    0
`)
}

func TestVerifyPrintsTheAccountAndFailsUnlessItBalances(t *testing.T) {
	d := &apitest.Daemon{Account: api.Verify{OK: true, AtRest: true, Account: api.Account{Received: 1000, Copied: 10, Delivered: 990,
		Dropped: 20, Reasons: map[string]uint64{"tx_full": 5, "no_route": 15}}}}
	const account = `received                         1000
copied                             10
delivered                         990
dropped                            20
  no_route                         15
  tx_full                           5
difference                          0
mbufs in use                        0
`
	wantOutput(t, d, "verify", account+"ok\n")
	d.Account.OK = false
	code, out, errs := ask(t, d, "verify")
	if code != exitNotOK || out != account || errs != "ipvctl: the account does not balance\n" {
		t.Errorf("exit status %d, error %q, output\n%s", code, errs, out)
	}
	d.Account.Explanation = []string{"packets never rested"}
	d.Account.Rows = []api.AccountRow{{Kind: "slave", Where: "ipvl0 (eth0/1)", Received: 5, Dropped: 2}, {Kind: "worker", Where: "0 (CPU 1)", Received: 5}}
	if code, out, _ := ask(t, d, "-d verify"); code != exitNotOK || out != account+`
KIND    WHERE           RECEIVED  COPIED  DELIVERED  DROPPED
slave   ipvl0 (eth0/1)  5         0       0          2
worker  0 (CPU 1)       5         0       -          0
packets never rested
` {
		t.Errorf("under traffic: exit status %d, output\n%s", code, out)
	}
	wantOutput(t, &apitest.Daemon{Account: api.Verify{OK: true, Account: api.Account{Received: 3, Delivered: 3}}}, "-br verify",
		"received 3 copied 0 delivered 3 dropped 0 difference 0\n")
}

func TestGraphsEdgesAreJSON(t *testing.T) {
	d := &apitest.Daemon{DOT: "digraph flows {\n\trankdir=LR\n\t\"a rx 0\" -> \"b\"\n\t\"b\" -> \"c tx 0\" [label=\"yes\"]\n}\n"}
	wantOutput(t, d, "-j graph", `[{"from":"a rx 0","to":"b"},{"from":"b","to":"c tx 0"}]`+"\n")
}

func TestGraphAndStatusArePrinted(t *testing.T) {
	d := &apitest.Daemon{DOT: "digraph { a -> b }\n", Running: api.Status{Version: "1.0", PID: 42,
		Masters: []string{"eth0"}, Workers: []int{0, 1}, Uptime: 61.4}}
	wantOutput(t, d, "graph", d.DOT)
	wantOutput(t, d, "status", "ipvd 1.0 pid 42 up 1m1s\nmasters [eth0]\nworkers on CPUs [0 1]\n")
}

func TestStatusWithDetailsSaysHowBusyWorkersAre(t *testing.T) {
	d := &apitest.Daemon{Running: api.Status{Version: "1.0", PID: 42, Masters: []string{"eth0"}, Workers: []int{0, 1}, Poll: "adaptive",
		Load: []api.Worker{{CPU: 0, Steps: 1000, Busy: 125, Sleeps: 7, Asleep: 0.993, WakeP50: 32, WakeP99: 2048}, {CPU: 1, Faults: 1}}}}
	wantOutput(t, d, "-d status", `ipvd 1.0 pid 42 up 0s
masters [eth0]
workers on CPUs [0 1]
poll adaptive
CPU  STEPS  WITH PACKETS  FAULTS  SLEEPS  ASLEEP  WAKE P50  WAKE P99
0    1000   12.5%         0       7       99.3%   <32µs     <2.048ms
1    0      0.0%          1       0       0.0%    -         -
`)
}
