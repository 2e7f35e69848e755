package ipvlan

import (
	"errors"
	"fmt"
	"strings"
)

// ErrChoice is wrapped by the Parse functions for a word that is none of the
// choices.
var ErrChoice = errors.New("unknown word")

// Mode says at which layer a master's slaves are reached. It belongs to the
// master: all its slaves share it.
type Mode uint8

// The modes of ipvlan, with the kernel's numbers (if_link.h, IPVLAN_MODE_L2).
const (
	L2  Mode = iota // slaves take part in ARP, ND, broadcast and multicast
	L3              // slaves send through the master's routing; no group frames
	L3S             // as L3, and both directions pass the host's netfilter
)

// Flag says what slaves of a master may do to each other.
type Flag uint8

// The flags of ipvlan (if_link.h, IPVLAN_F_PRIVATE).
const (
	Bridge  Flag = iota // slaves reach each other
	Private             // unicast between slaves is dropped
	VEPA                // unicast between slaves leaves on the wire, for the switch to return
)

// SourceMAC says what happens to a slave's frame that bears another MAC address
// than the master's, as source, ARP sender or neighbour discovery option.
type SourceMAC uint8

// The choices; ipvlan itself forbids a slave another MAC, a TAP does not.
const (
	Rewrite     SourceMAC = iota // the master's MAC is put in
	DropForeign                  // the frame is dropped
	Pass                         // it passes unchanged, as a raw socket's does in the kernel's l2
)

func modeWords() []string { return []string{L2: "l2", L3: "l3", L3S: "l3s"} }
func flagWords() []string { return []string{Bridge: "bridge", Private: "private", VEPA: "vepa"} }
func sourceMACWords() []string {
	return []string{Rewrite: "rewrite", DropForeign: "drop", Pass: "pass"}
}

// String is the word that ParseMode takes.
func (m Mode) String() string { return word(modeWords(), int(m)) }

// String is the word that ParseFlag takes.
func (f Flag) String() string { return word(flagWords(), int(f)) }

// String is the word that ParseSourceMAC takes.
func (s SourceMAC) String() string { return word(sourceMACWords(), int(s)) }

// ParseMode reads l2, l3 or l3s. An error wraps ErrChoice and lists them.
func ParseMode(s string) (Mode, error) {
	i, err := choice("mode", s, modeWords())
	return Mode(i), err
}

// ParseFlag reads bridge, private or vepa. An error wraps ErrChoice and lists
// them.
func ParseFlag(s string) (Flag, error) {
	i, err := choice("flag", s, flagWords())
	return Flag(i), err
}

// ParseSourceMAC reads rewrite, drop or pass. An error wraps ErrChoice and
// lists them.
func ParseSourceMAC(s string) (SourceMAC, error) {
	i, err := choice("source MAC policy", s, sourceMACWords())
	return SourceMAC(i), err
}

func word(words []string, i int) string {
	if i < len(words) {
		return words[i]
	}
	return fmt.Sprintf("unknown(%d)", i)
}

func choice(what, s string, words []string) (int, error) {
	for i, w := range words {
		if s == w {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%s %q: %w, want one of %s", what, s, ErrChoice, strings.Join(words, ", "))
}
