// Split reads a capture and writes its UDP packets to one and the others to
// another:
//
//	split -no-huge all.pcap udp.pcap other.pcap
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"time"

	"ipvd/flows"
	"ipvd/pmd/dpdk"
)

func main() {
	cfg := dpdk.Config{Prefix: "split", NoPCI: true}
	flag.BoolVar(&cfg.NoHuge, "no-huge", false, "do without hugepages")
	flag.Parse()
	rt, err := dpdk.Start(cfg)
	if err == nil {
		err = errors.Join(split(rt, flag.Arg(0), flag.Arg(1), flag.Arg(2)), rt.Close())
	}
	if err != nil {
		log.Fatal(err)
	}
}

func split(rt *dpdk.Runtime, all, udp, other string) error {
	pool, err := rt.NewPool(dpdk.PoolConfig{Name: "mbufs", Size: 8191})
	if err != nil {
		return err
	}
	opts := dpdk.PortOptions{Pool: pool}
	first, errFirst := rt.Attach("net_pcap0,rx_pcap="+all+",tx_pcap="+udp, opts)
	second, errSecond := rt.Attach("net_pcap1,tx_pcap="+other, opts)
	if err := errors.Join(errFirst, errSecond); err != nil {
		return err
	}
	sys, err := flows.Start(flows.Config{Runtime: rt, Pool: pool, CPUs: []int{-1}}, func(g *flows.Graph) error {
		flow := g.Receive(first)
		flow.Separate(isUDP).Send(second)
		flow.Send(first)
		return nil
	})
	if err != nil {
		return err
	}
	for before, now := uint64(1), uint64(0); now != before; {
		before = now
		time.Sleep(500 * time.Millisecond)
		now = sys.Account().Received
	}
	err = sys.Stop()
	fmt.Printf("%+v\n", sys.Account())
	return err
}
