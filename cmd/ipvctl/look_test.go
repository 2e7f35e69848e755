package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"golang.org/x/net/bpf"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/api/apitest"
)

// testFrame is a broadcast of no protocol that anybody knows.
func testFrame() []byte {
	return append([]byte{255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x88, 0xb5}, "text"...)
}

// testCapture is a pcapng file of one packet, sent, with a comment.
func testCapture(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	w, err := pcapgo.NewNgWriterInterface(&b, pcapgo.NgInterface{Name: "ipvl0", LinkType: layers.LinkTypeEthernet, TimestampResolution: 9}, pcapgo.DefaultNgWriterOptions)
	if err != nil {
		t.Fatal(err)
	}
	info := gopacket.CaptureInfo{Timestamp: time.Unix(1700000000, 0), CaptureLength: len(testFrame()), Length: 99}
	about := pcapgo.NgPacketOptions{Comments: []string{"enters stage x"}, Flags: &pcapgo.NgEpbFlags{Direction: pcapgo.NgEpbFlagDirectionOutbound}}
	if err := w.WritePacketWithOptions(info, testFrame(), about); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const testSummary = "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff ethertype 0x88b5"

func TestCapturePrintsOrWrites(t *testing.T) {
	d := &apitest.Daemon{Streams: apitest.Streams{Out: testCapture(t), End: api.LookEnd{Packets: 1, Lost: 2}}}
	socket, file := apitest.Start(t, d), filepath.Join(t.TempDir(), "f")
	const told = "capturing\n1 packets captured, 2 lost because they came too fast\n"
	code, out, errs := runLine(socket, "capture")
	if want := " ipvl0 out, 99 bytes: " + testSummary + " [enters stage x]\n"; code != 0 || !strings.HasSuffix(out, want) || errs != told {
		t.Errorf("status %d, %q, %q, want %q", code, out, errs, want)
	}
	if code, out, _ := runLine(socket, "-j capture"); code != 0 || !strings.Contains(out, `"direction":"out","length":99,"comment":"enters stage x"`) {
		t.Errorf("status %d, %q", code, out)
	}
	if code, out, _ := runLine(socket, "capture -w -"); code != 0 || out != d.Streams.Out {
		t.Errorf("status %d, %q", code, out)
	}
	if code, _, errs := runLine(socket, "capture -w "+file); code != 0 || errs != told {
		t.Errorf("status %d, %q", code, errs)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != d.Streams.Out {
		t.Errorf("written: %q, %v", b, err)
	}
	if code, _, errs := runLine(socket, "capture -w /nowhere/f"); code == 0 || !strings.Contains(errs, "/nowhere/f") {
		t.Errorf("a file that cannot be made: status %d, %q", code, errs)
	}
}

func TestCaptureAsksForWhatItsFlagsSay(t *testing.T) {
	d := &apitest.Daemon{Streams: apitest.Streams{Out: testCapture(t)}}
	if code, _, errs := ask(t, d, "-n c1 capture --dev ipvl0 --direction in --stage s --drop any --snaplen 64 -c 3 -- tcp port 80"); code != 0 {
		t.Fatal(errs)
	}
	r := d.Requests()[0].(api.Capture)
	if len(r.ID) < 16 || len(r.Program) < 10 {
		t.Errorf("id %q, program of %d instructions", r.ID, len(r.Program))
	}
	r.ID, r.Program = "", nil
	want := api.Capture{Look: api.Look{Dev: "ipvl0", Netns: "c1", Count: 3}, Direction: "in", Stage: "s", Drop: "any", Snap: 64}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("asked for %+v, want %+v", r, want)
	}
}

// testPath is a packet whose MAC is rewritten, of which one copy is dropped.
func testPath() api.Path {
	return api.Path{From: "ipvl0 (eth0/1)", Length: 60, Summary: "a > b", Steps: []api.PathStep{
		{Stage: "eth0 ingress"}, {Stage: "eth0 egress l2", Depth: 1, Changed: "source MAC 1 becomes 2"}, {To: "ipvl1 (eth0/2)", Depth: 2},
		{Dropped: "too_long", Meaning: "it is long", Where: "eth0/ipvl2", Depth: 2}}, More: 3}
}

const testPathText = `from ipvl0 (eth0/1), 60 bytes: a > b
  eth0 ingress
    (source MAC 1 becomes 2)
    eth0 egress l2
      -> ipvl1 (eth0/2)
      dropped as too_long: it is long (counted in eth0/ipvl2)
  and 3 more steps
`

func TestExplainPrintsEachStage(t *testing.T) {
	d := &apitest.Daemon{Insights: apitest.Insights{Paths: []api.Path{testPath()}}}
	wantOutput(t, d, "explain --dev ipvl0 10.0.0.1 10.0.0.2 tcp 80", testPathText)
}

func TestExplainTakesFramesOfAllForms(t *testing.T) {
	dir := t.TempDir()
	ng, classic := filepath.Join(dir, "ng"), filepath.Join(dir, "classic")
	var b bytes.Buffer
	w := pcapgo.NewWriter(&b)
	if err := w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	if err := w.WritePacket(gopacket.CaptureInfo{CaptureLength: len(testFrame()), Length: len(testFrame())}, testFrame()); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{ng: testCapture(t), classic: b.String()} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	frame := api.Explain{Dev: "a", Frames: [][]byte{testFrame()}}
	for line, want := range map[string]api.Explain{
		"explain --dev a --read " + ng:                                           frame,
		"explain --dev a --read " + classic:                                      frame,
		"explain --dev a --frame ff:ff:ff:ff:ff:ff0200000000" + "0188b574657874": frame,
		"-n c1 explain --dev a 10.0.0.1 10.0.0.2":                                {Dev: "a", Netns: "c1", Src: "10.0.0.1", Dst: "10.0.0.2"},
		"explain --dev a 10.0.0.1 10.0.0.2 tcp 80":                               {Dev: "a", Src: "10.0.0.1", Dst: "10.0.0.2", Proto: "tcp", SrcPort: 40000, DstPort: 80},
		"explain --dev a 10.0.0.1 10.0.0.2 udp 5 6":                              {Dev: "a", Src: "10.0.0.1", Dst: "10.0.0.2", Proto: "udp", SrcPort: 5, DstPort: 6},
	} {
		d := &apitest.Daemon{}
		if code, _, errs := ask(t, d, line); code != 0 || !reflect.DeepEqual(d.Requests(), []any{want}) {
			t.Errorf("%s: status %d, %s, asked %+v", line, code, errs, d.Requests())
		}
	}
}

func TestWhatCannotBeExplainedIsNotAsked(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"explain 10.0.0.1 10.0.0.2":                  "no port",
		"explain --dev a":                            "frames or a source",
		"explain --dev a 10.0.0.1":                   "want a source and a destination",
		"explain --dev a 10.0.0.1 10.0.0.2 tcp http": `"http"`,
		"explain --dev a --frame zz":                 `"zz"`,
		"explain --dev a --read /nowhere":            "/nowhere",
		"explain --dev a --read " + empty:            empty,
	} {
		d := &apitest.Daemon{}
		if code, _, errs := ask(t, d, line); code != exitUsage || !strings.Contains(errs, want) || len(d.Requests()) > 0 {
			t.Errorf("%s: status %d, %q, want %q; asked %v", line, code, errs, want, d.Requests())
		}
	}
}

func TestTracePrintsAPathALine(t *testing.T) {
	d := &apitest.Daemon{Streams: apitest.Streams{Out: `{"time":"now","from":"x","length":3,"summary":"s","steps":[]}` + "\n", End: api.LookEnd{Packets: 1}}}
	socket := apitest.Start(t, d)
	if code, out, errs := runLine(socket, "trace --dev ipvl0 -c 1"); code != 0 || out != "now from x, 3 bytes: s\n" || !strings.HasPrefix(errs, "tracing\n1 packets traced") {
		t.Errorf("status %d, %q, %q", code, out, errs)
	}
	d.Streams.Out = "no JSON\n"
	if code, _, errs := runLine(socket, "trace"); code == 0 || !strings.Contains(errs, "answer of the daemon") {
		t.Errorf("status %d, %q", code, errs)
	}
}

func TestMonitorPrintsEvents(t *testing.T) {
	d := &apitest.Daemon{Streams: apitest.Streams{Out: `{"level":"info","master":"eth0","id":1,"time":"T","message":"slave is added"}` + "\n", End: api.LookEnd{Lost: 4}}}
	code, out, errs := ask(t, d, "-d monitor")
	if code != 0 || out != "T info  slave is added id=1 master=eth0\n" || !strings.Contains(errs, "4 events lost") {
		t.Errorf("status %d, %q, %q", code, out, errs)
	}
	if r := d.Requests()[0]; r != (api.Monitor{Level: "debug"}) {
		t.Errorf("asked %+v", r)
	}
}

func TestLogLevel(t *testing.T) {
	d := &apitest.Daemon{Insights: apitest.Insights{Level: "debug"}}
	wantOutput(t, d, "log level debug", "level debug\n")
	wantOutput(t, d, "log", "level debug\n")
	if code, _, errs := ask(t, d, "log level loud"); code != exitUsage || !strings.Contains(errs, "trace, debug") {
		t.Errorf("status %d, %q", code, errs)
	}
}

func TestDropsAreAMatrix(t *testing.T) {
	rows := []api.DropRow{{Where: "ipvl0 (eth0/1)", Dropped: 5, Reasons: map[string]uint64{"private": 4, "runt": 1}},
		{Where: "eth0/wire", Dropped: 2, Reasons: map[string]uint64{"tx_full": 2}}, {Where: "elsewhere"}}
	d := &apitest.Daemon{Insights: apitest.Insights{Rows: rows}}
	wantOutput(t, d, "stats drops", `WHERE           DROPPED  private  runt  tx_full
ipvl0 (eth0/1)  5        4        1     .
eth0/wire       2        .        .     2
`)
	wantOutput(t, d, "-br s drops", "ipvl0 (eth0/1)  5  private=4  runt=1\neth0/wire       2  tx_full=2\n")
}

func TestProgramsOfTcpdumpAreRead(t *testing.T) {
	p, err := parseProgram("2\n40 0 0 12\n6 1 2 262144\n")
	if want := []bpf.RawInstruction{{Op: 40, K: 12}, {Op: 6, Jt: 1, Jf: 2, K: 262144}}; err != nil || !reflect.DeepEqual(p, want) {
		t.Errorf("%+v, %v", p, err)
	}
	for _, text := range []string{"", "0\n", "2\n6 0 0 1\n", "1\n6 0 0\n", "1\n6 0 999 1\n", "1\nx 0 0 0\n"} {
		if p, err := parseProgram(text); err == nil {
			t.Errorf("%q: %+v, want an error", text, p)
		}
	}
	if _, err := compile(t.Context(), "no such filter"); err == nil || !strings.Contains(err.Error(), "no such filter") {
		t.Errorf("a bad filter: %v", err)
	}
}

func TestFlagsOfIPMayHaveOneDash(t *testing.T) {
	args := strings.Fields("-br -js -det -stat -s -d -netns c1 -w - --dev x -c 3 -- -br")
	want := strings.Fields("--brief --json --details --stats -s -d --netns c1 -w - --dev x -c 3 -- -br")
	if got := longFlags(args); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestBriefIsALineEach(t *testing.T) {
	d := &apitest.Daemon{LinkList: testLinks(), AddrList: []api.Addr{{Link: "ipvl0", Master: "eth0", ID: 1, Local: "10.0.0.5", State: "active"},
		{Link: "ipvl0", Master: "eth0", ID: 1, Local: "fd00::5", State: "conflict"}, {Link: "ipvl0", Master: "eth0", ID: 2, Local: "10.0.0.6", State: "active"}}}
	wantOutput(t, d, "-br link", `eth0                 UP             02:00:00:00:00:01 <BROADCAST,MULTICAST,UP,LOWER_UP>
ipvl0@eth0           LOWERLAYERDOWN 02:00:00:00:00:01 <BROADCAST,UP>
`)
	wantOutput(t, d, "-br a", `ipvl0@eth0           10.0.0.5 fd00::5 (conflict)
ipvl0@eth0           10.0.0.6
`)
}

func TestTopShowsRates(t *testing.T) {
	link := func(name, master string, packets, bytes uint64) api.Link {
		l := api.Link{IfName: name, Link: master, Stats64: &api.Stats64{}}
		l.Stats64.RX.Packets, l.Stats64.RX.Bytes = packets, bytes
		return l
	}
	worker := func(steps, busy uint64, asleep float64) []api.Worker {
		return []api.Worker{{CPU: 3, Steps: steps, Busy: busy, Slept: asleep}}
	}
	begin := time.Now()
	before := sample{begin, api.Status{Uptime: 10, Load: worker(100, 10, 5)}, []api.Link{link("a", "eth0", 5, 0), link("b", "eth0", 0, 0)}}
	now := sample{begin.Add(2 * time.Second), api.Status{Version: "v1", PID: 7, Uptime: 12, Load: worker(3100, 760, 6)},
		[]api.Link{link("a", "eth0", 5, 0), link("b", "eth0", 4000, 1000000), link("new", "eth0", 1, 1)}}
	var p printer
	printTop(&p, &before, &now)
	want := `ipvd v1 pid 7 up 12s, 3 links

CPU  STEPS/S  WITH PACKETS  ASLEEP  FAULTS
3    1.5k     25.0%         50.0%   0

LINK    RX/S  RX BIT/S  RX DROPS/S  TX/S  TX BIT/S  TX DROPS/S
b@eth0  2.0k  4.0M      0           0     0         0
a@eth0  0     0         0           0     0         0
`
	if p.String() != want {
		t.Errorf("got\n%s\nwant\n%s", p.String(), want)
	}
}

func TestTopShowsAsManyViewsAsWanted(t *testing.T) {
	d := &apitest.Daemon{LinkList: testLinks()}
	code, out, errs := ask(t, d, "top --interval 50ms -c 2")
	if n := strings.Count(out, "CPU"); code != 0 || n != 2 {
		t.Errorf("status %d, %d views, %s", code, n, errs)
	}
	d.Running.Load = []api.Worker{{CPU: 3}}
	code, out, _ = ask(t, d, "-j top --interval 50ms -c 1")
	if code != 0 || !strings.Contains(out, `"workers":[{"cpu":3,`) || !strings.Contains(out, `"links":[`) {
		t.Errorf("status %d, %s", code, out)
	}
	if code, _, _ := ask(t, d, "top --interval 1us"); code != exitUsage {
		t.Errorf("an interval that is too short: status %d", code)
	}
}
