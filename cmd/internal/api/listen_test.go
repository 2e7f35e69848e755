package api_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/api"
	"ipvd/cmd/internal/api/apitest"
)

func TestListenRefusesThePathOfALiveDaemon(t *testing.T) {
	path := apitest.Start(t, &apitest.Daemon{Running: api.Status{PID: 7}})
	_, err := api.Listen(path, "")
	if !errors.Is(err, api.ErrRunning) || !errors.Is(err, unix.EADDRINUSE) {
		t.Fatalf("second Listen: %v, want %v", err, api.ErrRunning)
	}
	for _, part := range []string{path, fmt.Sprintf("pid %d", os.Getpid())} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
	if s, err := api.NewClient(path).Status(context.Background()); err != nil || s.PID != 7 {
		t.Errorf("the first daemon answers %+v, %v", s, err)
	}
}

func TestListenReplacesAStaleSocket(t *testing.T) {
	path := apitest.SocketPath(t)
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	old.SetUnlinkOnClose(false) // as after a kill
	old.Close()
	l, err := api.Listen(path, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there after Close: %v", err)
	}
}

func TestListenNeverRemovesAFile(t *testing.T) {
	path := apitest.SocketPath(t)
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := api.Listen(path, ""); !errors.Is(err, unix.EEXIST) {
		t.Errorf("Listen over a file: %v, want EEXIST", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("the file is now %q, %v", b, err)
	}
}

func TestSocketIsForItsGroup(t *testing.T) {
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		t.Skipf("this user's group has no name: %v", err)
	}
	for group, want := range map[string]os.FileMode{"": 0o600, "no-such-group": 0o600, g.Name: 0o660} {
		path := apitest.SocketPath(t)
		l, err := api.Listen(path, group)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		st, err := os.Stat(path)
		if err != nil || st.Mode().Perm() != want {
			t.Errorf("group %q: mode %v, %v, want %v", group, st.Mode().Perm(), err, want)
		}
	}
}
