package metrics

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/goccy/go-yaml"
)

const monitoring = "../../../deploy/monitoring/"

// exported are the names of all series.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	families, err := testMetrics(testSource()).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{"up": true} // Prometheus's own
	for _, f := range families {
		names[f.GetName()] = true
		if f.GetMetric()[0].GetHistogram() != nil {
			for _, part := range []string{"_bucket", "_sum", "_count"} {
				names[f.GetName()+part] = true
			}
		}
	}
	return names
}

// checkExpr parses a query, and looks for the metrics that it names.
func checkExpr(t *testing.T, names map[string]bool, where, expr string) {
	t.Helper()
	e, err := metricsql.Parse(expr)
	if err != nil {
		t.Errorf("%s: %s: %v", where, expr, err)
		return
	}
	metricsql.VisitAll(e, func(e metricsql.Expr) {
		m, ok := e.(*metricsql.MetricExpr)
		if !ok {
			return
		}
		for _, labels := range m.LabelFilterss {
			for _, l := range labels {
				if l.Label == "__name__" && !names[l.Value] {
					t.Errorf("%s: %s: no metric is called %q", where, expr, l.Value)
				}
			}
		}
	})
}

// rule is an alert rule as Prometheus has it, all of its keys that we use.
type rule struct {
	Alert               string
	Expr                string
	For                 string
	Labels, Annotations map[string]string
}

func TestAlertRulesAreRight(t *testing.T) {
	b, err := os.ReadFile(monitoring + "alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []rule
		}
	}
	if err := yaml.UnmarshalWithOptions(b, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	names, seen := exported(t), map[string]bool{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if seen[r.Alert] {
				t.Errorf("two alerts are called %q", r.Alert)
			}
			seen[r.Alert] = true
			checkExpr(t, names, r.Alert, r.Expr)
			checkRule(t, r)
		}
	}
	if len(seen) == 0 {
		t.Error("there are no rules")
	}
}

// checkRule looks at what an alert says.
func checkRule(t *testing.T, r rule) {
	t.Helper()
	if _, err := time.ParseDuration(r.For); r.For != "" && err != nil {
		t.Errorf("%s: for: %v", r.Alert, err)
	}
	if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
		t.Errorf("%s: it has no severity, summary or description", r.Alert)
	}
	for _, text := range r.Annotations {
		// Prometheus sets $labels and $value before the template.
		if _, err := template.New(r.Alert).Parse("{{ $labels := . }}{{ $value := . }}" + text); err != nil {
			t.Errorf("%s: %v", r.Alert, err)
		}
	}
}

func TestTheDashboardAsksForWhatThereIs(t *testing.T) {
	b, err := os.ReadFile(monitoring + "dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title  string
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
		Templating struct{ List []struct{ Name string } }
	}
	if err := json.Unmarshal(b, &board); err != nil {
		t.Fatal(err)
	}
	variables := map[string]bool{"__rate_interval": true, "__all": true}
	for _, v := range board.Templating.List {
		variables[v.Name] = true
	}
	for _, v := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(string(b), -1) {
		if !variables[v[1]] {
			t.Errorf("no variable is called %s", v[1])
		}
	}
	names, ids := exported(t), map[int]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] || len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %q: its id is taken, or it shows nothing, or it does not fit", p.Title)
		}
		ids[p.ID] = true
		for _, q := range p.Targets {
			checkExpr(t, names, p.Title, strings.ReplaceAll(q.Expr, "$__rate_interval", "5m"))
		}
	}
	if len(ids) == 0 {
		t.Error("there are no panels")
	}
}
