package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"ipvd/perf/measure"
)

// What Debian's package openvswitch-switch-dpdk and those below it install.
const (
	ovsSwitch = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
	ovsSchema = "/usr/share/openvswitch/vswitch.ovsschema"
)

// ovsLimit is for what takes Open vSwitch a second.
const ovsLimit = 20 * time.Second

// ovs is Open vSwitch with its datapath in user space: a database and a switch
// of our own, all of whose files are in a folder of ours. Its only worker polls
// the bed's file and sends to a net_null for each slave. That worker never
// rests, so the switch is stopped between turns.
type ovs struct {
	dir     string
	db      *process
	vswitch *process
	ctl     *unixctl
	sched   string // /proc file with the worker's CPU time
}

// startOVS starts a switch that has a rule for each address.
func (b *bench) startOVS(t *bed, rules []string, outputs int) (o *ovs, err error) {
	if _, err := os.Stat(ovsSwitch); err != nil {
		return nil, fmt.Errorf("Open vSwitch with DPDK is not installed (make bench-deps): %w", errAbsent)
	}
	o = &ovs{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("Open vSwitch: %w", err), o.close())
		}
	}()
	if o.dir, err = os.MkdirTemp(b.dir, "ovs"); err != nil {
		return o, err
	}
	if err := o.startDaemons(); err != nil {
		return o, err
	}
	if o.ctl, err = dialUnixctl(o.path("switch.ctl")); err != nil {
		return o, err
	}
	if err := o.configure(t.file, rules, outputs); err != nil {
		return o, err
	}
	if o.sched, err = threadSchedstat(o.vswitch.cmd.Process.Pid, "pmd-c"); err != nil {
		return o, err
	}
	if err := o.warmUp(); err != nil {
		return o, err
	}
	return o, o.vswitch.pause()
}

func (o *ovs) path(name string) string { return filepath.Join(o.dir, name) }

// startDaemons starts the database and the switch. The environment keeps what
// they would write elsewhere in the folder.
func (o *ovs) startDaemons() (err error) {
	here := []string{"OVS_RUNDIR=" + o.dir, "OVS_LOGDIR=" + o.dir, "OVS_DBDIR=" + o.dir, "OVS_SYSCONFDIR=" + o.dir}
	if _, err := command("ovsdb-tool", "create", o.path("conf.db"), ovsSchema); err != nil {
		return err
	}
	o.db, err = startProcess(here, "ovsdb-server", o.path("conf.db"), "--remote=p"+o.database(), "--unixctl="+o.path("db.ctl"))
	if err != nil {
		return err
	}
	if err := o.db.await("it listens", ovsLimit, exists(o.path("db.sock"))); err != nil {
		return err
	}
	// --in-memory, which the switch adds otherwise, is refused without hugepages.
	eal := fmt.Sprintf("--no-huge --legacy-mem -m 256 --no-pci --no-shconf --no-telemetry --file-prefix perf%dovs", os.Getpid())
	if err := o.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
		"other_config:dpdk-extra="+eal, "other_config:dpdk-lcore-mask=0x1", "other_config:pmd-cpu-mask=0x2"); err != nil {
		return err
	}
	// It leaves the TAPs of its bridge behind when it ends: they go with its namespace.
	o.vswitch, err = startProcess(here, "unshare", "--net", ovsSwitch, o.database(), "--verbose=console:warn", "--unixctl="+o.path("switch.ctl"))
	if err != nil {
		return err
	}
	return o.vswitch.await("it listens", ovsLimit, exists(o.path("switch.ctl")))
}

func (o *ovs) database() string { return "unix:" + o.path("db.sock") }

func (o *ovs) vsctl(args ...string) error {
	_, err := command("ovs-vsctl", append([]string{"--db=" + o.database(), fmt.Sprintf("--timeout=%.0f", ovsLimit.Seconds())}, args...)...)
	return err
}

// configure makes the bridge. The source comes last, so that every packet meets
// its rule.
func (o *ovs) configure(file string, rules []string, outputs int) error {
	args := []string{"add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail-mode=secure"}
	for k := range outputs {
		args = append(args, ovsPort(ovsOutput(k), k+1, fmt.Sprintf("net_null%d,no-rx=1", k))...)
	}
	if err := o.vsctl(args...); err != nil {
		return err
	}
	if err := os.WriteFile(o.path("rules"), []byte(strings.Join(rules, "\n")), 0o600); err != nil {
		return err
	}
	if _, err := command("ovs-ofctl", "add-flows", "unix:"+o.path("br0.mgmt"), o.path("rules")); err != nil {
		return err
	}
	return o.vsctl(ovsPort(ovsSource, outputs+1, "net_pcap0,infinite_rx=1,rx_pcap="+file)[1:]...)
}

const ovsSource = "source"

func ovsOutput(k int) string { return fmt.Sprintf("out%d", k) }

// ovsPort is the words that add a port, after others.
func ovsPort(name string, number int, devargs string) []string {
	return []string{"--", "add-port", "br0", name, "--", "set", "Interface", name, "type=dpdk",
		fmt.Sprintf("ofport_request=%d", number), "options:dpdk-devargs=\"" + devargs + "\""}
}

// ovsTurn is how long a turn is: the kernel tells the CPU time of a thread that
// runs elsewhere as of its last tick only.
const ovsTurn = 200 * time.Millisecond

func (o *ovs) variant() measure.Variant {
	return measure.Variant{Name: "Open vSwitch", Run: func() (s measure.Sample, err error) {
		o.vswitch.signal(unix.SIGCONT)
		before, err := o.sample()
		if err != nil {
			return s, err
		}
		time.Sleep(ovsTurn)
		after, err := o.sample()
		if err != nil {
			return s, err
		}
		if err := o.vswitch.pause(); err != nil {
			return s, err
		}
		s = measure.Sample{Work: after.Work - before.Work, CPU: after.CPU - before.CPU}
		if s.Work == 0 || s.CPU == 0 {
			return s, fmt.Errorf("its worker did not get its CPU for %v: %w", ovsTurn, measure.ErrNoisy)
		}
		return s, nil
	}}
}

// sample is what the worker has received and used so far: CPU time half-way
// through the question.
func (o *ovs) sample() (s measure.Sample, err error) {
	before, err := cpuTime(o.sched)
	if err != nil {
		return s, err
	}
	w, err := o.worked()
	if err != nil {
		return s, err
	}
	after, err := cpuTime(o.sched)
	return measure.Sample{Work: w.received, CPU: (before + after) / 2}, err
}

func (o *ovs) close() error {
	var errs []error
	if o.ctl != nil {
		errs = append(errs, o.ctl.conn.Close())
	}
	for _, p := range []*process{o.vswitch, o.db} {
		if p != nil {
			errs = append(errs, p.stop())
		}
	}
	return errors.Join(append(errs, os.RemoveAll(o.dir))...)
}
