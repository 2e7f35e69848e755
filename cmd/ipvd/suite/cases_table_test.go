package suite

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ipvd/cmd/ipvconform/matrix"
	"ipvd/flows/ipvlan"
)

// tableRow is a line of CASES.md.
type tableRow struct {
	number          int
	expected, where string
}

// casesTable reads CASES.md.
func casesTable(t *testing.T) (rows []tableRow) {
	t.Helper()
	text, err := os.ReadFile("CASES.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(line, "|\n"), " | ")
		number, err := strconv.Atoi(strings.TrimSpace(cells[0]))
		if err != nil {
			continue
		}
		if len(cells) != 6 {
			t.Fatalf("case %d has %d cells, want 6", number, len(cells))
		}
		rows = append(rows, tableRow{number, cells[4], cells[5]})
	}
	return rows
}

// sources are the tests of this folder whose files are called so.
func sources(t *testing.T, pattern string) []byte {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	return bytes.Join(all, nil)
}

func TestEveryCaseIsTestedWhereTheTableSays(t *testing.T) {
	const cases = 204
	rows, text, subtests := casesTable(t), sources(t, "*_test.go"), sources(t, "case_*_test.go")
	var stimuli []string
	for _, s := range matrix.Steps() {
		stimuli = append(stimuli, s.ID)
	}
	name := regexp.MustCompile("`([^`]+)`")
	for i, r := range rows {
		if r.number != i+1 {
			t.Fatalf("line %d of the table is of case %d", i+1, r.number)
		}
		for _, m := range name.FindAllStringSubmatch(r.where, -1) {
			there := slices.Contains(stimuli, m[1])
			if strings.HasPrefix(m[1], "Test") {
				there = bytes.Contains(text, []byte("\nfunc "+m[1]+"(t *testing.T)"))
			}
			if !there {
				t.Errorf("case %d: %s is no test and no stimulus of the matrix", r.number, m[1])
			}
		}
		// A subtest is called by its number, in one of two ways.
		numbered := regexp.MustCompile(`(run\(|": )` + strconv.Itoa(r.number) + `\b`).Match(subtests)
		if told := strings.Contains(r.where, "`TestCases"); told != numbered {
			t.Errorf("case %d: a subtest has its number: %v, the table names one: %v", r.number, numbered, told)
		}
		if !name.MatchString(r.where) && !strings.Contains(r.where, "user-mode Linux") {
			t.Errorf("case %d is tested nowhere: %q", r.number, r.where)
		}
	}
	if len(rows) != cases {
		t.Errorf("the table has %d cases, want %d", len(rows), cases)
	}
}

func TestTheTableKnowsTheDifferences(t *testing.T) {
	var ids []string
	for _, d := range ipvlan.Differences() {
		ids = append(ids, d.ID)
	}
	named := regexp.MustCompile(`\(([a-z0-9]+(?:-[a-z0-9]+)+|forward|tagged)[,)]`)
	found := 0
	for _, r := range casesTable(t) {
		for _, m := range named.FindAllStringSubmatch(r.expected, -1) {
			found++
			if !slices.Contains(ids, m[1]) {
				t.Errorf("case %d names difference %s, which is not listed", r.number, m[1])
			}
		}
	}
	if found < 20 {
		t.Errorf("%d differences are named, want 20 or more: are they read?", found)
	}
}
