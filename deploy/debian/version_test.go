// Package debian tests the scripts of the Debian package.
package debian

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// at runs a command in a folder, as somebody whose git has no settings.
func at(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_CEILING_DIRECTORIES="+dir,
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestVersionsAreValidAndAscend goes through the life of a repository: none yet,
// commits without tags, a tag of something else, a candidate, a release, a commit
// after it, a change.
func TestVersionsAreValidAndAscend(t *testing.T) {
	dir := t.TempDir()
	last := ""
	expect := func(want string) {
		t.Helper()
		got := at(t, ".", "./version", dir)
		if !regexp.MustCompile("^" + want + "$").MatchString(got) {
			t.Errorf("version %q, want it to match %s", got, want)
		}
		at(t, ".", "dpkg", "--validate-version", got)
		if last != "" {
			at(t, ".", "dpkg", "--compare-versions", last, "lt", got)
		}
		last = got
	}
	commit := func(when string) {
		t.Helper()
		t.Setenv("GIT_COMMITTER_DATE", when)
		at(t, dir, "git", "commit", "-q", "--allow-empty", "-m", "work")
	}
	expect(`0~0[.]unknown`)
	at(t, dir, "git", "init", "-q")
	commit("2026-11-26T12:00:00+0200")
	expect(`0~20261126[.]100000[.]g[0-9a-f]{7}`)
	commit("2026-11-26T11:00:00+0000")
	at(t, dir, "git", "tag", "demo")
	expect(`0~20261126[.]110000[.]g[0-9a-f]{7}`)
	at(t, dir, "git", "tag", "v1.2.0-rc_1")
	expect(`1[.]2[.]0~rc~1`)
	commit("2026-11-26T12:00:00+0000")
	at(t, dir, "git", "tag", "-a", "-m", "release", "v1.2.0")
	expect(`1[.]2[.]0`)
	commit("2026-11-26T13:00:00+0000")
	expect(`1[.]2[.]0[+]1[.]g[0-9a-f]{7}`)
	at(t, dir, "sh", "-c", "echo a >a && git add a")
	expect(`1[.]2[.]0[+]1[.]g[0-9a-f]{7}[+]changed`)
}
