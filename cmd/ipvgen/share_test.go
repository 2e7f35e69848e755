package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestManPagesHaveTheFlags(t *testing.T) {
	dir := t.TempDir()
	root := newRoot()
	root.SetArgs([]string{"write-share", dir})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "man", "man8", "ipvgen-run.8"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`.TH "IPVGEN`, `--duration`, `--tx`} {
		if !strings.Contains(string(page), want) {
			t.Errorf("ipvgen-run.8 lacks %s:\n%s", want, page)
		}
	}
}
