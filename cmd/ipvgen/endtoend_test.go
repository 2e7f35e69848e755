package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"ipvd/cmd/ipvgen/internal/report"
)

// program is ipvgen, built once for all tests: DPDK starts once in a process.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "ipvgen")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	program = filepath.Join(dir, "ipvgen")
	code := 1
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// command is ipvgen without hugepages, on whatever CPUs there are.
func command(t *testing.T, args string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), program, append(strings.Fields(args), "--no-huge", "--memory", "128")...)
}

// result runs ipvgen and reads the JSON that it prints.
func result(t *testing.T, args string) report.Document {
	t.Helper()
	return read(t, command(t, args+" --json -"))
}

func read(t *testing.T, c *exec.Cmd) report.Document {
	t.Helper()
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", c.Args, err, stderr.String())
	}
	d, err := report.Read(bytes.NewReader(out))
	if err != nil {
		t.Fatalf("%v: %v\n%s", c.Args, err, out)
	}
	return d
}

func TestLoadComesBackOverARing(t *testing.T) {
	d := result(t, "run --tx net_ring0 --rate 50kpps --count 5000 --mix udp4:2,udp6,tcp4,arp --sizes imix --dst 10.0.0.0/24,2001:db8::/120 --dst-order zipf")
	if len(d.Runs) != 1 {
		t.Fatalf("%d runs", len(d.Runs))
	}
	r := d.Runs[0]
	if r.Offered != 5000 || r.Received != 5000 || r.Refused+r.Duplicate+r.Reordered+r.Foreign != 0 || r.Latency.Count != 5000 {
		t.Errorf("%+v", r)
	}
	if len(d.Ports) != 2 || d.Ports[0].Driver != "net_ring" || d.Ports[1].Role != "rx" || d.Machine.CPUs == 0 {
		t.Errorf("ports %+v, machine %+v", d.Ports, d.Machine)
	}
}

func TestPacketsThatNobodyReadsAreNoFault(t *testing.T) {
	r := result(t, "run --tx net_ring0 --send-only --rate 20kpps --burst 100 --count 1000").Runs[0]
	if r.Sent() != 1000 || r.Received != 0 || !r.OneWay || r.Lost() != 0 {
		t.Errorf("%+v", r)
	}
}

func TestTwoProcessesLoadEachOtherOverMemif(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "wire")
	receiver := command(t, "run --rx memif,role=server,socket="+socket+" --count 1000 --duration 90s --json -")
	var out, stderr bytes.Buffer
	receiver.Stdout, receiver.Stderr = &out, &stderr
	if err := receiver.Start(); err != nil {
		t.Fatal(err)
	}
	sent := result(t, "run --tx memif,socket="+socket+" --send-only --link-timeout 60s --rate 30kpps --count 1000") // the ring holds as many, if nobody reads
	if err := receiver.Wait(); err != nil {
		t.Fatalf("receiver: %v\n%s", err, stderr.String())
	}
	got, err := report.Read(&out)
	if err != nil || len(got.Runs) != 1 || len(sent.Runs) != 1 {
		t.Fatalf("sent %+v, received %+v (%v)", sent.Runs, got.Runs, err)
	}
	if s, r := sent.Runs[0], got.Runs[0]; s.Sent() != 1000 || r.Received != 1000 || r.Latency.Count != 1000 || r.Latency.Max > 60e9 {
		t.Errorf("sent %d; received %d with latency %+v", s.Sent(), r.Received, r.Latency)
	}
}

func TestCaptureIsReplayedOverARing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "capture.pcap")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := pcapgo.NewWriter(f)
	frame := bytes.Repeat([]byte{2}, 100)
	if err := w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	if err := w.WritePacket(gopacket.CaptureInfo{CaptureLength: 100, Length: 100}, frame); err != nil {
		t.Fatal(err)
	}
	f.Close()
	r := result(t, "run --tx net_ring0 --rate 20kpps --count 500 --pcap "+file).Runs[0]
	if r.Received != 500 || r.FrameSize != 104 || !r.Unstamped || r.Latency.Count != 0 {
		t.Errorf("%+v", r)
	}
}

func TestEveryTestRunsAndIsReported(t *testing.T) {
	dir := t.TempDir()
	json, page := filepath.Join(dir, "result.json"), filepath.Join(dir, "report.html")
	out, err := command(t, "rfc2544 all --tx net_ring0 --sizes 64,imix --max-rate 20kpps --duration 100ms --repeat 1 --resolution 25"+
		" --step 50 --max-burst 100 --tolerance 20 --json "+json).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"Throughput", "Latency", "Frame loss", "Back-to-back", "imix"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the table lacks %q:\n%s", want, out)
		}
	}
	if out, err := exec.Command(program, "report", json, "-o", page).CombinedOutput(); err != nil {
		t.Fatalf("report: %v\n%s", err, out)
	}
	html, err := os.ReadFile(page)
	if err != nil || bytes.Count(html, []byte("<svg")) != 3 {
		t.Errorf("%d plots (%v), want 3", bytes.Count(html, []byte("<svg")), err)
	}
}

func TestWithoutThroughputTheOtherTestsRun(t *testing.T) {
	c := command(t, "rfc2544 all --json - --tx net_null0,no-rx=1 --max-rate 20kpps --duration 50ms --drain 10ms --sizes 64,128 --step 50 --repeat 1 --max-burst 100")
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err == nil || strings.Count(stderr.String(), "no rate passed") != 2 {
		t.Errorf("got %v, %s, want a failure that names both sizes", err, stderr.String())
	}
	d, err := report.Read(bytes.NewReader(out))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(d.Throughput) != 2 || len(d.Latency) != 0 || len(d.Loss) != 2 || len(d.BackToBack) != 2 {
		t.Errorf("%d, %d, %d and %d results, want 2, 0, 2 and 2", len(d.Throughput), len(d.Latency), len(d.Loss), len(d.BackToBack))
	}
}

func TestResetIsTimed(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "reset")
	c := command(t, "reset --tx net_ring0 --rate 20kpps --duration 500ms --after 100ms --json - --command")
	c.Args = append(c.Args[:len(c.Args)-3], "touch "+marker, "--no-huge", "--memory", "128")
	d := read(t, c)
	if _, err := os.Stat(marker); err != nil {
		t.Errorf("the command did not run: %v", err)
	}
	if len(d.Resets) != 1 || d.Resets[0].ByGap <= 0 || d.Resets[0].ByGap > 0.5 || d.Resets[0].Outcome.Received == 0 {
		t.Errorf("%+v", d.Resets)
	}
}

func TestWhatCannotBeOpenedIsNamed(t *testing.T) {
	for args, want := range map[string]string{
		"run --tx net_nosuch0": "net_nosuch0",
		"run --tx net_memif0,role=client,socket-abstract=no,socket=/nonexistent/wire":                              "/nonexistent/wire",
		"run --tx memif,role=server,socket=" + filepath.Join(t.TempDir(), "s") + " --link-timeout 100ms --count 1": "no link",
		"run --tx memif,role=peer,socket=/run/s --count 1":                                                         "peer",
		"run --tx memif,role=server --count 1":                                                                     "no socket",
		"run --tx memif,socket=/run/s,slots=100 --count 1":                                                         "100 slots",
		"run --tx memif,socket=/run/s,speed=1 --count 1":                                                           "speed",
		"run --tx net_ring0 --count 1 --sizes 9000":                                                                "--mtu",
		"run --tx net_ring0 --mix udp6 --dst 10.0.0.1":                                                             "--dst",
		"run --tx net_ring0 --pcap /nonexistent.pcap":                                                              "--pcap",
		"run --tx net_ring0 --count 1 --json /nonexistent/out":                                                     "/nonexistent/out",
		"run --tx net_ring0 --memory 64 --descriptors 32768":                                                       "--memory",
	} {
		out, err := command(t, args).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) || strings.Contains(string(out), "goroutine ") {
			t.Errorf("ipvgen %s: %v, want an error that names %s\n%s", args, err, want, out)
		}
	}
}
