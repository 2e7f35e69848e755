package kind

import (
	"strings"
	"testing"
)

func TestOptionsAreThoseOfTheKind(t *testing.T) {
	for _, c := range []struct {
		kind string
		o    Options
		want string // in the error; empty: none
	}{
		{"", Options{}, ""},
		{"tap", Options{Socket: "/s"}, "kind tap takes no socket"},
		{"tun", Options{}, `kind "tun" is unknown, want tap, memif, vhost-user, virtio-user, vdev`},
		{"memif", Options{Socket: "/run/m", Role: "slave", MemifID: 7, Secret: "s", Queues: 4, Learn: true, Trusted: true}, ""},
		{"memif", Options{}, "socket is missing"},
		{"memif", Options{Socket: "m"}, `"m" is not an absolute path`},
		{"memif", Options{Socket: "/" + strings.Repeat("m", 107)}, "more than 107"},
		{"memif", Options{Socket: "/m", Role: "both"}, `role "both" is unknown`},
		{"memif", Options{Socket: "/m", MemifID: -1}, "id -1"},
		{"memif", Options{Socket: "/m", Secret: strings.Repeat("s", 25)}, "25 bytes"},
		{"memif", Options{Socket: "/m", Queues: 17}, "queues 17"},
		{"memif", Options{Socket: "/m", Devargs: "x"}, "takes no devargs: only socket"},
		{"vhost-user", Options{Socket: "/v", Role: "client"}, ""},
		{"vhost-user", Options{Socket: "/v", Secret: "s"}, "takes no secret"},
		{"virtio-user", Options{Queues: 2}, ""},
		{"virtio-user", Options{Role: "client"}, "kind virtio-user takes no role"},
		{"virtio-user", Options{Socket: "/v"}, "add the word trusted"},
		{"virtio-user", Options{Socket: "/v", Trusted: true}, ""},
		{"vdev", Options{}, "devargs is missing"},
		{"vdev", Options{Devargs: "net_ring0"}, ""},
		{"vdev", Options{Devargs: "net_vhost0,iface=/v"}, "add the word trusted"},
		{"vdev", Options{Devargs: "net_memif0", Trusted: true}, ""},
	} {
		err := Check(c.kind, c.o)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s %+v: %v", c.kind, c.o, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s %+v: error %v, want %q in it", c.kind, c.o, err, c.want)
		}
	}
}
