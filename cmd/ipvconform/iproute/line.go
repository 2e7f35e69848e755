package iproute

import (
	"slices"
	"strings"
)

// line is a command line of ip(8), as far as it matters here.
type line struct {
	options []string // the global ones, but for namespace and batch
	netns   string   // -n
	batch   string   // -b
	details bool     // -d
	json    bool     // -j
	object  string   // in full; of the objects that are looked at
	verb    string   // in full: add, replace, set, delete, show; empty: none of them
	args    []string // what follows the verb
	rest    []string // what follows the options
}

// words are the line without its namespace.
func (l line) words() []string { return append(slices.Clone(l.options), l.rest...) }

// concerns reports a line that cannot be left to the machine's ip.
func (l line) concerns() bool {
	switch l.verb {
	case "add", "replace", "set":
		return l.object == "link" && isIPVLAN(parseLink(l.args).kind)
	case "delete":
		return l.object == "link"
	case "show":
		return l.object == "link" || l.object == "address"
	}
	return false
}

// isIPVLAN takes ipvtap, too: while nobody has its device open, it does as ipvlan
// (drivers/net/tap.c, tap_handle_frame).
func isIPVLAN(kind string) bool { return kind == "ipvlan" || kind == "ipvtap" }

// option is a global option of ip (ip/ip.c, main), in the order in which it
// looks for one that begins as the word does.
type option struct {
	name  string
	value bool
}

func globalOptions() []option {
	return []option{{"loops", true}, {"family", true}, {"human", false}, {"iec", false}, {"stats", false}, {"statistics", false},
		{"details", false}, {"resolve", false}, {"oneline", false}, {"timestamp", false}, {"tshort", false}, {"Version", false},
		{"force", false}, {"batch", true}, {"brief", false}, {"json", false}, {"pretty", false}, {"rcvbuf", true},
		{"color", false}, {"help", false}, {"netns", true}, {"Numeric", false}, {"all", false}, {"echo", false}}
}

// parse reads a line. What it does not understand is in rest, for ip to refuse.
func parse(args []string) (l line) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "--" {
		name, value := args[0], ""
		args = args[1:]
		o := globalOption(strings.TrimPrefix(strings.TrimPrefix(name, "-"), "-"))
		if o.value && len(args) > 0 {
			value, args = args[0], args[1:]
		}
		switch o.name {
		case "netns":
			l.netns = value
			continue
		case "batch":
			l.batch = value
			continue
		case "details":
			l.details = true
		case "json":
			l.json = true
		}
		l.options = append(l.options, name)
		if value != "" {
			l.options = append(l.options, value)
		}
	}
	l.rest = args
	l.command(args)
	return l
}

func globalOption(word string) option {
	for _, o := range globalOptions() {
		if word != "" && strings.HasPrefix(o.name, word) {
			return o
		}
	}
	return option{} // -4, -6, -0, …
}

// objects are those of ip (ip/ip.c, cmds) up to the last that is looked at.
func objects() []string {
	return []string{"address", "addrlabel", "maddress", "route", "rule", "neighbor", "neighbour", "ntable", "ntbl", "link"}
}

// command reads object and verb.
func (l *line) command(args []string) {
	if len(args) == 0 {
		return
	}
	l.object = first(args[0], objects()...)
	if l.object == "link" || l.object == "address" {
		l.verb = "show"
	}
	if l.verb == "" || len(args) == 1 {
		return
	}
	verbs := []string{"add", "set", "change", "replace", "delete", "show", "lst", "list"}
	l.args = args[2:]
	switch v := first(args[1], verbs...); v {
	case "change":
		l.verb = "set"
	case "lst", "list":
		l.verb = "show"
	default:
		l.verb = v
	}
}

// first is the first of words that begins with what was typed.
func first(typed string, words ...string) string {
	i := slices.IndexFunc(words, func(w string) bool { return typed != "" && strings.HasPrefix(w, typed) })
	if i < 0 {
		return ""
	}
	return words[i]
}
