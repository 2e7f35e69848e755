package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"ipvd/flows"
	"ipvd/flows/ipvlan"
	"ipvd/pmd"
	"ipvd/pmd/dpdk"
	"ipvd/pmd/tap"
)

// idleSteps is the daemon's.
const idleSteps = 200

// opened gives p, or what is wrong and nothing that must be closed.
func opened(p *tapPair, err error) (*tapPair, error) {
	if err == nil {
		err = p.up()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", p.name, err), p.close())
	}
	return p, nil
}

// ipvdPair connects them by the graph that the daemon builds for `--mode l2`, on
// a worker that sleeps as the daemon's does.
func (b *bench) ipvdPair() (*tapPair, error) {
	p, err := newTapPair("ipvd")
	if err == nil {
		err = p.addIpvd(b)
	}
	return opened(p, err)
}

func (p *tapPair) addIpvd(b *bench) error {
	pool, err := b.rt.NewPool(dpdk.PoolConfig{Name: "tap", Size: 8192, Socket: -1})
	if err != nil {
		return err
	}
	p.undo = append(p.undo, pool.Close)
	null, err := b.rt.Attach("net_null_tap,no-rx=1", dpdk.PortOptions{Pool: pool, TxQueues: 2})
	if err != nil {
		return err
	}
	p.undo = append(p.undo, null.Close)
	m := ipvlan.NewMaster("eth0", 1)
	m.Mode, m.MAC, m.MTU, m.Wire, m.Host = ipvlan.L2, masterMAC, mtu, null, lane{Port: null, tx: null.Tx()[1:]}
	for i := range p.ns {
		port, err := p.addTAP(i)
		if err != nil {
			return err
		}
		m.Slaves = append(m.Slaves, ipvlan.NewSlave(m.Name, uint16(i+1), fmt.Sprintf("ipvl%d", i), port, mtu, 1))
		if err := m.Table.Set(netip.MustParseAddr(tapAddr(i)), uint32(i+1)); err != nil {
			return err
		}
	}
	cfg := flows.Config{Runtime: b.rt, Pool: pool, CPUs: []int{-1}, IdleSteps: idleSteps}
	sys, err := flows.Start(cfg, func(g *flows.Graph) error { return ipvlan.Build(g, m) })
	if err != nil {
		return err
	}
	p.undo = append(p.undo, func() error {
		if d := sys.Account().Difference(); d != 0 {
			err = fmt.Errorf("ipvd: the account differs by %d", d)
		}
		return errors.Join(err, sys.Stop())
	})
	return nil
}

// addTAP makes a slave's port in namespace i.
func (p *tapPair) addTAP(i int) (pmd.Port, error) {
	port, err := tap.Open(tap.Config{MTU: mtu, MAC: masterMAC[:]})
	if err != nil {
		return nil, err
	}
	p.undo = append(p.undo, port.Close)
	ns, err := unix.Open("/run/netns/"+p.ns[i], unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open namespace %s: %w", p.ns[i], err)
	}
	defer unix.Close(ns)
	return port, port.MoveTo(ns, "eth0")
}

// macvlanPair connects them by the kernel, over a veth that leads nowhere.
func (b *bench) macvlanPair() (*tapPair, error) {
	p, err := newTapPair("macvlan")
	if err == nil {
		err = tapCommand("ip", "-n", p.ns[0], "link", "add", "lower", "type", "veth", "peer", "name", "upper")
	}
	for _, words := range []string{"link set lower up", "link set upper up", "link add link lower eth0 type macvlan mode bridge",
		"link add link lower eth1 type macvlan mode bridge", "link set eth1 netns " + p.ns[1] + " name eth0"} {
		if err == nil {
			err = tapCommand("ip", append([]string{"-n", p.ns[0]}, strings.Fields(words)...)...)
		}
	}
	return opened(p, err)
}

// testpmdPair connects them by DPDK's own program over net_tap, which polls only
// in its turns.
func (b *bench) testpmdPair() (*tapPair, error) {
	p, err := newTapPair("testpmd")
	if err == nil {
		err = p.addTestpmd()
	}
	return opened(p, err)
}

func (p *tapPair) addTestpmd() error {
	var names [2]string
	args := []string{"--no-huge", "-m", "256", "--no-pci", "--no-shconf", "--no-telemetry", "--file-prefix", fmt.Sprintf("perf%dtap", os.Getpid()), "-l", "0,1"}
	for i := range names {
		names[i] = fmt.Sprintf("perf%dtap%d", os.Getpid()%100000, i)
		args = append(args, "--vdev", fmt.Sprintf("net_tap%d,iface=%s", i, names[i]))
	}
	args = append(args, "--", "-i", "--forward-mode=io", "--burst=64", "--total-num-mbufs=16384", "--no-mlockall")
	cmd := exec.Command("stdbuf", append([]string{"-oL", "dpdk-testpmd"}, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("testpmd: %w", err)
	}
	r := bufio.NewReader(out)
	p.undo = append(p.undo, func() error {
		_, err := io.WriteString(in, "quit\n")
		in.Close()
		io.Copy(io.Discard, r)
		return errors.Join(err, cmd.Wait())
	})
	t := &testpmd{cmd: cmd, in: in, out: r}
	if _, err := t.until(testpmdReady); err != nil {
		return err
	}
	p.begin = func() error { return say(t, "start\n", testpmdReady) }
	p.end = func() error { return say(t, "stop\n", testpmdStopped) }
	for i, name := range names {
		if err := tapCommand("ip", "link", "set", name, "netns", p.ns[i], "name", "eth0"); err != nil {
			return err
		}
	}
	return nil
}

// say gives testpmd a command and waits for what it says then.
func say(t *testpmd, command, mark string) error {
	if _, err := io.WriteString(t.in, command); err != nil {
		return fmt.Errorf("testpmd: %s: %w", strings.TrimSpace(command), err)
	}
	_, err := t.until(mark)
	return err
}
