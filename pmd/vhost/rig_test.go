package vhost

import (
	"path/filepath"
	"testing"

	"ipvd/pmd/peer"
	"ipvd/pmd/peer/peertest"
	"ipvd/pmd/vhost/vhosttest"
)

// rig is a backend with a frontend that is connected.
func rig(t *testing.T, features uint64, mtu int) (*peertest.Rig, *peer.Port, *vhosttest.Frontend) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	p := open(t, Config{Path: path, Server: true, MTU: mtu})
	r := peertest.New(t, p)
	f := vhosttest.Dial(t, path, features)
	f.Start()
	r.Await("packets can flow", p.Carrier)
	return r, p, f
}

func open(t *testing.T, c Config) *peer.Port {
	t.Helper()
	c.Log = func(event string, err error) { t.Log(event, err) }
	p, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
