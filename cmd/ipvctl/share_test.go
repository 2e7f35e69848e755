package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/api/apitest"
)

// completions are what a shell is offered for a line whose last word is begun; "-"
// stands for an empty one.
func completions(t *testing.T, d *apitest.Daemon, line string) string {
	t.Helper()
	words := strings.Fields(line)
	if words[len(words)-1] == "-" {
		words[len(words)-1] = ""
	}
	var out strings.Builder
	code := run(t.Context(), append([]string{"__complete"}, words...), apitest.Start(t, d), &out, &strings.Builder{})
	if code != 0 {
		t.Errorf("%s: exit status %d", line, code)
	}
	var names []string
	for l := range strings.Lines(out.String()) {
		if l = strings.TrimSpace(l); !strings.HasPrefix(l, ":") {
			name, _, _ := strings.Cut(l, "\t")
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

func TestCompletionsKnowLinksKeywordsAndStages(t *testing.T) {
	d := &apitest.Daemon{LinkList: testLinks(), DOT: "digraph flows {\n\t\"eth0 rx 0\" -> \"eth0 classify\"\n\t\"eth0 classify\" -> \"eth0 deliver\"\n}\n",
		Insights: apitest.Insights{Rows: []api.DropRow{{Reasons: map[string]uint64{"private": 1}}}}}
	for line, want := range map[string]string{
		"link show dev -":            "eth0 ipvl0",
		"link add link -":            "eth0",
		"addr add 10.0.0.1/24 dev -": "eth0 ipvl0",
		"link set ipvl0 type -":      "ipvlan",
		"link set ipvl0 mode -":      "l3 l3s l2",
		"log level w":                "warn",
		"capture --dev -":            "eth0 eth0/wire eth0/host ipvl0 eth0/1",
		"capture --direction -":      "in out",
		"capture --drop -":           "any private",
	} {
		if got := completions(t, d, line); got != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
	if got := completions(t, d, "capture --stage -"); got != "eth0 classify" {
		t.Errorf("stages: got %q", got)
	}
}

func TestWithoutADaemonNothingIsOffered(t *testing.T) {
	var out strings.Builder
	if code := run(t.Context(), []string{"__complete", "link", "show", "dev", ""}, "/nowhere", &out, &strings.Builder{}); code != 0 || !strings.HasPrefix(out.String(), ":1") {
		t.Errorf("exit status %d, %q", code, out.String())
	}
}

func TestManPagesAndCompletionsAreWritten(t *testing.T) {
	dir := t.TempDir()
	if code, _, errs := runLine("/nowhere", "write-share "+dir); code != 0 {
		t.Fatal(errs)
	}
	for path, want := range map[string]string{
		"man/man8/ipvctl.8":                     `ipvctl-capture(8)`,
		"man/man8/ipvctl-capture.8":             `--drop any -w drops.pcapng`,
		"man/man8/ipvctl-link-add.8":            `ipvctl link add link eth0 ipvl0 type ipvlan mode l2`,
		"man/man8/ipvd.8":                       `--metrics`,
		"man/man8/ipvd-doctor.8":                `ipvd doctor --master eth0`,
		"bash-completion/completions/ipvctl":    "complete -o default -F __start_ipvctl ipvctl",
		"zsh/vendor-completions/_ipvctl":        "#compdef ipvctl",
		"fish/vendor_completions.d/ipvctl.fish": "complete -c ipvctl",
	} {
		b, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil || !strings.Contains(strings.ReplaceAll(string(b), `\-`, "-"), want) {
			t.Errorf("%s: %v, want %q in it", path, err, want)
		}
	}
}

func TestEveryCommandHasAnExampleOrCommandsOfItsOwn(t *testing.T) {
	for _, noun := range newRoot(&ctl{}).Commands() {
		if noun.Short == "" || !noun.HasExample() && !noun.HasSubCommands() && !noun.Hidden {
			t.Errorf("ipvctl %s: no help text, or no example", noun.Name())
		}
		for _, verb := range noun.Commands() {
			if verb.Short == "" || !verb.HasExample() {
				t.Errorf("ipvctl %s %s: no help text, or no example", noun.Name(), verb.Name())
			}
		}
	}
}
