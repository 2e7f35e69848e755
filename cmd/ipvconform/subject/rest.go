package subject

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"time"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/host/link"
	"ipvd/cmd/ipvconform/scenario"
)

// Rest waits until no packet is under way in the daemon: until its account is even
// in two readings with no packet between.
func (d *Driver) Rest() error {
	ctx, cancel := context.WithTimeout(context.Background(), answerLimit)
	defer cancel()
	for {
		v, err := d.asked().Verify(ctx)
		if err == nil && v.OK {
			return nil
		}
		if err == nil && ctx.Err() != nil {
			told, _ := json.Marshal(v.Account)
			err = fmt.Errorf("not at rest within %v: %s", answerLimit, told)
		}
		if err != nil {
			return fmt.Errorf("ipvd's account: %w", err)
		}
	}
}

// Learn waits until the daemon knows every address of the scenario's slaves, also
// those of the link that it gives them itself.
func (d *Driver) Learn(s scenario.Scenario) error {
	want, err := addresses(s)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*answerLimit)
	defer cancel()
	for {
		known, err := d.asked().Addrs(ctx, api.AddrFilter{})
		if err != nil {
			return fmt.Errorf("ipvd's addresses: %w", err)
		}
		missing := unknown(want, known)
		if missing == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("ipvd does not know within %v of %s: it knows %v", 2*answerLimit, missing, known)
		case <-time.After(pause):
		}
	}
}

// addresses are those of the scenario's slaves, by slave.
func addresses(s scenario.Scenario) (map[string][]string, error) {
	mac, err := net.ParseMAC(s.Master.MAC)
	if err != nil {
		return nil, fmt.Errorf("the master's MAC address: %w", err)
	}
	all := map[string][]string{}
	for i, slave := range s.Slaves {
		for _, a := range slave.Addrs {
			ip, _, err := net.ParseCIDR(a)
			if err != nil {
				return nil, fmt.Errorf("slave %s: %w", slave.Name, err)
			}
			all[slave.Name] = append(all[slave.Name], ip.String())
		}
		if s.LinkLocal {
			all[slave.Name] = append(all[slave.Name], link.LinkLocal(mac, uint16(i+1)).String())
		}
	}
	return all, nil
}

// unknown names the first address that is not active; empty: all are.
func unknown(want map[string][]string, known []api.Addr) string {
	active := map[string]bool{}
	for _, a := range known {
		active[a.Link+" "+a.Local] = a.State == "active"
	}
	for name, all := range want {
		for _, a := range all {
			if !active[name+" "+a] {
				return name + " " + a
			}
		}
	}
	return ""
}
