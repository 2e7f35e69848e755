package subject

import (
	"strings"
	"testing"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/ipvconform/scenario"
)

func TestAddressesThatTheDaemonDoesNotKnowAreNamed(t *testing.T) {
	s := scenario.Scenario{LinkLocal: true, Master: scenario.Station{MAC: "02:00:00:00:00:01"},
		Slaves: []scenario.Slave{{Name: "s0"}, {Name: "s1", Station: scenario.Station{Addrs: []string{"10.0.0.11/24"}}}}}
	want, err := addresses(s)
	if err != nil {
		t.Fatal(err)
	}
	known := []api.Addr{{Link: "s0", Local: "fe80::200:0:100:1", State: "active"}, {Link: "s1", Local: "fe80::200:0:200:1", State: "active"},
		{Link: "s1", Local: "10.0.0.11", State: "active"}}
	if got := unknown(want, known); got != "" {
		t.Errorf("all known: got %q missing", got)
	}
	for i, missing := range []string{"s0 fe80::200:0:100:1", "s1 fe80::200:0:200:1", "s1 10.0.0.11"} {
		inactive := append([]api.Addr{}, known...)
		inactive[i].State = "inactive"
		if got := unknown(want, inactive); got != missing {
			t.Errorf("got %q missing, want %q", got, missing)
		}
	}
	s.Slaves[1].Addrs = []string{"10.0.0.11"}
	if _, err := addresses(s); err == nil || !strings.Contains(err.Error(), "s1") {
		t.Errorf("an address without a length: got error %v, want one that names the slave", err)
	}
}

func TestADaemonThatIsGoneIsNotAtRest(t *testing.T) {
	d := New(Config{})
	d.dir = t.TempDir()
	if err := d.Rest(); err == nil || !strings.Contains(err.Error(), "account") {
		t.Errorf("got error %v, want one that names the account", err)
	}
	if _, err := d.Drops(); err == nil {
		t.Error("counters of no daemon: got no error")
	}
}
