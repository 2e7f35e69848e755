package volley

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"ipvd/cmd/ipvconform/frame"
	"ipvd/cmd/ipvconform/scenario"
)

const (
	macA, macB = "02:00:00:00:00:01", "02:00:00:00:00:02"
	ipA, ipB   = "10.0.0.1", "10.0.0.2"
	v6A, v6B   = "fd00::1", "fd00::2"
)

func udp4(h frame.IPv4, data string) []byte {
	h.Src, h.Dst, h.Proto = ipA, ipB, 17
	return frame.Ether(macB, macA, frame.TypeIPv4, h.Packet(frame.UDP(ipA, ipB, 1, 2, []byte(data))))
}

// udp4Numbered are packets that nobody takes for each other.
func udp4Numbered(i int) []byte { return udp4(frame.IPv4{ID: uint16(i + 1)}, fmt.Sprint("number ", i)) }

func udp6(data string) []byte {
	return frame.Ether(macB, macA, frame.TypeIPv6, frame.IPv6(v6A, v6B, 17, 64, frame.UDP(v6A, v6B, 1, 2, []byte(data))))
}

// TestAFrameIsKnownAgain covers what taps and hosts make of a frame.
func TestAFrameIsKnownAgain(t *testing.T) {
	sent := udp4(frame.IPv4{}, "hello")
	routed := frame.Ether(macA, macB, frame.TypeIPv4, frame.IPv4{Src: ipA, Dst: ipB, Proto: 17, TTL: 9, ID: 77}.Packet(frame.UDP(ipA, ipB, 1, 2, []byte("hello"))))
	padded := append(append([]byte{}, sent...), 1, 2, 3)
	longer := append(append([]byte{}, routed...), 1, 2, 3) // and its length set to match
	longer[17] += 3
	for _, c := range []struct {
		name       string
		sent, seen []byte
		want       bool
	}{
		{"as it was", sent, sent, true},
		{"without its tag", frame.Tagged(sent, frame.TypeVLAN, 5), sent, true},
		{"without two tags", frame.Tagged(frame.Tagged(sent, frame.TypeVLAN, 5), frame.TypeQinQ, 0), sent, true},
		{"routed", sent, routed, true},
		{"routed without padding", padded, routed, true},
		{"with padding for payload", padded, longer, true},
		{"with another payload", sent, udp4(frame.IPv4{}, "hallo"), false},
		{"with another tag, of no IP", frame.Tagged(frame.Ether(macA, macB, 0x88b5, []byte("x")), frame.TypeVLAN, 5),
			frame.Ether(macA, macB, 0x88b5, []byte("y")), false},
		{"IPv6", udp6("x"), udp6("x"), true},
	} {
		f := newFlight([]Shot{{"wire", c.sent}}, []int{0})
		f.saw(scenario.Frame{Port: "s0", Dir: scenario.In, Hex: c.seen}, false)
		if got := len(f.outcomes[0].Seen) == 1; got != c.want || got == (len(f.strays) == 1) {
			t.Errorf("%s: got known %v and %d strays, want %v", c.name, got, len(f.strays), c.want)
		}
	}
}

func TestADeliveryIsKnownByItsAddressesAndPayload(t *testing.T) {
	options := frame.Ether(macB, macA, frame.TypeIPv6, frame.IPv6(v6A, v6B, 60, 64, append([]byte{17, 0, 1, 4, 0, 0, 0, 0}, frame.UDP(v6A, v6B, 1, 2, []byte("x"))...)))
	route := frame.Ether(macB, macA, frame.TypeIPv6, frame.IPv6(v6A, v6B, 43, 64, append([]byte{17, 0, 253, 0, 0, 0, 0, 0}, frame.UDP(v6A, v6B, 1, 2, []byte("r"))...)))
	f := newFlight([]Shot{{"wire", udp4(frame.IPv4{}, "four")}, {"wire", options}, {"wire", route}}, []int{0, 1, 2})
	f.took(scenario.Delivery{Port: "s0"}, false, udp4(frame.IPv4{TTL: 3}, "four")[14:])
	f.took(scenario.Delivery{Port: "s1", Src: v6A, Dst: v6B}, true, frame.UDP(v6A, v6B, 1, 2, []byte("x")))
	f.took(scenario.Delivery{Port: "s1", Src: v6A, Dst: v6B}, true, frame.UDP(v6A, v6B, 1, 2, []byte("r")))
	for i, want := range []int{1, 1, 0} {
		if got := len(f.outcomes[i].UDP); got != want {
			t.Errorf("shot %d: got %d deliveries, want %d", i, got, want)
		}
	}
	f.took(scenario.Delivery{Port: "s1", Src: v6A, Dst: v6B}, true, frame.UDP(v6A, v6B, 1, 2, []byte("other")))
	if len(f.strays) != 1 {
		t.Errorf("got %d strays, want the delivery that nobody sent", len(f.strays))
	}
}

func TestNoTwoShotsOfAVolleyCanBeTakenForEachOther(t *testing.T) {
	shots := []Shot{{"wire", udp4(frame.IPv4{}, "a")}, {"s0", udp4(frame.IPv4{TTL: 5}, "a")}, {"s0", udp4(frame.IPv4{}, "b")}, {"wire", udp4(frame.IPv4{}, "a")}}
	for i := range 5 {
		shots = append(shots, Shot{"host", frame.Ether(macA, macB, 0x88b5, []byte{byte(i)})})
	}
	parts, seen := partition(shots, 4), map[int]bool{}
	for _, part := range parts {
		keys := map[string]int{}
		if len(part) > 4 {
			t.Errorf("got a part of %d shots, want at most 4", len(part))
		}
		for _, i := range part {
			if seen[i] {
				t.Errorf("shot %d is fired twice", i)
			}
			seen[i] = true
			for _, k := range keysOf(shots[i].Frame) {
				if j, ok := keys[k]; ok && j != i {
					t.Errorf("shots %d and %d of a part have the key %q", i, j, k)
				}
				keys[k] = i
			}
		}
	}
	if len(seen) != len(shots) {
		t.Errorf("got %d shots in parts, want %d", len(seen), len(shots))
	}
}

func TestAProbeIsNoFrameOfAShot(t *testing.T) {
	f := newFlight([]Shot{{"wire", udp4(frame.IPv4{}, "a")}}, []int{0})
	probeFrame := frame.Ether(macA, macB, probeType, []byte(probeMark+"\x00\x00\x00\x07 and more"))
	f.probes[probeMark+"\x00\x00\x00\x07"] = &probe{want: []string{"s0", "s1"}, seen: map[string]bool{}}
	f.saw(scenario.Frame{Port: "s0", Hex: probeFrame}, false)
	if late := f.late(); late != "s1" || len(f.strays) > 0 {
		t.Errorf("got the probe missing at %q and %d strays, want s1 and none", late, len(f.strays))
	}
	f.saw(scenario.Frame{Port: "s1", Hex: probeFrame}, false)
	if late := f.late(); late != "" {
		t.Errorf("got the probe missing at %q, want nowhere", late)
	}
}

func TestPostCarriesShotsAndAnswers(t *testing.T) {
	dir := t.TempDir()
	p, err := NewPost(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !Serves(dir) || Serves(t.TempDir()) {
		t.Error("the folder of volleys is not told from others")
	}
	tci := uint16(0) // a value that must not get lost
	want := Answer{Outcomes: []scenario.Outcome{{At: "wire", Seen: []scenario.Frame{{Port: "s0", Dir: scenario.In, Hex: []byte{1}, TCI: &tci}},
		UDP: []scenario.Delivery{}}}, Kernel: "6"}
	shots := []Shot{{"wire", []byte{1, 2, 3}}}
	go func() {
		for q := (request{}); ; time.Sleep(pollEvery) {
			if ok, _ := take(dir, "ask-0", &q); ok && reflect.DeepEqual(q.Shots, shots) && q.Scenario.Mode == "l3" {
				_ = put(dir, "answer-0", want)
				return
			}
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := p.Fire(ctx, scenario.Scenario{Mode: "l3"}, shots)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v and error %v, want %+v", got, err, want)
	}
}

func TestPostGivesUpWithItsContext(t *testing.T) {
	p, err := NewPost(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the guest is gone")
	cancel(gone)
	if _, err := p.Fire(ctx, scenario.Scenario{}, nil); !errors.Is(err, gone) {
		t.Errorf("got error %v, want %v", err, gone)
	}
}

func TestServingEndsWhenItIsTold(t *testing.T) {
	p, err := NewPost(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := (&Gallery{}).Serve(p.Dir); err != nil {
		t.Errorf("got error %v", err)
	}
}
