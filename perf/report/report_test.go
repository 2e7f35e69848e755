package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ipvd/perf/measure"
)

func TestRowsJudgeTheRatioBeforeTheValue(t *testing.T) {
	value, ratio := measure.Stat{Median: 46.1, Min: 45, Max: 47.2}, measure.Stat{Median: 0.97, Min: 0.95, Max: 0.99}
	for _, c := range []struct {
		row  Row
		want bool
	}{
		{New("a", "", value, Mpps, 9).Against(ratio).AtLeast(0.97), true},
		{New("a", "", value, Mpps, 9).Against(ratio).AtLeast(0.98), false},
		{New("a", "", value, Mpps, 9).Against(ratio).AtMost(0.96), false},
		{New("a", "", value, "us", 9).AtMost(46.1), true},
		{New("a", "", value, "us", 9).AtLeast(47), false},
	} {
		if c.row.OK == nil || *c.row.OK != c.want {
			t.Errorf("%v: ok %v, want %v", verdict(c.row), c.row.OK, c.want)
		}
	}
}

func TestFileHasAnObjectARow(t *testing.T) {
	rows := []Row{
		New("ingress/b128", "c-reference", measure.Stat{Median: 46.1, Min: 45, Max: 47.2}, Mpps, 9).
			Against(measure.Stat{Median: 0.97, Min: 0.95, Max: 0.99}).AtLeast(0.95),
		Unmeasured("egress/l3-1", "ingress", "comes with Routing"),
	}
	path := filepath.Join(t.TempDir(), "out", "bench.jsonl")
	if err := WriteFile(path, rows); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"ingress/b128","ref":"c-reference","value":46.1,"unit":"Mpps/cpu-s","min":45,"max":47.2,` +
		`"ratio":0.97,"ratio_min":0.95,"ratio_max":0.99,"rounds":9,"bar":0.95,"ok":true}` + "\n" +
		`{"name":"egress/l3-1","ref":"ingress","ok":null,"why":"comes with Routing"}` + "\n"
	if string(got) != want {
		t.Errorf("file has\n%swant\n%s", got, want)
	}
}

func TestTableSaysWhatMissesItsBar(t *testing.T) {
	one := measure.Stat{Median: 1, Min: 1, Max: 1}
	rows := []Row{New("good", "", one, "x", 1).AtMost(1), New("bad", "", one, "x", 1).AtMost(0.5), New("told", "", one, "x", 1),
		Unmeasured("long", "", "no such program\nand its whole log")}
	var b strings.Builder
	if err := Table(&b, rows); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	for i, want := range []string{"goal", "ok", "BELOW THE BAR", "not judged", "no such program …"} {
		if !strings.HasSuffix(strings.TrimSpace(lines[i]), want) {
			t.Errorf("line %q, want it to end in %q", lines[i], want)
		}
	}
	if f := Failed(rows); len(f) != 1 || f[0].Name != "bad" {
		t.Errorf("failed rows %v, want bad", f)
	}
}
