// Forward relays packets between two ports, named by PCI address or devargs.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"ipvd/flows"
	"ipvd/pmd/dpdk"
)

func main() {
	cfg := dpdk.Config{Prefix: "forward"}
	flag.BoolVar(&cfg.NoHuge, "no-huge", false, "do without hugepages")
	flag.BoolVar(&cfg.NoPCI, "no-pci", false, "leave the PCI bus alone")
	packets := flag.Uint64("packets", 0, "stop after so many packets; 0: never")
	flag.Parse()
	rt, err := dpdk.Start(cfg)
	if err == nil {
		err = errors.Join(forward(rt, flag.Arg(0), flag.Arg(1), *packets), rt.Close())
	}
	if err != nil {
		log.Fatal(err)
	}
}

func forward(rt *dpdk.Runtime, a, b string, packets uint64) error {
	pool, err := rt.NewPool(dpdk.PoolConfig{Name: "mbufs", Size: 8191})
	if err != nil {
		return err
	}
	opts := dpdk.PortOptions{Pool: pool, Promiscuous: true}
	left, errLeft := rt.Attach(a, opts)
	right, errRight := rt.Attach(b, opts)
	if err := errors.Join(errLeft, errRight); err != nil {
		return err
	}
	sys, err := flows.Start(flows.Config{Runtime: rt, Pool: pool, CPUs: []int{-1}}, func(g *flows.Graph) error {
		g.Receive(left).Send(right)
		g.Receive(right).Send(left)
		return nil
	})
	if err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	for len(stop) == 0 && (packets == 0 || sys.Account().Received < packets) {
		time.Sleep(10 * time.Millisecond)
	}
	err = sys.Stop()
	fmt.Printf("%+v\n", sys.Account())
	return err
}
