package compare

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// Field is one thing that a command told: of what, which property, and its value.
// Texts are no fields, so that programs may word things as they like.
type Field struct{ Of, Name, Value string }

// Names of fields.
const (
	fieldMTU   = "mtu"
	fieldFlag  = "flag" // one of the interface's flags
	fieldMAC   = "mac"
	fieldState = "state"
	fieldMode  = "ipvlan mode"
	fieldAddr  = "address"
	fieldNeigh = "neighbour"
	fieldRoute = "route"
	fieldPing  = "ping"
	fieldKey   = "sysctl"
	fieldLine  = "line" // the one line of a command whose output has no other field
)

// The kinds of lines of iproute2, ping and sysctl that are understood.
var (
	linkLine  = regexp.MustCompile(`^\d+: ([^:@ ]+)(?:@\S+)?:? +<([^>]*)> mtu (\d+).*? state (\S+)`)
	macPart   = regexp.MustCompile(`link/ether ([0-9a-f:]{17})`)
	modePart  = regexp.MustCompile(`ipvlan +mode (\S+) (\S+)`)
	addrPart  = regexp.MustCompile(`(?:^|\s)inet6? (\S+?)(?: peer (\S+))?(?: brd \S+)? scope (\S+)((?: (?:secondary|tentative|dadfailed|deprecated))*)`)
	ownerPart = regexp.MustCompile(`^\d+: ([^:@ ]+)(?:@\S+)? +inet`)
	briefLink = regexp.MustCompile(`^([^\s@]+)(?:@\S+)? +(UP|DOWN|UNKNOWN|LOWERLAYERDOWN|DORMANT|NOTPRESENT) +([0-9a-f:]{17}) <([^>]*)>`)
	briefAddr = regexp.MustCompile(`^([^\s@]+)(?:@\S+)? +(UP|DOWN|UNKNOWN|LOWERLAYERDOWN|DORMANT|NOTPRESENT)((?: +[0-9a-f.:]+(?: peer [0-9a-f.:]+)?/\d+)*) *$`)
	briefOne  = regexp.MustCompile(`[0-9a-f.:]+(?: peer [0-9a-f.:]+)?/\d+`)
	neighLine = regexp.MustCompile(`^([0-9a-f.:]+) dev (\S+)(?: lladdr ([0-9a-f:]{17}))?.* (INCOMPLETE|REACHABLE|STALE|DELAY|PROBE|FAILED|NOARP|PERMANENT)\s*$`)
	routeLine = regexp.MustCompile(`^(?:(?:unreachable|blackhole|prohibit|throw|local|broadcast|multicast|anycast) )?(?:default|[0-9a-f.:]+(?:/\d+)?)(?: from \S+)? (?:via|dev|proto|scope|metric|nhid|src|table)\b.*`)
	lifetime  = regexp.MustCompile(` expires \S+`)
	pingLine  = regexp.MustCompile(`^(\d+) packets transmitted, (\d+) received`)
	keyLine   = regexp.MustCompile(`^([a-z]+(?:[./][\w./-]+)+) = (.*)$`)
)

// fields are what a command's output tells.
func fields(out string, ok bool) (all []Field) {
	if parsed, isJSON := fieldsOfJSON(out); isJSON {
		return parsed
	}
	of := ""
	for line := range strings.Lines(strings.ReplaceAll(out, `\`, "\n")) {
		var more []Field
		of, more = fieldsOfLine(of, strings.TrimRight(line, " \n"))
		all = append(all, more...)
	}
	if one := strings.TrimSpace(out); len(all) == 0 && ok && one != "" && !strings.Contains(one, "\n") {
		all = append(all, Field{Name: fieldLine, Value: strings.Join(strings.Fields(one), " ")})
	}
	return all
}

// fieldsOfLine reads a line, and gives which interface the next ones are about.
func fieldsOfLine(of string, line string) (string, []Field) {
	var all []Field
	if m := linkLine.FindStringSubmatch(line); m != nil {
		of = m[1]
		all = append(flags(of, strings.Split(m[2], ",")), Field{of, fieldMTU, m[3]}, Field{of, fieldState, operState(m[4])})
	} else if m := ownerPart.FindStringSubmatch(line); m != nil {
		of = m[1]
	}
	if m := macPart.FindStringSubmatch(line); m != nil {
		all = append(all, Field{of, fieldMAC, m[1]})
	}
	if m := modePart.FindStringSubmatch(line); m != nil {
		all = append(all, Field{of, fieldMode, m[1] + " " + m[2]})
	}
	if m := addrPart.FindStringSubmatch(line); m != nil {
		all = append(all, Field{of, fieldAddr, strings.TrimSpace(m[1] + peer(m[2]) + m[4])})
	}
	if len(all) > 0 {
		return of, all
	}
	return of, fieldsOfTable(line)
}

func peer(of string) string {
	if of == "" {
		return ""
	}
	return " peer " + of
}

// fieldsOfTable reads a line that tells all of one thing.
func fieldsOfTable(line string) (all []Field) {
	if m := briefLink.FindStringSubmatch(line); m != nil {
		return append(flags(m[1], strings.Split(m[4], ",")), Field{m[1], fieldState, operState(m[2])}, Field{m[1], fieldMAC, m[3]})
	}
	if m := briefAddr.FindStringSubmatch(line); m != nil {
		all = append(all, Field{m[1], fieldState, operState(m[2])})
		for _, a := range briefOne.FindAllString(m[3], -1) {
			all = append(all, Field{m[1], fieldAddr, a})
		}
		return all
	}
	if m := neighLine.FindStringSubmatch(line); m != nil {
		return []Field{{m[2], fieldNeigh, m[1] + " " + neighState(m[4]) + " " + m[3]}}
	}
	if m := pingLine.FindStringSubmatch(line); m != nil {
		return []Field{{"", fieldPing, m[2] + " of " + m[1]}}
	}
	if m := keyLine.FindStringSubmatch(line); m != nil {
		return []Field{{"", fieldKey, m[1] + " = " + strings.TrimSpace(m[2])}}
	}
	if routeLine.MatchString(line) {
		return []Field{{"", fieldRoute, strings.Join(strings.Fields(lifetime.ReplaceAllString(line, "")), " ")}}
	}
	return nil
}

// flags are a field each. Those of the device below are told only when it is in
// the same namespace.
func flags(of string, words []string) (all []Field) {
	for _, w := range words {
		if w != "" && w != "M-DOWN" {
			all = append(all, Field{of, fieldFlag, w})
		}
	}
	return all
}

// operState joins the names of the same thing: a driver that does not tell its
// state is UNKNOWN while it has a carrier, and without one is DOWN, or
// LOWERLAYERDOWN when it stands on another (Documentation/networking/operstates.rst).
func operState(s string) string {
	switch s {
	case "UNKNOWN":
		return "UP"
	case "LOWERLAYERDOWN":
		return "DOWN"
	}
	return s
}

// neighState joins the states that depend on the time since an answer.
func neighState(s string) string {
	switch s {
	case "REACHABLE", "STALE", "DELAY", "PROBE":
		return "known"
	case "INCOMPLETE", "FAILED":
		return "unknown"
	}
	return strings.ToLower(s)
}

// ipObject is what `ip -j` prints of a link or a neighbour.
type ipObject struct {
	Name     string   `json:"ifname"`
	Flags    []string `json:"flags"`
	MTU      json.Number
	State    string `json:"operstate"`
	Type     string `json:"link_type"`
	Address  string
	LinkInfo struct {
		Kind string         `json:"info_kind"`
		Data map[string]any `json:"info_data"`
	} `json:"linkinfo"`
	Addrs []struct {
		Local      string
		Peer       string      `json:"address"`
		Length     json.Number `json:"prefixlen"`
		Secondary  bool
		Tentative  bool
		DADFailed  bool
		Deprecated bool
	} `json:"addr_info"`
}

// fieldsOfJSON reads what `ip -j` prints of links and addresses; of other JSON
// nothing is understood.
func fieldsOfJSON(out string) (all []Field, ok bool) {
	var links []ipObject
	if !strings.HasPrefix(strings.TrimSpace(out), "[") || json.Unmarshal([]byte(out), &links) != nil {
		return nil, false
	}
	for _, l := range links {
		if l.Name != "" {
			all = append(all, l.fields()...)
		}
	}
	return all, true
}

func (l *ipObject) fields() []Field {
	all := flags(l.Name, l.Flags)
	for name, value := range map[string]string{fieldMTU: l.MTU.String(), fieldState: operState(l.State)} {
		if value != "" {
			all = append(all, Field{l.Name, name, value})
		}
	}
	if l.Type == "ether" {
		all = append(all, Field{l.Name, fieldMAC, l.Address})
	}
	if mode, isText := l.LinkInfo.Data["mode"].(string); isText && l.LinkInfo.Kind == "ipvlan" {
		flag := ""
		for _, f := range []string{"bridge", "private", "vepa"} {
			if l.LinkInfo.Data[f] == true {
				flag = f
			}
		}
		all = append(all, Field{l.Name, fieldMode, mode + " " + flag})
	}
	for _, a := range l.Addrs {
		text := a.Local + "/" + a.Length.String()
		for word, set := range map[string]bool{"secondary": a.Secondary, "tentative": a.Tentative, "dadfailed": a.DADFailed, "deprecated": a.Deprecated} {
			if set {
				text += " " + word
			}
		}
		if a.Peer != "" {
			text = a.Local + peer(a.Peer+"/"+a.Length.String())
		}
		all = append(all, Field{l.Name, fieldAddr, text})
	}
	slices.SortFunc(all, func(a, b Field) int { return strings.Compare(a.Of+a.Name+a.Value, b.Of+b.Name+b.Value) })
	return all
}
