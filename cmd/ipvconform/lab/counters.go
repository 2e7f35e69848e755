package lab

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// counter reads what a port's namespace counts.
type counter struct {
	port, dev string
	home      string              // port whose namespace it is
	files     map[string]*os.File // under /proc/net, open since they are the namespace's whoever reads them
	iptables  bool
}

// openCounters opens the files of the namespace that the caller is in. Some are
// missing without IPv6 or conntrack.
func openCounters(port, dev, home string, iptables bool) counter {
	c := counter{port: port, dev: dev, home: home, files: map[string]*os.File{}, iptables: iptables}
	for _, name := range []string{"dev", "snmp", "netstat", "snmp6", "nf_conntrack"} {
		if f, err := os.Open("/proc/thread-self/net/" + name); err == nil {
			c.files[name] = f
		}
	}
	return c
}

func (c counter) close() {
	for _, f := range c.files {
		f.Close()
	}
}

// count reads all counters, by port and name.
func (l *Lab) count() map[string]map[string]int64 {
	all := map[string]map[string]int64{}
	for _, c := range l.counters {
		n := map[string]int64{}
		c.device(n)
		c.pairs("snmp", n)
		c.pairs("netstat", n)
		for line := range strings.Lines(c.text("snmp6")) {
			if f := strings.Fields(line); len(f) == 2 {
				set(n, f[0], f[1])
			}
		}
		if c.iptables {
			// Children are in the namespace of the thread that starts them.
			_ = l.in(c.home, func() error {
				c.chains("4", "iptables-legacy-save", n)
				c.chains("6", "ip6tables-legacy-save", n)
				return nil
			})
			n["conntrack"] = int64(strings.Count(c.text("nf_conntrack"), "\n"))
		}
		all[c.port] = n
	}
	return all
}

// text is what a file holds now.
func (c counter) text(name string) string {
	f := c.files[name]
	if f == nil {
		return ""
	}
	var out bytes.Buffer
	buf := make([]byte, 1<<14)
	for off := int64(0); ; {
		n, err := f.ReadAt(buf, off)
		out.Write(buf[:n])
		if off += int64(n); err != nil {
			return out.String()
		}
	}
}

// device reads the port's line of /proc/net/dev.
func (c counter) device(n map[string]int64) {
	for line := range strings.Lines(c.text("dev")) {
		name, rest, ok := strings.Cut(line, ":")
		f := strings.Fields(rest)
		if !ok || strings.TrimSpace(name) != c.dev || len(f) < 12 {
			continue
		}
		for key, column := range map[string]int{"rx": 1, "rxerr": 2, "rxdrop": 3, "mcast": 7, "tx": 9, "txerr": 10, "txdrop": 11} {
			set(n, key, f[column])
		}
	}
}

// pairs reads a file of two lines each, names and numbers.
func (c counter) pairs(file string, n map[string]int64) {
	lines := strings.Split(c.text(file), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		names, values := strings.Fields(lines[i]), strings.Fields(lines[i+1])
		if len(names) == 0 || len(values) != len(names) {
			continue
		}
		switch names[0] {
		case "Ip:", "IpExt:", "Icmp:", "Udp:":
			for k, name := range names[1:] {
				set(n, names[0]+name, values[k+1])
			}
		}
	}
}

// set keeps a number; octets depend on what is padded, and say no more.
func set(n map[string]int64, name, value string) {
	if v, err := strconv.ParseInt(value, 10, 64); err == nil && !strings.Contains(name, "Octets") {
		n[name] = v
	}
}

// chains reads the packet counts of the mangle table's chains, lines such as
// `:INPUT ACCEPT [3:180]`.
func (c counter) chains(family, save string, n map[string]int64) {
	out, err := exec.Command(save, "-c", "-t", "mangle").Output()
	if err != nil {
		return
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) == 3 && strings.HasPrefix(f[0], ":") {
			packets, _, _ := strings.Cut(strings.Trim(f[2], "[]"), ":")
			set(n, "ipt"+family+"."+f[0][1:], packets)
		}
	}
}

// difference is what has changed, without ports where nothing has.
func difference(before, after map[string]map[string]int64) map[string]map[string]int64 {
	d := map[string]map[string]int64{}
	for port, counts := range after {
		for name, n := range counts {
			if n == before[port][name] {
				continue
			}
			if d[port] == nil {
				d[port] = map[string]int64{}
			}
			d[port][name] = n - before[port][name]
		}
	}
	return d
}
