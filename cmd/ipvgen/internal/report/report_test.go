package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"ipvd/cmd/ipvgen/internal/rfc2544"
	"ipvd/cmd/ipvgen/internal/track"
	"ipvd/cmd/ipvgen/internal/trial"
)

// outcome is a trial at pps of which a share got lost.
func outcome(pps, loss float64) trial.Outcome {
	t := track.New()
	for i := range uint64(1000) {
		t.Add(i, 0, int64(20000+i*10))
	}
	return trial.Outcome{FrameSize: 64, Requested: pps, Seconds: 2, Offered: uint64(2 * pps), Received: uint64(2 * pps * (1 - loss)),
		Latency: t.Latency(), LongestGap: 5000}
}

// full has a result of every kind.
func full() Document {
	good, bad := outcome(1.25e6, 0), outcome(2.5e6, 0.25)
	return Document{Format: Format, Version: "v1", Command: []string{"ipvgen", "run", "--dst", "<script>alert(1)</script>"},
		Started: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Machine: Machine{CPU: "Xeon & Co", CPUs: 2, Kernel: "6.1"}, LineBPS: 10e9,
		Ports:   []Port{{"tx", "net_memif0,role=client", "net_memif", "02:00:00:00:00:01"}},
		Traffic: "udp4",
		Runs:    []Run{{"imix", good}},
		Throughput: []Throughput{
			{"64", 14.88e6, rfc2544.Throughput{PPS: 1.25e6, Best: good, Trials: []trial.Outcome{bad, good}}},
			{"1518", 812e3, rfc2544.Throughput{PPS: 812e3, Best: good, Trials: []trial.Outcome{good}, Limited: true}},
		},
		Latency:    []Latency{{"64", rfc2544.Latency{PPS: 1.25e6, Mean: 25000, Trials: []trial.Outcome{good, good}}}},
		Loss:       []Loss{{"128", 8.4e6, []trial.Outcome{bad, good, good}}},
		BackToBack: []BackToBack{{"64", rfc2544.BackToBack{Frames: 4321, Found: []uint64{4321}, Trials: 9}}},
		Resets:     []Reset{{"64", rfc2544.Reset{ByLoss: 1.5, ByGap: 1.25, Outcome: good}}},
	}
}

func TestJSONComesBackAsItWas(t *testing.T) {
	var b bytes.Buffer
	if err := full().JSON(&b); err != nil {
		t.Fatal(err)
	}
	got, err := Read(&b)
	if err != nil || !reflect.DeepEqual(got, full()) {
		t.Errorf("read %+v (%v), want %+v", got, err, full())
	}
}

func TestOnlyResultsAreRead(t *testing.T) {
	for word, text := range map[string]string{"EOF": "", "invalid character": "text", "not a result": `{"a": 1}`, "format 2": `{"format": 2}`} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: error %v, want one with %q", text, err, word)
		}
	}
}

func TestTableHasAllResultsInEvenRows(t *testing.T) {
	var b bytes.Buffer
	if err := full().Table(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Throughput", "1.2500", "8.4 %", "generator", "2 500 000", "25.0", "25 %", "4321", "1.5000"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
	for _, s := range full().Sections() {
		for _, row := range s.Rows {
			if len(row) != len(s.Header) {
				t.Errorf("%s: a row has %d cells, the header %d: %q", s.Title, len(row), len(s.Header), row)
			}
		}
	}
}

func TestRunWithoutLatencyHasNoColumnsForIt(t *testing.T) {
	d := Document{Runs: []Run{{"64", trial.Outcome{Seconds: 1, Offered: 10, OneWay: true}}}}
	s := d.Sections()
	if len(s) != 1 || strings.Contains(strings.Join(s[0].Header, " "), "p50") || s[0].Rows[0][6] != "-" {
		t.Errorf("%+v", s)
	}
}

// text is what a reader of the page sees, and its elements.
func text(t *testing.T, page string) (words string, elements map[string]int) {
	t.Helper()
	elements = map[string]int{}
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if err := z.Err(); !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			return b.String(), elements
		case html.TextToken:
			b.Write(z.Text())
			b.WriteByte(' ')
		case html.StartTagToken, html.SelfClosingTagToken:
			tok := z.Token()
			elements[tok.Data]++
			for _, a := range tok.Attr {
				if a.Key == "src" || a.Key == "href" || a.Key == "xlink:href" {
					t.Errorf("<%s %s=%q> refers to something", tok.Data, a.Key, a.Val)
				}
			}
		}
	}
}

func TestPageHoldsEverythingAndRefersToNothing(t *testing.T) {
	var b bytes.Buffer
	if err := HTML(&b, full(), Document{Command: []string{"second"}}); err != nil {
		t.Fatal(err)
	}
	words, elements := text(t, b.String())
	for _, want := range []string{"Xeon & Co", "second", "Throughput by frame size", "Latency percentiles", "Loss by load", "128", "99.99", "4321"} {
		if !strings.Contains(html.UnescapeString(words), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if elements["svg"] != 3 || elements["script"]+elements["link"]+elements["img"] != 0 || elements["rect"] != 2 || elements["polyline"] != 2+3 {
		t.Errorf("elements %v, want 3 plots with 2 bars and 5 lines, and nothing loaded", elements)
	}
	for _, bad := range []string{"NaN", "Inf", "ZgotmplZ", "url(", "@import", "<script"} {
		if strings.Contains(b.String(), bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
}

func TestPageOfNothingHasNoPlots(t *testing.T) {
	var b bytes.Buffer
	if err := HTML(&b, Document{}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "<svg") {
		t.Error("a page without results has a plot")
	}
}

func TestPlotsAreWellFormedXML(t *testing.T) {
	extremes := Chart{Title: `a "title" <&>`, Y: Axis{Log: true, Label: "<µs>"}, Series: []Series{{"empty", nil}, {"one & only", [][2]float64{{0, 0}}},
		{"wide", [][2]float64{{0, 1e-9}, {1e9, 1e12}}}}}
	for _, c := range append(charts([]Document{full()}), extremes, Chart{Bars: []Bar{{"0", 0, 0}}}) {
		d := xml.NewDecoder(strings.NewReader(string(c.SVG())))
		for {
			tok, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", c.Title, err)
			}
			if s, ok := tok.(xml.StartElement); ok {
				for _, a := range s.Attr {
					if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
						t.Errorf("%s: <%s %s=%q>", c.Title, s.Name.Local, a.Name.Local, a.Value)
					}
				}
			}
		}
	}
}

func TestAxesEndAboveTheirDataAtRoundNumbers(t *testing.T) {
	for high, want := range map[float64]float64{0: 1, 0.7: 0.8, 9.9: 10, 14.88: 15, 101: 150} {
		s, ticks := Axis{}.fit(0, high, 0, 100)
		if math.Abs(s.high-want) > 1e-9 || math.Abs(ticks[len(ticks)-1].At-want) > 1e-9 {
			t.Errorf("up to %v: the axis ends at %v, ticks %v; want %v", high, s.high, ticks, want)
		}
	}
	s, ticks := Axis{Log: true}.fit(20, 300000, 0, 500)
	if len(ticks) != 6 || ticks[0].Text != "10" || ticks[5].Text != "1000000" || s.at(100) != 100 {
		t.Errorf("logarithmic ticks %v, 100 stands at %v", ticks, s.at(100))
	}
}
