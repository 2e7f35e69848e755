package dpdk

/*
#include <stdlib.h>
#include <rte_eal.h>
#include <rte_telemetry.h>
#include "shim.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
	"unsafe"
)

// Command is a command of the telemetry socket, which any client of DPDK's
// telemetry (dpdk-telemetry.py) can give. The socket stands in DPDK's runtime
// directory, of which the EAL makes one for each file prefix; only its owner can
// connect.
type Command struct {
	Name string // as /ipvd/links
	Help string // a line, for the client's /help
	// Answer answers it; param is what the client gave after the comma, or "". It is
	// called on a goroutine of its own. After a second ctx ends and the client is
	// told that there is no answer; a panic is answered as an error. Neither workers
	// nor other clients wait for it.
	Answer func(ctx context.Context, param string) (Answer, error)
}

// Answer is what a client is told, in JSON: a dictionary, or the list if there is
// no dictionary. What is too long for DPDK is cut off: see the constants.
type Answer struct {
	Dict []Entry
	List []string
}

// Entry is an entry of a dictionary, made by Number, Text or List. Of the name's
// characters, others than letters, digits, _ and / become _.
type Entry struct {
	name   string
	number *uint64 // nil: no number
	list   []string
	text   string // if there is neither a number nor a list
}

// Number is an entry with a number.
func Number(name string, n uint64) Entry { return Entry{name: name, number: &n} }

// Text is an entry with a text.
func Text(name, text string) Entry { return Entry{name: name, text: text} }

// List is an entry with texts.
func List(name string, list []string) Entry {
	if list == nil {
		list = []string{}
	}
	return Entry{name: name, list: list}
}

// What DPDK takes of an answer (rte_telemetry.h); the client reads 16 KiB.
const (
	MaxAnswerEntries = 256
	MaxAnswerList    = 512
	MaxAnswerText    = 127
	maxAnswer        = 15 << 10
)

// answerTime is how long a client waits for an answer.
const answerTime = time.Second

// telemetry is what answers: there is one socket in a process.
var telemetry struct {
	mu       sync.Mutex
	commands map[string]Command // nil: nobody answers
	running  sync.WaitGroup     // of answers; under mu it is added to
}

// Telemetry registers commands, once for the life of the process. The runtime must
// have been started with Config.Telemetry.
func (r *Runtime) Telemetry(commands []Command) error {
	if r.socket == "" {
		return errors.New("register telemetry commands: the EAL runs without its telemetry socket")
	}
	byName := map[string]Command{}
	for _, c := range commands {
		byName[c.Name] = c
	}
	telemetry.mu.Lock()
	telemetry.commands = byName
	telemetry.mu.Unlock()
	for _, c := range commands {
		name, help := C.CString(c.Name), C.CString(c.Help)
		ret := C.ipvd_telemetry_register(name, help) // it copies both
		C.free(unsafe.Pointer(name))
		C.free(unsafe.Pointer(help))
		if ret != 0 {
			return fmt.Errorf("register telemetry command %q: %w", c.Name, errno(ret))
		}
	}
	return nil
}

// StopTelemetry lets no client connect any more, answers nothing to those that are
// connected, and waits for answers in progress. Close does the same.
func (r *Runtime) StopTelemetry() {
	if r.socket == "" {
		return
	}
	os.Remove(r.socket) // the EAL would do so at exit(3), which Go does not call
	telemetry.mu.Lock()
	telemetry.commands = nil
	telemetry.mu.Unlock()
	telemetry.running.Wait()
}

// TelemetrySocket is the path of the telemetry socket, "" if there is none.
func (r *Runtime) TelemetrySocket() string { return r.socket }

// findSocket learns where the EAL listens.
func (r *Runtime) findSocket() {
	path := filepath.Join(C.GoString(C.rte_eal_get_runtime_dir()), "dpdk_telemetry.v2")
	if _, err := os.Stat(path); err == nil {
		r.socket = path
	}
}

//export ipvdTelemetry
func ipvdTelemetry(command, param *C.char, out *C.struct_rte_tel_data) C.int {
	telemetry.mu.Lock()
	c, ok := telemetry.commands[C.GoString(command)]
	if ok {
		telemetry.running.Add(1)
	}
	telemetry.mu.Unlock()
	if !ok {
		return -1
	}
	a, err := answerInTime(c, C.GoString(param))
	if err != nil {
		a = Answer{Dict: []Entry{Text("error", err.Error())}}
	}
	return fill(out, a)
}

// answerInTime asks c, which counts as running, and waits as long as a client should.
func answerInTime(c Command, param string) (Answer, error) {
	type result struct {
		a   Answer
		err error
	}
	done := make(chan result, 1)
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	go func() {
		var r result
		defer func() {
			if fault := recover(); fault != nil {
				r.err = fmt.Errorf("%s failed: %v", c.Name, fault)
			}
			done <- r
			cancel()
			telemetry.running.Done()
		}()
		r.a, r.err = c.Answer(ctx, param)
	}()
	patience := time.NewTimer(answerTime)
	defer patience.Stop()
	select {
	case r := <-done:
		return r.a, r.err
	case <-patience.C:
		return Answer{}, fmt.Errorf("%s has no answer within %v: the daemon is busy", c.Name, answerTime)
	}
}
