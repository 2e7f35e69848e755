package iproute

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"ipvd/cmd/internal/host/link"
)

// show lets ip show links or addresses, and says of slaves what it would say with
// the kernel's driver.
func (t Tool) show(l line) (int, error) {
	if i := slices.Index(l.rest, "type"); i >= 0 && i+1 < len(l.rest) && isIPVLAN(l.rest[i+1]) {
		return t.showSlaves(l, slices.Delete(slices.Clone(l.rest), i, i+2))
	}
	out, status, err := t.read(t.IP, l.words()...)
	if err != nil || status != 0 {
		return status, err
	}
	if out, err = t.translate(l, out); err != nil {
		return exitUsage, err
	}
	_, err = t.out.Write(out)
	return status, err
}

// showSlaves is show for `type ipvlan`, which the kernel would take for a filter
// that no TAP passes.
func (t Tool) showSlaves(l line, rest []string) (status int, err error) {
	msgs, err := link.Dump(unix.RTM_GETLINK, unix.RTM_NEWLINK, unix.SizeofIfInfomsg)
	if err != nil {
		return exitUsage, err
	}
	if len(rest) == 1 {
		rest = append(rest, "show")
	}
	for _, m := range msgs {
		s, ok := link.ParseState(m)
		if _, id, isOurs := ours(s.Alias); !ok || !isOurs || id == "" {
			continue
		}
		one := l
		one.rest = append(slices.Clone(rest), "dev", s.Name)
		if status, err = t.show(one); status != 0 || err != nil {
			return status, err
		}
	}
	return 0, nil
}

// read gives what a program prints.
func (t Tool) read(program string, args ...string) ([]byte, int, error) {
	cmd := exec.Command(program, args...)
	cmd.Stderr = t.err
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return out, exit.ExitCode(), nil
	}
	return out, 0, err
}

// translate puts what was printed into the words of the kernel's driver.
func (t Tool) translate(l line, out []byte) ([]byte, error) {
	if !bytes.Contains(out, []byte("ipvd:")) {
		return out, nil
	}
	modes, err := t.modes()
	if err != nil {
		return nil, err
	}
	if l.json {
		return translateJSON(out, modes)
	}
	return translateText(string(out), modes), nil
}

// state is the mode and flag of a master.
type state struct{ mode, flag string }

// modes asks for the state of all masters.
func (t Tool) modes() (map[string]state, error) {
	out, status, err := t.read(t.Control, "-j", "link", "show")
	if err != nil || status != 0 {
		return nil, fmt.Errorf("ask for modes: exit status %d, %w", status, err)
	}
	var links []struct {
		Name string `json:"ifname"`
		Link string `json:"link"`
		Mode string `json:"mode"`
		Flag string `json:"mode_flag"`
	}
	if err := json.Unmarshal(out, &links); err != nil {
		return nil, fmt.Errorf("ask for modes: %w: %s", err, out)
	}
	modes := map[string]state{}
	for _, l := range links {
		if l.Link == "" {
			modes[l.Name] = state{l.Mode, l.Flag}
		}
	}
	return modes, nil
}

var (
	header  = regexp.MustCompile(`(?m)^\d+: ([^:@ ]+)`)
	alias   = regexp.MustCompile(`(?:\n|\\) +alias (ipvd:\S+) *`)
	details = regexp.MustCompile(`tun type tap [^\n\\]*?(addrgenmode|numtxqueues)`)
)

// translateText treats each interface's block, which with -o is a line.
func translateText(out string, modes map[string]state) []byte {
	var b strings.Builder
	heads := header.FindAllStringIndex(out, -1)
	for i, h := range heads {
		end := len(out)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		b.WriteString(translateBlock(out[h[0]:end], modes))
	}
	return []byte(b.String())
}

func translateBlock(block string, modes map[string]state) string {
	said := alias.FindStringSubmatch(block)
	if said == nil {
		return block
	}
	master, id, ok := ours(said[1])
	if !ok {
		return block
	}
	block = strings.Replace(block, said[0], "", 1)
	if id == "" {
		return details.ReplaceAllString(block, "veth $1")
	}
	is := modes[master]
	block = details.ReplaceAllString(block, fmt.Sprintf("ipvlan  mode %s %s $1", is.mode, is.flag))
	return header.ReplaceAllString(block, "${0}@"+master)
}

// translateJSON treats each interface's object.
func translateJSON(out []byte, modes map[string]state) ([]byte, error) {
	var links []map[string]any
	d := json.NewDecoder(bytes.NewReader(out))
	d.UseNumber()
	if err := d.Decode(&links); err != nil {
		return nil, fmt.Errorf("read what ip printed: %w", err)
	}
	for _, l := range links {
		text, _ := l["ifalias"].(string)
		master, id, ok := ours(text)
		if !ok {
			continue
		}
		delete(l, "ifalias")
		_, hasInfo := l["linkinfo"]
		switch {
		case id == "" && hasInfo:
			l["linkinfo"] = map[string]any{"info_kind": "veth"}
		case id != "":
			l["link"] = master
			if hasInfo {
				l["linkinfo"] = map[string]any{"info_kind": "ipvlan", "info_data": map[string]any{"mode": modes[master].mode, modes[master].flag: true}}
			}
		}
	}
	b, err := json.Marshal(links)
	return append(b, '\n'), err
}
