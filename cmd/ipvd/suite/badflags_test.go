package suite

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// badFlag is a command line with what the refusal must say.
type badFlag struct{ args, want []string }

// badFlags are such command lines; file is a regular file.
func badFlags(file string) []badFlag {
	long := "/tmp/" + strings.Repeat("s", 108)
	eth0 := []string{"--ephemeral", "--master", "eth0"}
	return []badFlag{
		{[]string{"--ephemeral"}, []string{"no master is given", "--master"}},
		{[]string{"--master", "a/b"}, []string{`"a/b"`, "'/'"}},
		{[]string{"--master", "eth0", "--master", "eth0"}, []string{"eth0 is given twice"}},
		{append(eth0, "--workers", "99"), []string{"CPU 99", "choose from 0"}},
		{append(eth0, "--workers", "0,x"), []string{`"x"`, "0-2,4"}},
		{append(eth0, "--pool", "10000000", "--memory", "64"), []string{"--pool 10000000", "--memory 64", " MiB"}},
		{append(eth0, "--pool", "7"), []string{`"7"`, "from 1024 to"}},
		{append(eth0, "--memory", "1"), []string{`"1"`, "from 32 to"}},
		{append(eth0, "--burst", "0"), []string{`"0"`, "from 1 to"}},
		{append(eth0, "--mtu", "3"), []string{`"3"`, "from 68 to"}},
		{append(eth0, "--mode", "l4"), []string{`"l4"`, "l3, l3s, l2"}},
		{append(eth0, "--flag", "x"), []string{`"x"`, "bridge, private, vepa"}},
		{append(eth0, "--source-mac", "x"), []string{`"x"`, "rewrite, drop, pass"}},
		{append(eth0, "--log-level", "x"), []string{`"x"`, "info"}},
		{append(eth0, "--log-format", "x"), []string{`"x"`, "json, console"}},
		{append(eth0, "--group", ""), []string{"--group is empty"}},
		{append(eth0, "--host-interface", "much-too-long-name"), []string{`"much-too-long-name"`, "15"}},
		{append(eth0, "--socket", long), []string{long, "113 bytes", "107"}},
		{append(eth0, "--socket", "relative"), []string{`"relative"`, "absolute"}},
		{append(eth0, "--socket", "/nosuch/s"), []string{"/nosuch"}},
		{append(eth0, "--socket", file), []string{file, "no socket"}},
		{append(eth0, "garbage"), []string{`"garbage"`, "--"}},
		{append(eth0, "--garbage"), []string{"--garbage"}},
		{append(eth0, "--", "--garbage"), []string{"--garbage", "start EAL"}},
		{append(eth0, "--", "garbage"), []string{`"garbage" is no argument of the EAL`}},
		{append(eth0, "--", "-l", "0"), []string{"-l", "placed by this program"}},
		{append(eth0, "--", "--vdev=garbage"), []string{"garbage", "start EAL"}},
		{[]string{"--master", "eth0", "--state-dir", file}, []string{"state directory " + file, "not a directory"}},
		{[]string{"--master", "eth0", "--state-dir", "/proc/ipvd"}, []string{"state directory /proc/ipvd"}},
	}
}

func TestFlagsThatMakeNoSense(t *testing.T) {
	l := newLab(t, 0)
	file := filepath.Join(l.dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range badFlags(file) {
		says(t, strings.Join(tc.args, " "), l.fails(tc.args...), append(tc.want, "ipvd: ")...)
	}
}

func TestOrdinaryUsersAreTurnedAway(t *testing.T) {
	l := newLab(t, 0)
	if err := os.Chmod(l.bin, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(l.bin, "ipvd"), "--master", "eth0", "--ephemeral", "--socket", l.socket)
	const nobody = 65534
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Error("it runs")
	}
	says(t, "as nobody", string(out), "root", "65534", "sudo")
}
