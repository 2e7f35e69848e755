package main

import (
	"net/netip"
	"reflect"
	"testing"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/api/apitest"
)

func testRoutes() []api.Route {
	return []api.Route{
		{Master: "eth0", Dst: "default", Type: "unicast", Gateway: "10.0.0.254", Table: 254, Metric: 100},
		{Master: "eth0", Dst: "198.51.100.0/24", Type: "unicast", Table: 100, MTU: 1400,
			NextHops: []api.NextHop{{Gateway: "10.0.0.254", Weight: 1}, {Gateway: "fe80::1", Weight: 3}}},
		{Master: "eth0", Dst: "192.0.2.0/24", Type: "unreachable", Table: 254},
		{Master: "eth0", Dst: "192.0.2.7", From: "10.0.0.11", Type: "unicast", Gateway: "10.0.0.254",
			Neighbour: &api.Neighbour{Dst: "10.0.0.254", Master: "eth0", LLAddr: "02:00:00:00:00:ee", State: "usable"}},
	}
}

func TestRouteShow(t *testing.T) {
	d := &apitest.Daemon{RouteList: testRoutes()}
	wantOutput(t, d, "route show eth0 table 100", "default via 10.0.0.254 dev eth0 metric 100\n"+
		"198.51.100.0/24 dev eth0 table 100 mtu 1400\n\tnexthop via 10.0.0.254 weight 1\n\tnexthop via fe80::1 weight 3\n"+
		"unreachable 192.0.2.0/24 dev eth0\n"+
		"192.0.2.7 from 10.0.0.11 via 10.0.0.254 dev eth0 neigh usable lladdr 02:00:00:00:00:ee\n")
	if asked := d.Requests(); !reflect.DeepEqual(asked, []any{api.RouteFilter{Master: "eth0", Table: 100}}) {
		t.Errorf("asked for %+v", asked)
	}
}

func TestRouteGet(t *testing.T) {
	d := &apitest.Daemon{RouteList: testRoutes()[3:]}
	if code, _, stderr := ask(t, d, "route get 192.0.2.7 from 10.0.0.11 dev eth0 tos 0x10"); code != 0 {
		t.Fatal(stderr)
	}
	want := api.RouteQuery{Master: "eth0", To: netip.MustParseAddr("192.0.2.7"), From: netip.MustParseAddr("10.0.0.11"), TOS: 0x10}
	if asked := d.Requests(); !reflect.DeepEqual(asked, []any{want}) {
		t.Errorf("asked for %+v, want %+v", asked, want)
	}
	for _, args := range []string{"192.0.2.7", "from 10.0.0.11", "192.0.2.7 from x", "192.0.2.7 from 10.0.0.11 tos 256"} {
		if code, stdout, stderr := ask(t, d, "route get "+args); code == 0 || stderr == "" {
			t.Errorf("route get %s: status %d, printed %q", args, code, stdout)
		}
	}
}

func TestNeighShow(t *testing.T) {
	d := &apitest.Daemon{NeighList: []api.Neighbour{
		{Dst: "10.0.0.254", Master: "eth0", LLAddr: "02:00:00:00:00:ee", State: "usable", Used: true},
		{Dst: "10.0.0.9", Master: "eth0", State: "failed"},
	}}
	wantOutput(t, d, "neigh", "10.0.0.254 dev eth0 lladdr 02:00:00:00:00:ee used usable\n10.0.0.9 dev eth0 failed\n")
}
