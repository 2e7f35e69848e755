package subject

import (
	"encoding/json"
	"time"

	"ipvd/cmd/ipvconform/lab"
)

var _ lab.Follower = (*Driver)(nil)

// followLimit is how long the daemon may take to follow a change: on a busy machine
// it may wait for a CPU.
const followLimit = 3 * time.Second

// Follow waits until the master has the MAC address and the MTU of the host's
// interface. The daemon changes its slaves in the same turn.
func (d *Driver) Follow(l *lab.Lab) {
	for end := time.Now().Add(followLimit); time.Now().Before(end); time.Sleep(pause) {
		mac, mtu := l.MasterLink()
		if mac == "" || d.has(l, mac, mtu) {
			return
		}
	}
}

// has reports what the daemon says of its master.
func (d *Driver) has(l *lab.Lab, mac string, mtu int) bool {
	out, err := d.control(l, "-j", "link", "show")
	var links []struct {
		Name    string `json:"ifname"`
		Link    string `json:"link"`
		Address string `json:"address"`
		MTU     int    `json:"mtu"`
	}
	if err != nil || json.Unmarshal([]byte(out), &links) != nil {
		return false
	}
	for _, k := range links {
		if k.Link == "" && k.Name == lab.Master {
			return k.Address == mac && k.MTU == mtu
		}
	}
	return false
}
