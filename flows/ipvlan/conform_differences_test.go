package ipvlan

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"ipvd/flows/wire"
)

// rules turn what the kernel's driver did in a step into what is to be done
// here, by the id of the difference. They report whether it plays a part.
var rules = map[string]func(r *replay) bool{
	"foreign-mac":  foreignMAC,
	"source-mac":   sourceMAC,
	"tagged":       taggedFrame,
	"priority-tag": priorityTag,
	"hop-limit":    hopLimit,
}

// entered are the frames of a step that came from ports which pick chooses.
func (r *replay) entered(pick func(port string) bool) (frames [][]byte) {
	for _, f := range r.step.Seen {
		if f.Dir == "out" && f.Port != hostPort && pick(f.Port) {
			frames = append(frames, f.Hex)
		}
	}
	return frames
}

func isWire(port string) bool  { return port == wirePort }
func isSlave(port string) bool { return port != wirePort }

// foreignMAC: nobody gets a frame from the wire for a MAC of nobody's, but for
// l3s, whose host takes everything.
func foreignMAC(r *replay) bool {
	in := r.entered(isWire)
	if r.s.Mode == "l3s" || len(in) != 1 || wire.Ethernet(in[0]).Group() || wire.Ethernet(in[0]).Dst() == macM {
		return false
	}
	r.want = frameBag{}
	return true
}

// sourceMAC: a slave's frame with a source MAC of nobody's is treated as its
// twin that bears the master's, of which the matrix has one each.
func sourceMAC(r *replay) bool {
	in := r.entered(isSlave)
	if len(in) != 1 || wire.Ethernet(in[0]).Src() == macM {
		return false
	}
	right := bytes.Clone(in[0])
	wire.Ethernet(right).SetSrc(macM)
	i := slices.IndexFunc(r.others, func(o goldenStep) bool {
		return o.At == r.step.At && slices.ContainsFunc(o.Seen, func(f goldenFrame) bool {
			return f.Port == o.At && f.Dir == "out" && bytes.Equal(f.Hex, right)
		})
	})
	if i < 0 {
		return false
	}
	twin := *r
	twin.step = r.others[i]
	twin.run()
	r.want = twin.want
	return true
}

// taggedFrame: the host alone gets a frame of a VLAN, with its tag.
func taggedFrame(r *replay) bool {
	in := r.entered(func(string) bool { return true })
	if r.s.Mode == "l3s" || len(in) != 1 {
		return false
	}
	v, ok := wire.ParseVLAN(in[0])
	fromSlave := r.step.At != wirePort // and then it must have been for the host or a sibling
	if !ok || v.ID() == 0 || wire.Ethernet(in[0]).Type() != wire.TypeVLAN || fromSlave && r.want["s1|5|"+bare(in[0])] == 0 {
		return false
	}
	r.want = frameBag{}
	r.want.add(hostPort, in[0], nil)
	return true
}

// bare is how a bag writes the frame without its tag.
func bare(frame []byte) string {
	b := frameBag{}
	b.add("", frame, nil)
	for k := range b {
		return k[strings.LastIndex(k, "|")+1:]
	}
	return ""
}

// priorityTag: a tag of VLAN 0 is taken off, but for l3s.
func priorityTag(r *replay) bool {
	in := r.entered(isWire)
	if r.s.Mode == "l3s" || len(in) != 1 {
		return false
	}
	v, ok := wire.ParseVLAN(in[0])
	if !ok || v.ID() != 0 || wire.Ethernet(in[0]).Type() != wire.TypeVLAN {
		return false
	}
	want, changed := frameBag{}, false
	for k, n := range r.want {
		if f := strings.Split(k, "|"); strings.HasSuffix(k, bare(in[0])) && f[1] != "-" {
			k, changed = f[0]+"|-|"+f[2], true
		}
		want[k] += n
	}
	r.want = want
	return changed
}

// hopLimit: in l3s the host routes a packet of hop limit 255 with 254, and so
// with what the kernel sent for it.
func hopLimit(r *replay) bool {
	if r.s.Mode != "l3s" {
		return false
	}
	changed := false
	for _, p := range r.routed {
		if q, ok := wire.ParseIPv6(p); ok && q.HopLimit() == 254 {
			q.SetHopLimit(255)
			changed = true
		}
	}
	return changed
}

func TestEveryDifferenceIsToldInFull(t *testing.T) {
	ids, kept := map[string]bool{}, 0
	for _, d := range Differences() {
		if ids[d.ID] {
			t.Errorf("%s is listed twice", d.ID)
		}
		ids[d.ID] = true
		if d.Compat != "as the kernel" {
			kept++
		}
		for what, text := range map[string]string{"id": d.ID, "kernel": d.Kernel, "default": d.Default, "compat": d.Compat, "why": d.Why} {
			if text == "" {
				t.Errorf("%+v: no %s", d, what)
			}
		}
	}
	if kept > 40 {
		t.Errorf("got %d differences that CompatKernel leaves, want at most 40", kept)
	}
	for id := range rules {
		if !ids[id] {
			t.Errorf("difference %s is used, and not listed", id)
		}
	}
}

var writeTable = flag.Bool("write-table", false, "write DIFFERENCES.md anew")

func TestTableOfDifferencesIsTheList(t *testing.T) {
	const file = "DIFFERENCES.md"
	var b strings.Builder
	b.WriteString("# Where ipvd differs from the kernel's driver\n\n" +
		"All differences that are known, as `differences*.go` list them, from which\n" +
		"`go test ./flows/ipvlan -run Table -write-table` writes this table. The ids are\n" +
		"those that `ipvconform compare` and `cmd/ipvd/suite/CASES.md` name.\n\n" +
		"| id | kernel | ipvd by default | ipvd with `--compat kernel` | why |\n|---|---|---|---|---|\n")
	for _, d := range Differences() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", d.ID, d.Kernel, d.Default, d.Compat, d.Why)
	}
	if *writeTable {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != b.String() {
		t.Errorf("%s is not what Differences lists (error %v): write it with -write-table", file, err)
	}
}
