package dpdk

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"ipvd/pmd"
)

func TestAttachErrorsSayWhatWasWrong(t *testing.T) {
	pool := newTestPool(t, 255)
	for _, c := range []struct {
		devargs string
		opt     PortOptions
		want    string
	}{
		{"nosuch0", PortOptions{Pool: pool}, "failed to parse device"},
		{"zz:zz", PortOptions{Pool: pool}, "neither a PCI address nor a vdev"},
		{"class=eth", PortOptions{Pool: pool}, "neither a PCI address nor a vdev"},
		{"net_ring0,internal=0x1234", PortOptions{Pool: pool}, "an address in this process"},
		{"bus=pci", PortOptions{Pool: pool}, "neither a PCI address nor a vdev"},
		{"net_pcap0", PortOptions{Pool: pool}, ""},
		{"net_pcap0,rx_pcap=/nonexistent", PortOptions{Pool: pool}, "/nonexistent"},
		{"net_null0", PortOptions{}, "no pool"},
		{"net_null0", PortOptions{Pool: pool, MTU: 70000}, "MTU 70000"},
		{"net_null0", PortOptions{Pool: pool, RxQueues: -1}, "out of range"},
		{"net_null0", PortOptions{Pool: pool, MAC: net.HardwareAddr{1, 2}}, "2 bytes"},
		{"net_af_xdp0,iface=ipvdt-none", PortOptions{Pool: pool}, "ipvdt-none"},
		{"0000:ff:1f.7", PortOptions{Pool: pool}, "probe"},
	} {
		p, err := rt.Attach(c.devargs, c.opt)
		if err == nil {
			p.Close()
			if c.want != "" {
				t.Errorf("%s: attached", c.devargs)
			}
			continue
		}
		if !strings.HasPrefix(err.Error(), "attach "+c.devargs+": ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q does not say %q", err, c.want)
		}
	}
	if n := len(rt.ports); n != 0 {
		t.Errorf("%d ports are left", n)
	}
}

func TestDeviceIsAttachedOnce(t *testing.T) {
	pool := newTestPool(t, 255)
	attachTest(t, "net_null0", PortOptions{Pool: pool})
	for _, devargs := range []string{"net_null0", "net_null0,size=128"} {
		if _, err := rt.Attach(devargs, PortOptions{Pool: pool}); !errors.Is(err, pmd.ErrBusy) {
			t.Errorf("%s: %v", devargs, err)
		}
	}
	if err := pool.Close(); !errors.Is(err, pmd.ErrBusy) {
		t.Errorf("closing the pool of an open port: %v", err)
	}
}

func TestTableOfPortsIsFull(t *testing.T) {
	pool := newTestPool(t, 255)
	for i := range 32 {
		attachTest(t, fmt.Sprintf("net_null%d", i), PortOptions{Pool: pool})
	}
	_, err := rt.Attach("net_null32", PortOptions{Pool: pool})
	if !errors.Is(err, pmd.ErrNoPorts) || !strings.Contains(err.Error(), "32 ports") || !strings.Contains(err.Error(), "kind tap") {
		t.Errorf("33rd port: %v", err)
	}
	if _, err := rt.Attach("net_null5", PortOptions{Pool: pool}); !errors.Is(err, pmd.ErrBusy) {
		t.Errorf("attached twice with a full table: %v", err)
	}
}

// heapInUse is what is allocated of DPDK's heap, in bytes.
func heapInUse() uint64 {
	total, unused := heapBytes()
	return total - unused
}

func TestAttachAndCloseLeakNothing(t *testing.T) {
	pool := newTestPool(t, 1023)
	// net_null is not among them: DPDK's driver forgets 384 bytes each time.
	devices := []string{"net_ring0", "net_pcap0,tx_pcap=" + t.TempDir() + "/x.pcap"}
	cycle := func() {
		for _, devargs := range devices {
			p, err := rt.Attach(devargs, PortOptions{Pool: pool})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := p.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for range 50 { // until DPDK's heap has the holes it needs
		cycle()
	}
	files, heap, mbufs := openFiles(t), heapInUse(), pool.InUse()
	for range 200 {
		cycle()
	}
	if n := openFiles(t); n > files {
		t.Errorf("%d descriptors, %d before", n, files)
	}
	if n := heapInUse(); n > heap+4096 {
		t.Errorf("DPDK's heap has %d bytes in use, %d before", n, heap)
	}
	if n := pool.InUse(); n != mbufs {
		t.Errorf("%d mbufs in use, %d before", n, mbufs)
	}
}

func TestPortStaysWhileAPollSetHoldsIt(t *testing.T) {
	pool := newTestPool(t, 255)
	port := attachTest(t, "net_null0", PortOptions{Pool: pool})
	w := asWorker(t, pool, 32, 0)
	w.addRx(port, 32)
	if err := port.Close(); !errors.Is(err, pmd.ErrBusy) {
		t.Errorf("close under a poll set: %v", err)
	}
	w.step()
	if got := len(w.received()); got != 32 {
		t.Errorf("%d packets after the refused close", got)
	}
	w.closeSet()
	if err := port.Close(); err != nil {
		t.Error(err)
	}
	if s := port.Rx()[0].Stats(); s.Packets != 32 {
		t.Errorf("statistics after close: %+v", s)
	}
	if _, err := port.rt.NewPollSet(w.v); err != nil {
		t.Error(err)
	}
	if port.Carrier() {
		t.Error("a closed port has a carrier")
	}
	if err := port.SetPromiscuous(true); !errors.Is(err, pmd.ErrClosed) {
		t.Errorf("promiscuous on a closed port: %v", err)
	}
}

func TestClosedPortJoinsNoPollSet(t *testing.T) {
	pool := newTestPool(t, 255)
	port := attachTest(t, "net_null0", PortOptions{Pool: pool})
	w := asWorker(t, pool, 32, 0)
	if err := port.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.set.AddRx(port.Rx()[0], 32); !errors.Is(err, pmd.ErrClosed) {
		t.Errorf("RX: %v", err)
	}
	if _, err := w.set.AddTx(port.Tx()[0], false); !errors.Is(err, pmd.ErrClosed) {
		t.Errorf("TX: %v", err)
	}
}

func TestPortsComeAndGoWhileAWorkerPolls(t *testing.T) {
	pool := newTestPool(t, 1023)
	port := attachTest(t, "net_null0", PortOptions{Pool: pool})
	var stop atomic.Bool
	var steps atomic.Int64
	done := make(chan int)
	go func() {
		w, end := newWorker(t, pool, 64, 8)
		w.addRx(port, 32)
		packets := 0
		for !stop.Load() {
			w.step()
			packets += len(w.received())
			steps.Add(1)
			runtime.Gosched()
		}
		end()
		done <- packets
	}()
	for i := range 20 {
		before := steps.Load()
		p, err := rt.Attach(fmt.Sprintf("net_ring%d", i), PortOptions{Pool: pool})
		if err != nil {
			t.Error(err)
			break
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		for steps.Load() == before {
			runtime.Gosched()
		}
	}
	stop.Store(true)
	if n := <-done; n < 20*32 {
		t.Errorf("the worker received %d packets", n)
	}
}

func TestPortDescribesItself(t *testing.T) {
	pool := newTestPool(t, 255)
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 7}
	port := attachTest(t, "net_null0", PortOptions{Pool: pool, MAC: mac, MTU: 1400, RxQueues: 4, TxQueues: 2, Promiscuous: true, AllMulticast: true})
	info := port.Info()
	if info.Driver != "net_null" || info.MAC.String() != mac.String() || info.MTU != 1400 {
		t.Errorf("info %+v", info)
	}
	if len(port.Rx()) != 4 || len(port.Tx()) != 2 || port.Rx()[3].Index() != 3 {
		t.Errorf("%d RX and %d TX queues", len(port.Rx()), len(port.Tx()))
	}
	if port.Name() != "net_null0" || port.Driver() != pmd.Driver(rt) || !port.Carrier() || port.Gone() {
		t.Errorf("name %s, carrier %t, gone %t", port.Name(), port.Carrier(), port.Gone())
	}
	info.MAC[5] = 9
	if port.Info().MAC[5] != 7 {
		t.Error("the port's MAC was changed through Info")
	}
	mac[5] = 8
	if err := port.SetMAC(mac); err != nil || port.Info().MAC[5] != 8 {
		t.Errorf("set MAC: %v, now %s", err, port.Info().MAC)
	}
	for _, bad := range []error{port.SetMTU(0), port.SetMTU(70000), port.SetMAC(nil)} {
		if bad == nil {
			t.Error("took a value out of range")
		}
	}
}

func TestDriverThatCannotSaysSo(t *testing.T) {
	pool := newTestPool(t, 255)
	port := attachTest(t, "net_ring0", PortOptions{Pool: pool, Promiscuous: true, AllMulticast: true, MTU: 9000})
	if err := port.SetMTU(1400); !errors.Is(err, pmd.ErrUnsupported) || !strings.Contains(err.Error(), "net_ring") {
		t.Errorf("set MTU: %v", err)
	}
	if got := port.Info().MTU; got != 9000 {
		t.Errorf("MTU %d", got)
	}
}

func TestQuirksAreReadFromDevargs(t *testing.T) {
	for devargs, want := range map[string]int{"net_af_packet0,iface=x": 2016, "net_af_packet0,iface=x,framesz=4096": 4064} {
		if got := afPacketFrame(devargs); got != want {
			t.Errorf("%s: largest frame %d, want %d", devargs, got, want)
		}
	}
	for devargs, want := range map[string]string{"net_af_xdp0,iface=eth0,start_queue=0": "eth0", "vdev:net_af_xdp,iface=e": "e", "net_tap0,iface=x": "", "net_af_xdp0": ""} {
		if got, ok := xdpInterface(devargs); got != want || ok != (want != "") {
			t.Errorf("%s: interface %q", devargs, got)
		}
	}
}
