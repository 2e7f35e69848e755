package dpdk

/*
#cgo pkg-config: libdpdk
#include <stdlib.h>
#include <rte_eal.h>
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"ipvd/pmd"
)

// DefaultMemMB is the memory taken without hugepages when Config.MemMB is 0: a
// few ports and a pool of 65,536 mbufs.
const DefaultMemMB = 512

// Config says how the EAL starts. The zero value suits a program that takes
// vdevs and every NIC bound to DPDK.
type Config struct {
	// Args are further EAL arguments, such as -a 0000:00:04.0. They come after
	// our own. Those that place threads (-l, -c, --lcores) are refused: workers
	// are threads of this program.
	Args []string
	// MemMB is the memory for pools and rings, in MiB. With hugepages it is
	// taken at the start and more on demand, and if fewer are free none are
	// used; 0 takes all on demand. Without hugepages it is all there is, and 0
	// means DefaultMemMB.
	MemMB int
	// NoPCI leaves the PCI bus alone.
	NoPCI bool
	// NoHuge uses ordinary pages even if there are hugepages.
	NoHuge bool
	// Prefix distinguishes processes of one machine; "" means ipvd.
	Prefix string
	// Telemetry opens DPDK's telemetry socket, for Runtime.Telemetry and DPDK's own
	// commands. Those walk ports and pools on a thread of DPDK's while ports may be
	// closed: it is for an operator's questions. The prefix must then be no other
	// process's.
	Telemetry bool
	// Log receives DPDK's messages of level warning (5) and worse, or of the
	// level that a --log-level in Args sets. It is called from one goroutine.
	// nil discards them.
	Log func(level int, line string)
}

// Runtime is the EAL of this process.
type Runtime struct {
	huge bool
	lack string // in place of enough hugepages
	log  *logPipe
	// socket is the telemetry socket's path, or "".
	socket string

	mu        sync.Mutex // control: probing, removing, and what follows
	closed    bool
	names     int // pools named so far
	ports     map[string]*Port
	pools     map[*Pool]bool
	vectors   map[*pmd.Vector]*vector
	lingering []lingerer
}

var _ pmd.Runtime = (*Runtime)(nil)

// started says that this process has used its one chance to start the EAL.
var started atomic.Bool

// Start starts the EAL. A process can do so once, successful or not
// (rte_eal_init(3)); a second call is an error.
func Start(cfg Config) (*Runtime, error) {
	if arg := threadArg(cfg.Args); arg != "" {
		return nil, fmt.Errorf("start EAL: argument %s: threads are placed by this program, not by the EAL", arg)
	}
	if err := checkMbuf(); err != nil {
		return nil, fmt.Errorf("start EAL: %w", err)
	}
	if !started.CompareAndSwap(false, true) {
		return nil, errors.New("start EAL: it was started before in this process, and DPDK cannot start twice")
	}
	log, err := newLogPipe(cfg.Log)
	if err != nil {
		return nil, fmt.Errorf("start EAL: %w", err)
	}
	free := freeHugeMB()
	r := &Runtime{
		huge:    !cfg.NoHuge && !slices.Contains(cfg.Args, "--no-huge") && enoughHuge(free, cfg.MemMB),
		lack:    lackOfHuge(free, cfg.MemMB),
		log:     log,
		ports:   map[string]*Port{},
		pools:   map[*Pool]bool{},
		vectors: map[*pmd.Vector]*vector{},
	}
	args, err := r.args(cfg)
	if err == nil {
		err = initEAL(args)
	}
	if err == nil {
		err = reserveVnet()
	}
	if err != nil {
		log.close()
		return nil, fmt.Errorf("start EAL with %q: %w", args, err)
	}
	if cfg.Telemetry {
		r.findSocket()
	}
	return r, nil
}

// Hugepages reports whether the memory lies in hugepages.
func (r *Runtime) Hugepages() bool { return r.huge }

// Warning tells the operator what the lack of hugepages costs; "" if there are
// enough.
func (r *Runtime) Warning() string {
	if r.huge {
		return ""
	}
	return r.lack + ": memory is in 4 KiB pages, with more TLB misses, " +
		"a fixed size, and no use of NICs that need physical addresses (IOVA as PA)"
}

// Close closes ports that are still attached, frees all pools and ends the EAL.
// Workers, poll sets and vectors must be gone. A second call does nothing.
func (r *Runtime) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	r.StopTelemetry()
	ports := slices.Collect(maps.Values(r.ports))
	r.mu.Unlock()
	var errs []error
	for _, p := range ports {
		errs = append(errs, p.Close())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.pools {
		p.release()
	}
	dir := C.GoString(C.rte_eal_get_runtime_dir())
	if ret := C.rte_eal_cleanup(); ret != 0 {
		errs = append(errs, fmt.Errorf("clean up EAL: %w", errno(ret)))
	}
	os.Remove(dir) // the EAL leaves it empty
	r.log.close()
	return errors.Join(errs...)
}

// args is the EAL's command line. The one lcore that the EAL insists on floats
// over all CPUs of the process, so that it costs none.
func (r *Runtime) args(cfg Config) ([]string, error) {
	var cpus unix.CPUSet
	if err := unix.SchedGetaffinity(0, &cpus); err != nil {
		return nil, fmt.Errorf("get affinity: %w", err)
	}
	prefix := cfg.Prefix
	if prefix == "" {
		prefix = "ipvd"
	}
	args := []string{"ipvd", "--lcores=0@(" + cpuList(&cpus) + ")", "--file-prefix=" + prefix,
		"--log-level=warning"}
	if !cfg.Telemetry {
		args = append(args, "--no-telemetry")
	}
	mem := cfg.MemMB
	if r.huge {
		// In few files: a vhost-user backend takes eight of them.
		args = append(args, "--in-memory", "--single-file-segments")
	} else {
		args = append(args, "--no-huge", "--no-shconf")
		if mem == 0 {
			mem = DefaultMemMB
		}
	}
	if mem != 0 {
		args = append(args, fmt.Sprintf("-m%d", mem))
	}
	if cfg.NoPCI {
		args = append(args, "--no-pci")
	}
	return append(args, cfg.Args...), nil
}

// threadArg finds an argument that would place threads.
func threadArg(args []string) string {
	for _, a := range args {
		for _, bad := range []string{"-l", "-c", "-s", "-S", "--lcores", "--main-lcore"} {
			if a == bad || strings.HasPrefix(a, bad+"=") || len(bad) == 2 && strings.HasPrefix(a, bad) {
				return a
			}
		}
	}
	return ""
}

// cpuList writes a set as the EAL reads it: 0,1,5.
func cpuList(set *unix.CPUSet) string {
	var list []string
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			list = append(list, fmt.Sprint(cpu))
		}
	}
	return strings.Join(list, ",")
}

// initEAL runs rte_eal_init on a thread of its own, which ends with it: the EAL
// pins the calling thread and makes it its main lcore, and every thread that Go
// cloned from it would inherit both.
func initEAL(args []string) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		argv := make([]*C.char, len(args)+1)
		for i, a := range args {
			argv[i] = C.CString(a) // for ever: the EAL keeps pointers
		}
		var pin runtime.Pinner
		defer pin.Unpin()
		pin.Pin(&argv[0])
		C.ipvd_forget_error()
		taken := C.ipvd_eal_start(C.int(len(args)), (**C.char)(unsafe.Pointer(&argv[0])))
		if taken < 0 {
			done <- driverError(taken)
			return
		}
		// It puts what it does not know last.
		if rest := argv[taken+1 : len(args)]; len(rest) > 0 {
			C.rte_eal_cleanup()
			done <- fmt.Errorf("%q is no argument of the EAL", C.GoString(rest[0]))
			return
		}
		done <- nil
	}()
	return <-done
}

// checkMbuf compares pmd's picture of struct rte_mbuf with C's.
func checkMbuf() error {
	for field, want := range pmd.MbufOffsets() {
		name := C.CString(field)
		got := C.ipvd_mbuf_offset(name)
		C.free(unsafe.Pointer(name))
		if int(got) != int(want) {
			return fmt.Errorf("rte_mbuf.%s lies at %d, this program expects %d: it was built for another DPDK", field, got, want)
		}
	}
	return nil
}

// reserveVnet makes DPDK leave pmd.Mbuf's own field and flag to us.
func reserveVnet() error {
	offset, size, bit := pmd.VnetField()
	if ret := C.ipvd_reserve(C.size_t(offset), C.size_t(size), C.uint(bit)); ret != 0 {
		return fmt.Errorf("reserve %d bytes at %d of rte_mbuf and bit %d of its flags: %w", size, offset, bit, errno(ret))
	}
	return nil
}
