package dpdk

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// hugeDir holds a directory for each size of hugepages (hugetlbpage.rst in the
// kernel's documentation).
const hugeDir = "/sys/kernel/mm/hugepages"

// freeHugepages reports whether any hugepage is free. The EAL fails to start
// when it is told to use hugepages and there are none.
func freeHugepages() bool { return freeHugeMB() > 0 }

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
