package yamlfile

import (
	"slices"
	"strings"
	"testing"
)

// like is a struct as FieldsOf takes it.
type like struct {
	Name  string `json:"ifname"`
	Skip  string `json:"skip,omitempty"`
	Plain string
	List  []string `json:"list"`
	inner
}

type inner struct {
	Count int  `json:"count,omitempty"`
	On    bool `json:"on"`
}

func rename(name string) string {
	return map[string]string{"ifname": "name", "skip": ""}[name] + map[string]string{"count": "count", "on": "on", "list": "list"}[name]
}

func TestFieldsAreThoseOfTheJSONTags(t *testing.T) {
	var to like
	f, v := Parse("f", []byte("name: a\ncount: 3\non: true\n"))
	fields := FieldsOf(&to, rename)
	if want := []string{"name", "count", "on"}; !slices.Equal(fields.Names, want) {
		t.Errorf("fields: got %v, want %v", fields.Names, want)
	}
	for _, e := range v.Entries() {
		fields.Set(e.Key, e.Value)
	}
	if f.Err() != nil || to.Name != "a" || to.Count != 3 || !to.On {
		t.Errorf("read %+v, %v", to, f.Err())
	}
	if fields.IsZero("count") || fields.Get("count") != 3 {
		t.Errorf("count: got %v, want 3", fields.Get("count"))
	}
}

func TestWhatIsNotTakenIsToldWithItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"name: &x a\n":            "f:1:7: want a single value, not an anchor or alias",
		"name: !!str a\n":         "f:1:7: want a single value, not a tag",
		"name: [a]\n":             "f:1:7: want a single value, not a list",
		"count: x\n":              `f:1:8: count "x" is not a number`,
		"on: on\n":                `f:1:5: want true or false, not "on"`,
		"name: a\n<<: {on: true}": "f:2:1: merge keys are not taken",
		"name: \"a\n":             "f:1:7: ",
		"{name: a":                "f:1:",
	} {
		var to like
		f, v := Parse("f", []byte(text))
		fields := FieldsOf(&to, rename)
		for _, e := range v.Entries() {
			fields.Set(e.Key, e.Value)
		}
		if err := f.Err(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}

func TestAnEmptyFileHasNoEntries(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n"} {
		if f, v := Parse("f", []byte(text)); len(v.Entries()) != 0 || f.Err() != nil {
			t.Errorf("%q: entries %v, error %v", text, v.Entries(), f.Err())
		}
	}
}
