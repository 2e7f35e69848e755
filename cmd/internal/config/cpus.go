package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// maxCPU is the highest CPU number of the kernel's cpu_set_t.
const maxCPU = 1023

// ParseCPUs reads a CPU list as taskset does, such as `0-2,4` or `0-6:2`
// (every second one), and gives the numbers in ascending order.
func ParseCPUs(s string) ([]int, error) {
	var cpus []int
	for part := range strings.SplitSeq(s, ",") {
		first, last, stride, err := parseRange(part)
		if err != nil {
			return nil, err
		}
		for cpu := first; cpu <= last; cpu += stride {
			if slices.Contains(cpus, cpu) {
				return nil, fmt.Errorf("CPU %d is given twice, but a CPU runs one worker", cpu)
			}
			cpus = append(cpus, cpu)
		}
	}
	slices.Sort(cpus)
	return cpus, nil
}

func parseRange(s string) (first, last, stride int, err error) {
	bounds, step, strided := strings.Cut(s, ":")
	from, to, ranged := strings.Cut(bounds, "-")
	if !ranged {
		to = from
	}
	if !strided {
		step = "1"
	}
	first, err1 := strconv.Atoi(from)
	last, err2 := strconv.Atoi(to)
	stride, err3 := strconv.Atoi(step)
	switch {
	case err1 != nil || err2 != nil || err3 != nil || first < 0 || stride < 1 || strided && !ranged:
		return 0, 0, 0, fmt.Errorf("%q is no CPU or range of CPUs: want a list such as 0-2,4", s)
	case first > last:
		return 0, 0, 0, fmt.Errorf("range %q runs backwards", s)
	case last > maxCPU:
		return 0, 0, 0, fmt.Errorf("CPU %d of %q is over the highest number, %d", last, s, maxCPU)
	}
	return first, last, stride, nil
}

// allowedCPUs are the CPUs that the process might use when this was first asked:
// threads that are made later may be bound to fewer.
var allowedCPUs = sync.OnceValues(currentCPUs)

// currentCPUs are the CPUs that the calling thread may run on.
func currentCPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("read the CPUs that this process may use: %w", err)
	}
	var cpus []int
	for cpu := 0; cpu <= maxCPU; cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

// cpuList is the value of --workers.
type cpuList struct{ p *[]int }

func (v cpuList) Type() string { return "CPUS" }

func (v cpuList) String() string {
	if v.p == nil {
		return ""
	}
	return formatCPUs(*v.p)
}

func (v cpuList) Set(s string) error {
	cpus, err := ParseCPUs(s)
	if err == nil {
		*v.p = cpus
	}
	return err
}

func formatCPUs(cpus []int) string {
	words := make([]string, len(cpus))
	for i, cpu := range cpus {
		words[i] = strconv.Itoa(cpu)
	}
	return strings.Join(words, ",")
}
