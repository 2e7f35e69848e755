package api

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOnlyRootTheUserAndTheGroupMayTalk(t *testing.T) {
	const euid, gid = 990, 991
	for _, c := range []struct {
		cred unix.Ucred
		gid  int
		want bool
	}{
		{unix.Ucred{Uid: 0, Gid: 5}, gid, true},
		{unix.Ucred{Uid: euid, Gid: 5}, gid, true},
		{unix.Ucred{Uid: 7, Gid: gid}, gid, true},
		{unix.Ucred{Uid: 7, Gid: 5}, gid, false},
		{unix.Ucred{Uid: 7, Gid: 0}, -1, false},
	} {
		if got := mayTalk(&c.cred, euid, c.gid); got != c.want {
			t.Errorf("uid %d gid %d may talk with group %d: %v, want %v", c.cred.Uid, c.cred.Gid, c.gid, got, c.want)
		}
	}
}

func TestSupplementaryGroupsCount(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to start a process with other groups")
	}
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		t.Skip("needs setpriv of util-linux")
	}
	cmd := exec.Command(setpriv, "--reuid=65534", "--regid=65534", "--groups=991", "cat")
	in, err := cmd.StdinPipe() // cat ends with its input
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	if _, err := in.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	out.Read(make([]byte, 1)) // cat runs, so setpriv has set its groups
	cred := &unix.Ucred{Pid: int32(cmd.Process.Pid), Uid: 65534, Gid: 65534}
	if !mayTalk(cred, 0, 991) {
		t.Errorf("member of group 991 may not talk; its groups are %v", groupsOf(cmd.Process.Pid))
	}
	if mayTalk(cred, 0, 992) {
		t.Error("who is no member of group 992 may talk")
	}
}

func TestRootOfAnotherUserNamespaceIsAStranger(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a user namespace everywhere")
	}
	if !sameUsers(os.Getpid()) {
		t.Error("the daemon's own process counts as a stranger")
	}
	cmd := exec.Command("cat")
	cmd.SysProcAttr = &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}}, GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}}}
	in, err := cmd.StdinPipe() // cat ends with its input
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	if sameUsers(cmd.Process.Pid) {
		t.Error("a process in a user namespace of its own counts as one of the daemon's")
	}
}

func TestCallerThatDiedHasNoNamespace(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	p := &peerConn{cred: unix.Ucred{Pid: int32(cmd.Process.Pid), Uid: 1, Gid: 2}}
	if c := p.caller(); c.Netns != nil || c.PID != cmd.Process.Pid || c.UID != 1 || c.GID != 2 {
		t.Errorf("caller %+v, want pid %s, uid 1, gid 2 and no namespace", c, strconv.Itoa(cmd.Process.Pid))
	}
}
