package dpdk

import (
	"errors"
	"net"
	"strings"
	"testing"

	"ipvd/pmd"
)

func TestQueuesAreWhatTheDeviceCanUse(t *testing.T) {
	for _, c := range []struct {
		driver           string
		want, most, gets int
		why              string
	}{
		{"net_ixgbe", 4, 16, 4, ""}, {"net_ixgbe", 20, 16, 16, "no more"},
		{"net_e1000_em", 2, 2, 1, "does not spread"}, {"net_e1000_em", 1, 2, 1, ""},
		{"net_vmxnet3", 3, 16, 2, "power of two"}, {"net_vmxnet3", 4, 16, 4, ""}, {"net_vmxnet3", 1, 16, 1, ""},
	} {
		n, why := quirkOf(c.driver).queues(c.want, c.most)
		if n != c.gets || n < c.want && !strings.Contains(why, c.why) {
			t.Errorf("%s, %d of %d: got %d (%s), want %d (%s)", c.driver, c.want, c.most, n, why, c.gets, c.why)
		}
	}
}

func TestLargestMTUIsThatOfTheDriver(t *testing.T) {
	for _, c := range []struct{ mtu, frame, want int }{
		{9000, 16384, 9000}, {65535, 9234, 9216}, {0, 9234, 9216}, {65535, 1<<32 - 1, 0}, {0, 0, 0},
	} {
		if got := maxMTU(c.mtu, c.frame); got != c.want {
			t.Errorf("max_mtu %d, max_rx_pktlen %d: got %d, want %d", c.mtu, c.frame, got, c.want)
		}
	}
}

// TestPortSaysWhatItDoesNotDo: net_ring has 16 rings each way.
func TestPortSaysWhatItDoesNotDo(t *testing.T) {
	pool := newTestPool(t, 8191)
	port := attachTest(t, "net_ring7", PortOptions{Pool: pool, RxQueues: 99, TxQueues: 99, RxDesc: 64, TxDesc: 64})
	if n, said := len(port.Rx()), strings.Join(port.Lowered(), "; "); n >= 99 || !strings.Contains(said, "99 RX queues to") || !strings.Contains(said, "99 TX queues to") {
		t.Errorf("%d queues, and said %q", n, said)
	}
	if port := attachTest(t, "net_null7", PortOptions{Pool: pool, RxQueues: 2, TxQueues: 2, RxDesc: 64}); len(port.Lowered()) > 0 {
		t.Errorf("a port that does all it was asked for says %q", port.Lowered())
	}
}

func TestGroupsMustBeMulticast(t *testing.T) {
	port := attachTest(t, "net_null8", PortOptions{Pool: newTestPool(t, 255), RxDesc: 64})
	if err := port.SetMulticast([]net.HardwareAddr{{2, 0, 0, 0, 0, 1}}); err == nil || !strings.Contains(err.Error(), "no multicast MAC") {
		t.Errorf("a unicast MAC: got %v", err)
	}
	if err := port.SetMulticast([]net.HardwareAddr{{0x33, 0x33, 0, 0, 0, 1}}); !errors.Is(err, pmd.ErrUnsupported) {
		t.Errorf("a driver without a filter: got %v, want %v", err, pmd.ErrUnsupported)
	}
}
