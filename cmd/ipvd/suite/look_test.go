package suite

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket/pcapgo"
	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/describe"
)

// lookWait is for what a busy machine takes its time for.
const lookWait = 60 * time.Second

// running is an ipvctl that goes on until it is ended.
type running struct {
	l      *lab
	cmd    *exec.Cmd
	out    logged
	errs   logged
	exited chan error
}

// goOn starts ipvctl, and waits until it says that it has begun.
func (l *lab) goOn(args ...string) *running {
	l.t.Helper()
	words := append([]string{"netns", "exec", l.host.Name, filepath.Join(l.bin, "ipvctl"), "--socket", l.socket}, args...)
	r := &running{l: l, cmd: exec.Command("ip", words...)}
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.errs
	r.exited = spawn(l.t, r.cmd)
	l.t.Cleanup(func() { r.cmd.Process.Kill() })
	l.await("ipvctl "+strings.Join(args, " ")+" begins", lookWait, func() bool {
		if r.over() {
			l.t.Fatalf("ipvctl %v ended: %s%s", args, &r.out, &r.errs)
		}
		return strings.Contains(r.errs.String(), "ing\n")
	})
	return r
}

func (r *running) over() bool {
	select {
	case err := <-r.exited:
		r.exited <- err
		return true
	default:
		return false
	}
}

// end waits until it ends by itself, or after a signal, and gives its output.
func (r *running) end(sig unix.Signal) string {
	r.l.t.Helper()
	if sig != 0 {
		r.cmd.Process.Signal(sig)
	}
	r.l.await("ipvctl ends", lookWait, r.over)
	if err := <-r.exited; err != nil {
		r.l.t.Errorf("ipvctl: %v: %s", err, &r.errs)
	}
	return r.out.String()
}

// newLookLab has two slaves.
func newLookLab(t *testing.T, words ...string) *lab {
	t.Helper()
	l := newLab(t, 2)
	l.start("--ephemeral")
	for i := range 2 {
		l.add(i, words...)
	}
	return l
}

func TestCaptureWritesPcapngOfWhatIsAskedFor(t *testing.T) {
	l := newLookLab(t, "mode", "l2")
	l.ping(l.boxes[0], routerAddr)
	c := l.goOn("capture", "--dev", "ipvl0", "-c", "2", "-w", "-", "icmp and host "+routerAddr)
	l.ping(l.boxes[0], routerAddr)
	raw := c.end(0)
	r, err := pcapgo.NewNgReader(strings.NewReader(raw), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for range 2 {
		b, info, about, err := r.ReadPacketDataWithOptions()
		if err != nil {
			t.Fatal(err)
		}
		face, _ := r.Interface(info.InterfaceIndex)
		direction := map[pcapgo.NgEpbFlag]string{pcapgo.NgEpbFlagDirectionInbound: "in", pcapgo.NgEpbFlagDirectionOutbound: "out"}[about.Flags.Direction]
		got = append(got, face.Name+" "+direction+": "+describe.Frame(b))
		if age := time.Since(info.Timestamp); age < 0 || age > lookWait {
			t.Errorf("a packet is %v old", age)
		}
	}
	want := "ipvl0 (eth0/1) in: 10.0.0.11 > 10.0.0.254 ICMP EchoRequest\nipvl0 (eth0/1) out: 10.0.0.254 > 10.0.0.11 ICMP EchoReply"
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}
	dump := exec.Command("tcpdump", "-n", "-r", "-")
	dump.Stdin = strings.NewReader(raw)
	if out, err := dump.Output(); err != nil || !bytes.Contains(out, []byte("ICMP echo reply")) {
		t.Errorf("tcpdump reads %s, %v", out, err)
	}
	l.stop()
}

func TestADroppedPacketIsCapturedTracedAndExplained(t *testing.T) {
	l := newLookLab(t, "mode", "l2", "private")
	l.boxes[0].IP("neigh replace " + boxAddr(1) + " lladdr " + masterMAC + " dev ipvl0")
	c, tr := l.goOn("capture", "--dev", "ipvl0", "--drop", "private", "-c", "1"), l.goOn("-j", "trace", "--dev", "ipvl0", "-c", "1", "icmp")
	l.reaches(l.boxes[0], boxAddr(1))
	if out := c.end(0); !strings.Contains(out, "10.0.0.11 > 10.0.0.12 ICMP EchoRequest [dropped as private: ") {
		t.Errorf("captured %q", out)
	}
	var traced api.Path
	if err := json.Unmarshal([]byte(tr.end(0)), &traced); err != nil {
		t.Fatal(err)
	}
	explained := decode[[]api.Path](l, l.must("-j", "explain", "--dev", "ipvl0", boxAddr(0), boxAddr(1), "icmp"))
	if len(explained) != 1 {
		t.Fatalf("explained %d packets, want 1", len(explained))
	}
	for what, path := range map[string]api.Path{"traced": traced, "explained": explained[0]} {
		ends := path.Ends()
		if path.From != "ipvl0 (eth0/1)" || len(ends) != 1 || ends[0].Dropped != "private" || ends[0].Where != "eth0/ipvl0" {
			t.Errorf("%s: %+v", what, path)
		}
	}
	stages := func(p api.Path) (all []string) {
		for _, s := range p.Steps {
			all = append(all, s.Stage)
		}
		return all
	}
	if a, b := stages(traced), stages(explained[0]); strings.Join(a, ",") != strings.Join(b, ",") {
		t.Errorf("traced through %v, explained through %v", a, b)
	}
	if out := l.must("stats", "drops"); !strings.Contains(out, "private") || !strings.Contains(out, "ipvl0 (eth0/1)") {
		t.Errorf("drops:\n%s", out)
	}
	l.stop()
}

func TestExplainSendsAndCountsNothing(t *testing.T) {
	l := newLookLab(t, "mode", "l3")
	before := l.verify()
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"--dev", "ipvl0", boxAddr(0), boxAddr(1), "tcp", "80"}, "ipvl1 (eth0/2)"},
		{[]string{"--dev", "eth0/1", boxAddr(0), "10.0.0.77"}, "eth0/punt"}, // which the kernel has to find
		{[]string{"--dev", "eth0", routerAddr, boxAddr(1), "udp", "1", "2"}, "ipvl1 (eth0/2)"},
		{[]string{"--dev", "eth0/host", hostAddr, routerAddr}, "eth0/wire"},
		{[]string{"--dev", "eth0", "fd00::fe", "fd00::99", "icmp"}, "eth0/host"},
	} {
		paths := decode[[]api.Path](l, l.must(append([]string{"-j", "explain"}, tc.args...)...))
		if len(paths) != 1 || len(paths[0].Ends()) != 1 || paths[0].Ends()[0].To != tc.want {
			t.Errorf("%v: %+v, want its end at %s", tc.args, paths, tc.want)
		}
	}
	// Without a route it is dropped, and the slave is told.
	paths := decode[[]api.Path](l, l.must("-j", "explain", "--dev", "eth0/1", boxAddr(0), "192.0.2.1"))
	if ends := paths[0].Ends(); len(paths) != 1 || len(ends) != 2 || ends[0].Dropped != "no_route" || ends[1].To != "ipvl0 (eth0/1)" {
		t.Errorf("without a route: %+v", paths)
	}
	l.refused([]string{"explain", "--dev", "eth0/punt", boxAddr(0), boxAddr(1)}, "nothing is received")
	l.refused([]string{"explain", "--dev", "nobody", boxAddr(0), boxAddr(1)}, "nobody")
	l.refused([]string{"explain", "--dev", "ipvl0", boxAddr(0), "fd00::1"}, "different versions")
	l.await("nothing was counted", lookWait, func() bool {
		after := l.verify()
		return after.Received-before.Received < 100 // the boxes' own, such as router solicitations
	})
	l.stop()
}

func TestLooksEndWithTheirClientAndWithTheDaemon(t *testing.T) {
	l := newLookLab(t, "mode", "l2")
	c := l.goOn("capture", "--stage", "eth0 classify")
	l.ping(l.boxes[0], routerAddr)
	l.await("packets are captured", lookWait, func() bool { return strings.Contains(c.out.String(), "enters stage eth0 classify") })
	c.end(unix.SIGINT)
	if errs := c.errs.String(); !strings.Contains(errs, " packets captured, 0 lost") {
		t.Errorf("at its end it says %q", errs)
	}
	l.refused([]string{"capture", "--stage", "nowhere"}, "eth0 ingress")
	l.refused([]string{"capture", "--drop", "rain"}, "private")
	l.refused([]string{"capture", "--", "no filter"}, "no filter")
	killed := l.goOn("capture")
	var looks []*running
	for len(looks) < 7 { // of eight that may look at once, one is the capture
		looks = append(looks, l.goOn("trace", "--dev", "ipvl1"))
	}
	l.refused([]string{"trace"}, "end one of them")
	killed.cmd.Process.Kill()
	<-killed.exited
	pinger := exec.Command("ip", "netns", "exec", l.boxes[0].Name, "ping", "-q", "-i", "0.1", routerAddr)
	spawn(t, pinger)
	defer pinger.Process.Kill()
	l.await("its place is free", lookWait, func() bool { _, err := l.ctl("capture", "-c", "1"); return err == nil })
	pinger.Process.Kill()
	l.stop()
	for _, r := range looks {
		r.end(0)
	}
}

func TestMonitorTellsWhatTheLogDoesNot(t *testing.T) {
	l := newLab(t, 1)
	l.start("--ephemeral", "--log-level", "warn")
	m := l.goOn("monitor")
	l.add(0, "mode", "l2")
	l.await("the event is told", lookWait, func() bool { return strings.Contains(m.out.String(), "slave is added") })
	if strings.Contains(l.stderr.String(), "slave is added") {
		t.Error("the log has a line below its level")
	}
	if out := l.must("log", "level"); out != "level warn\n" {
		t.Errorf("log level: %q", out)
	}
	l.must("log", "level", "debug")
	l.must("link", "del", "ipvl0")
	l.await("the log has its new level", lookWait, func() bool { return strings.Contains(l.stderr.String(), "slave is removed") })
	m.end(unix.SIGTERM)
	l.stop()
}
