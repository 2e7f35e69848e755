package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// logPipe carries DPDK's messages to Go. DPDK logs on whatever thread it is on,
// a worker's fast path included, where a call back into Go is not allowed; so
// it writes to a socket and drops what does not fit.
type logPipe struct {
	r    *os.File
	w    int // the C stream's end
	done chan struct{}
}

func newLogPipe(sink func(level int, line string)) (*logPipe, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open socket pair for the log: %w", err)
	}
	if ret := C.ipvd_log_to(C.int(fds[1])); ret != 0 {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return nil, fmt.Errorf("redirect DPDK's log: %w", errno(ret))
	}
	p := &logPipe{r: os.NewFile(uintptr(fds[0]), "dpdk-log"), w: fds[1], done: make(chan struct{})}
	go p.read(sink)
	return p, nil
}

// read hands over messages; each is one packet, a byte of level and the text.
func (p *logPipe) read(sink func(level int, line string)) {
	defer close(p.done)
	buf := make([]byte, 4096)
	for {
		n, err := p.r.Read(buf)
		if err != nil || n == 0 {
			return
		}
		if line := strings.TrimSpace(string(buf[1:n])); sink != nil && line != "" {
			sink(int(buf[0]), line)
		}
	}
}

// close ends the log after what was written has been handed over. The C stream
// stays open but writes to nowhere: DPDK may log as long as the process lives.
func (p *logPipe) close() {
	unix.Shutdown(p.w, unix.SHUT_RDWR)
	<-p.done
	p.r.Close()
}

// errNoReason stands for the return value -1.
var errNoReason = errors.New("DPDK gives no reason")

// errno makes an error of a negative return value of DPDK.
func errno(ret C.int) error {
	if ret == -1 {
		return errNoReason
	}
	return syscall.Errno(-ret)
}

// driverError is errno with the first error that DPDK logged since
// ipvd_forget_error, which is often the only place that says what was wrong.
func driverError(ret C.int) error {
	var buf [256]C.char
	C.ipvd_first_error(&buf[0], C.size_t(len(buf)))
	said, err := strings.TrimSpace(C.GoString(&buf[0])), errno(ret)
	switch {
	case said == "":
		return err
	case err == errNoReason:
		return errors.New(said)
	}
	return fmt.Errorf("%w (%s)", err, said)
}
