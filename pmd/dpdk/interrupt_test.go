package dpdk

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// childSocket is set for a copy of the test binary that tests RX interrupts on
// the vhost-user socket that it names. DPDK's vhost thread outlives its ports,
// and crashes when the EAL ends under it: so the copy is killed by its own exit.
const childSocket = "IPVDT_CHILD_SOCKET"

// TestRxInterruptWakesOnceArmed: virtio-user over vhost-user is a driver with RX
// interrupts that needs no hardware.
func TestRxInterruptWakesOnceArmed(t *testing.T) {
	if socket := os.Getenv(childSocket); socket != "" {
		wakeByInterrupt(t, socket)
		fmt.Println("interrupted")
		os.Exit(0)
	}
	child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	child.Env = append(os.Environ(), childSocket+"="+filepath.Join(t.TempDir(), "s"))
	out, err := child.CombinedOutput()
	os.Remove(fmt.Sprintf("/var/run/dpdk/ipvdt%d", child.Process.Pid))
	if !strings.Contains(string(out), "interrupted\n") {
		t.Errorf("%v: %s", err, out)
	}
}

func wakeByInterrupt(t *testing.T, socket string) {
	pool := newTestPool(t, 4095)
	back := attachTest(t, "net_vhost0,iface="+socket, PortOptions{Pool: pool})
	front := attachTest(t, "virtio_user0,path="+socket, PortOptions{Pool: pool, Interrupts: true})
	w := asWorker(t, pool, 64, 32)
	w.addRx(front, 32)
	tx := w.addTx(back)
	w.step()
	fd, _ := w.set.WaitFD()
	if fd < 0 {
		t.Fatal("there is nothing to sleep on")
	}
	send := func() {
		_, b := w.packet(testFrame(60))
		w.set.TxList().Add(tx, b)
		w.set.Flush()
		w.v.Reset()
	}
	// The back end drops what it is given before its thread has seen the front.
	for deadline := time.Now().Add(30 * time.Second); len(w.received()) == 0 && time.Now().Before(deadline); {
		send()
		w.step()
	}
	w.set.Disarm()
	for range 3 {
		if readable(t, fd, 0) {
			t.Fatal("readable at rest")
		}
		w.set.Arm()
		send()
		if !readable(t, fd, 30*time.Second) {
			t.Fatal("not readable when a frame has come")
		}
		w.set.Disarm()
		w.receiveOne()
	}
}
