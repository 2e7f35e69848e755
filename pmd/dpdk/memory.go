package dpdk

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// hugeDir holds a directory for each size of hugepages (hugetlbpage.rst in the
// kernel's documentation).
const hugeDir = "/sys/kernel/mm/hugepages"

// enoughHuge reports whether free MiB of hugepages suffice for memMB, 0 for any.
// The EAL fails to start when it is told to use hugepages and they do not.
func enoughHuge(free, memMB int) bool { return free > 0 && free >= memMB }

// lackOfHuge says how many there are in place of enough.
func lackOfHuge(free, memMB int) string {
	if free == 0 || free >= memMB {
		return "no free hugepages"
	}
	return fmt.Sprintf("only %d MiB of hugepages are free, and not %d", free, memMB)
}

// freeHugeMB is the memory in free hugepages of all sizes, in MiB.
func freeHugeMB() int {
	dirs, _ := filepath.Glob(hugeDir + "/hugepages-*kB")
	total := 0
	for _, dir := range dirs {
		size := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(dir), "hugepages-"), "kB")
		kb, err := strconv.Atoi(size)
		if err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, "free_hugepages"))
		if err != nil {
			continue
		}
		if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			total += n * kb / 1024
		}
	}
	return total
}
