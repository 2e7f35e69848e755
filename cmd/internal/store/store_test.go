package store_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"ipvd/cmd/internal/host/netns"
	"ipvd/cmd/internal/kind"
	"ipvd/cmd/internal/store"
)

func open(t *testing.T, path string) *store.Dir {
	t.Helper()
	d, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRecordsComeBackAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	d := open(t, path)
	want := []store.Slave{
		{Master: "eth0", ID: 1, Name: "eth0", Kind: "tap", Netns: netns.ID{Dev: 4, Ino: 1 << 40}, Alias: "ipvd:eth0:1",
			Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.11/24"), netip.MustParsePrefix("fd00::11/64")}},
		{Master: "eth0", ID: 2, Name: "../odd name", Kind: "vdev", Options: kind.Options{Devargs: "net_ring0"}},
	}
	for _, s := range want {
		try(t, d.Slaves.Save(s))
	}
	try(t, d.Masters.Save(store.Master{Name: "eth0", Mode: "l2", Flag: "bridge", NextID: 3}))
	try(t, d.Masters.Save(store.Master{Name: "eth0", Mode: "l3", Flag: "vepa", NextID: 4}))
	try(t, d.Close())

	d = open(t, path)
	got, err := d.Slaves.Load()
	try(t, err)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("slaves: got %+v, want %+v", got, want)
	}
	masters, err := d.Masters.Load()
	try(t, err)
	if len(masters) != 1 || masters[0].Mode != "l3" {
		t.Errorf("masters: got %+v, want the one saved last", masters)
	}
}

func TestDeleteRemovesOneRecord(t *testing.T) {
	d := open(t, t.TempDir())
	try(t, d.Masters.Save(store.Master{Name: "a/b"}))
	try(t, d.Masters.Save(store.Master{Name: "c"}))
	for range 2 {
		try(t, d.Masters.Delete("a/b"))
	}
	got, err := d.Masters.Load()
	try(t, err)
	if len(got) != 1 || got[0].Name != "c" {
		t.Errorf("got %+v, want c", got)
	}
}

func TestSecondDaemonIsRefused(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	_, err := store.Open(path)
	if !errors.Is(err, store.ErrLocked) {
		t.Fatalf("got %v, want ErrLocked", err)
	}
	try(t, d.Close())
	open(t, path)
}

func TestDamagedFilesAreSetAsideAndTheOthersLoad(t *testing.T) {
	for name, content := range map[string]string{
		"cut off":         `{"version":1,"kind":"mas`,
		"empty":           ``,
		"foreign version": `{"version":2,"kind":"master","record":{"name":"eth0"}}`,
		"foreign kind":    `{"version":1,"kind":"slave","record":{"name":"eth0"}}`,
		"wrong type":      `{"version":1,"kind":"master","record":{"name":7}}`,
		"other's record":  `{"version":1,"kind":"master","record":{"name":"eth9"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			d := open(t, path)
			try(t, d.Masters.Save(store.Master{Name: "eth0"}))
			try(t, d.Masters.Save(store.Master{Name: "eth1"}))
			file := filepath.Join(path, "masters", "eth0.json")
			try(t, os.WriteFile(file, []byte(content), 0o600))

			got, err := d.Masters.Load()
			if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), file) {
				t.Errorf("got error %v, want ErrDamaged of %s", err, file)
			}
			if len(got) != 1 || got[0].Name != "eth1" {
				t.Errorf("got %+v, want eth1", got)
			}
			wantAside(t, file, content)
			if _, err := d.Masters.Load(); err != nil {
				t.Errorf("second load: %v", err)
			}
		})
	}
}

func TestSaveDoesNotOverwriteADamagedFile(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	file := filepath.Join(path, "masters", "eth0.json")
	try(t, os.MkdirAll(filepath.Dir(file), 0o700))
	try(t, os.WriteFile(file, []byte("{"), 0o600))
	try(t, d.Masters.Save(store.Master{Name: "eth0"}))
	wantAside(t, file, "{")
	if got, err := d.Masters.Load(); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v; want the new record", got, err)
	}
}

// wantAside checks that exactly one copy of the file was kept.
func wantAside(t *testing.T, file, content string) {
	t.Helper()
	kept, _ := filepath.Glob(file + ".damaged-*")
	if len(kept) != 1 {
		t.Fatalf("kept %v, want one file", kept)
	}
	if b, _ := os.ReadFile(kept[0]); string(b) != content {
		t.Errorf("kept %q, want %q", b, content)
	}
}

func TestFailedSaveKeepsTheOldRecord(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	try(t, d.Masters.Save(store.Master{Name: "eth0", Mode: "l2"}))
	dir := filepath.Join(path, "masters")
	// A directory in the way of the rename makes replacing fail late.
	try(t, os.Mkdir(filepath.Join(dir, "eth1.json"), 0o700))
	if err := d.Masters.Save(store.Master{Name: "eth1"}); err == nil || !strings.Contains(err.Error(), "eth1") {
		t.Errorf("got %v, want an error that names eth1", err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".tmp-*"))
	if len(left) != 0 {
		t.Errorf("temporary files left: %v", left)
	}
	try(t, os.Remove(filepath.Join(dir, "eth1.json")))
	if got, err := d.Masters.Load(); err != nil || len(got) != 1 || got[0].Mode != "l2" {
		t.Errorf("got %+v, %v; want eth0 in l2", got, err)
	}
}

func TestOpenRemovesWhatAKilledSaveLeft(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	try(t, d.Masters.Save(store.Master{Name: "eth0"}))
	file := filepath.Join(path, "masters", ".tmp-1")
	try(t, os.WriteFile(file, []byte("{"), 0o600))
	try(t, d.Close())
	d = open(t, path)
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
	if got, err := d.Masters.Load(); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v; want the record", got, err)
	}
}

func TestStaleFindsOnlyKilledRuns(t *testing.T) {
	base := filepath.Join(t.TempDir(), "ephemeral")
	alive, err := store.Ephemeral(base)
	try(t, err)
	defer alive.Remove()
	killed, err := store.Ephemeral(base)
	try(t, err)
	try(t, killed.Wires.Save(store.Wire{Name: "eth0", Netns: "ipvd-wire-x"}))
	try(t, killed.Close()) // as the kernel does it for a killed process

	stale, err := store.Stale(base)
	try(t, err)
	if len(stale) != 1 || stale[0].Path() != killed.Path() {
		t.Fatalf("got %d stale, want %s", len(stale), killed.Path())
	}
	wires, err := stale[0].Wires.Load()
	try(t, err)
	if len(wires) != 1 || wires[0].Netns != "ipvd-wire-x" {
		t.Errorf("got %+v, want the killed run's wire", wires)
	}
	try(t, stale[0].Remove())
	if _, err := os.Stat(killed.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("still there after Remove: %v", err)
	}
}

func TestNamesakesOfTwoNamespacesHaveRecordsOfTheirOwn(t *testing.T) {
	d := open(t, t.TempDir())
	for ino := range uint64(2) {
		home := netns.ID{Dev: 4, Ino: ino}
		try(t, d.Wires.Save(store.Wire{Name: "eth0", Home: home}))
		try(t, d.Hosts.Save(store.Host{Master: "eth0", Home: home}))
	}
	wires, err := d.Wires.Load()
	try(t, err)
	hosts, err := d.Hosts.Load()
	try(t, err)
	if len(wires) != 2 || len(hosts) != 2 {
		t.Errorf("got wires %+v and hosts %+v, want two of each", wires, hosts)
	}
}
