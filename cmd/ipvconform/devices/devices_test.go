package devices

import (
	"reflect"
	"testing"

	"ipvd/cmd/ipvconform/scenario"
	"ipvd/flows/wire"
)

// TestRecordingIsOfTheseScenarios: what the kernel's driver answers was recorded
// with `ipvconform record`.
func TestRecordingIsOfTheseScenarios(t *testing.T) {
	scenarios, err := scenario.Load[scenario.Scenario]("../testdata/devices.scenarios.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	results, err := scenario.Load[scenario.Result]("../testdata/devices.results.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	now := Scenarios()
	if !reflect.DeepEqual(scenarios, now) || len(results) != len(now) {
		t.Fatal("the recorded scenarios are others: write and record them anew")
	}
	for i, r := range results {
		if r.Name != now[i].Name || r.Error != "" || r.Subject != "" || len(r.Steps) != len(now[i].Steps) {
			t.Errorf("%s: got %s by %q with %d steps and error %q, want %d steps", now[i].Name, r.Name, r.Subject, len(r.Steps), r.Error, len(now[i].Steps))
		}
	}
}

func TestScenariosAreWhatTheySay(t *testing.T) {
	names := map[string]bool{}
	for _, s := range Scenarios() {
		if names[s.Name] || len(s.Setup)+len(s.Prepare) == 0 || len(s.Steps) < len(plain()) {
			t.Errorf("%s: a second one of that name, or without commands or steps", s.Name)
		}
		names[s.Name] = true
		ids := map[string]bool{}
		for _, step := range s.Steps {
			if ids[step.ID] {
				t.Errorf("%s: two steps are called %s", s.Name, step.ID)
			}
			ids[step.ID] = true
			checkFrames(t, s.Name, step)
		}
	}
}

// checkFrames checks that the text of every address was one.
func checkFrames(t *testing.T, name string, step scenario.Step) {
	t.Helper()
	for _, f := range step.Hex {
		e, ok := wire.ParseEthernet(f)
		if !ok || e.Dst() == (wire.MAC{}) || e.Src() == (wire.MAC{}) {
			t.Errorf("%s %s: not a frame: %x", name, step.ID, f)
		}
	}
}
