package link

import (
	"bufio"
	"encoding/hex"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
)

// Groups are the multicast MAC addresses that the interface takes frames for, as
// its stack and its namespace's programs have joined groups (net/core/dev_addr_lists.c),
// in the kernel's order.
func (l Link) Groups() (groups []net.HardwareAddr, err error) {
	err = l.do("read its multicast groups", func() error {
		f, err := os.Open("/proc/thread-self/net/dev_mcast")
		if err != nil {
			return err
		}
		defer f.Close()
		groups, err = parseGroups(f, l.Index)
		return err
	})
	return groups, err
}

// parseGroups reads the lines `INDEX NAME USERS GLOBAL ADDRESS` of an interface.
func parseGroups(r io.Reader, index int) (groups []net.HardwareAddr, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) != 5 || words[0] != strconv.Itoa(index) {
			continue
		}
		mac, err := hex.DecodeString(words[4])
		if err != nil || len(mac) != 6 {
			continue // of another kind of link
		}
		groups = append(groups, mac)
	}
	return groups, lines.Err()
}
