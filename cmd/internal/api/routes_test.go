package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRequestBodiesAreStrict(t *testing.T) {
	for body, want := range map[string]string{
		`{"ifname":"a","link":"eth0"}`: "",
		`{"ifname":"a","colour":1}`:    `"colour"`,
		`{"ifname":1}`:                 "number",
		`{"ifname":"a"} {}`:            "more follows",
		`ifname=a`:                     "invalid character",
		``:                             "EOF",
	} {
		var r LinkAdd
		err := decode(strings.NewReader(body), &r)
		switch {
		case want == "" && (err != nil || r.Name != "a"):
			t.Errorf("%s: %+v, %v", body, r, err)
		case want != "" && (!errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: error %v, want EINVAL with %s", body, err, want)
		}
	}
}

func TestQueriesAreStrict(t *testing.T) {
	q, err := parseQuery("ifname=a&link=eth0&stats=true&details=0")
	if err != nil || q.text("ifname") != "a" || q.text("link") != "eth0" || !q.flag("stats") || q.flag("details") {
		t.Errorf("query %+v, %v", q, err)
	}
	for _, raw := range []string{"name=a", "stats=maybe", "%zz"} {
		if _, err := parseQuery(raw); !errors.Is(err, unix.EINVAL) {
			t.Errorf("query %q: error %v, want EINVAL", raw, err)
		}
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"link":"eth0","ifname":"ipvl0","mode":"l2","flag":"bridge","mtu":1500}`))
	f.Add([]byte(`{"link":"eth0","ifname":"a","kind":"vdev","devargs":"net_null0"}{}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var r, again LinkAdd
		if decode(bytes.NewReader(body), &r) != nil || r.Check() != nil {
			return
		}
		out, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := decode(bytes.NewReader(out), &again); err != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("%s: decoded as %+v, sent on as %+v, %v", body, r, again, err)
		}
	})
}
