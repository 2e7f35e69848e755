package uml

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func TestMachineWithoutThePackageSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if err := Check(); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "install the package") {
		t.Errorf("got error %v, want one that names a package", err)
	}
	if _, err := Run(context.Background(), Guest{Dir: t.TempDir(), Memory: 64, Limit: time.Second}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("run: got error %v, want %v", err, ErrUnsupported)
	}
}

func TestGuestWithoutInitEndsWithItsConsole(t *testing.T) {
	if err := Check(); err != nil {
		t.Skip(err)
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root: a guest's root folder is the machine's own")
	}
	console, err := Run(t.Context(), Guest{Init: "/no/such/program", Dir: t.TempDir(), Memory: 256, Limit: 20 * time.Second})
	if err == nil && !strings.Contains(console, "no/such/program") {
		t.Errorf("got no error and the console %q, want one that names the program", console)
	}
}
