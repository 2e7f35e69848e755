package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ipvd/cmd/internal/api"
)

// grammar is the words that a command takes, in any order, as with ip: most of
// them a keyword with its value. An interface whose name is a keyword can be
// named after `name` or `dev`.
type grammar struct {
	values map[string]*string // keyword, and where its value goes
	alone  map[string]*bool   // words without value
	flag   *string            // where bridge, private or vepa goes; nil: not taken
	bare   *string            // where a word that is no keyword goes
}

func (g *grammar) parse(args []string) error {
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		switch {
		case g.values[word] != nil:
			if len(args) == 0 || args[0] == "" {
				return fmt.Errorf("%q wants a value", word)
			}
			to := g.values[word]
			if *to != "" {
				return fmt.Errorf("%q is one too many: %s %q is there already", args[0], word, *to)
			}
			*to, args = args[0], args[1:]
		case g.alone[word] != nil:
			*g.alone[word] = true
		case g.flag != nil && slices.Contains(api.Flags(), word):
			if *g.flag != "" && *g.flag != word {
				return fmt.Errorf("%s and %s exclude each other", *g.flag, word)
			}
			*g.flag = word
		case *g.bare == "" && word != "":
			*g.bare = word
		default:
			return fmt.Errorf("%q is unknown here: want %s", word, strings.Join(g.words(), ", "))
		}
	}
	return nil
}

// words are all words that g knows, to list them in an error.
func (g *grammar) words() []string {
	w := slices.Sorted(maps.Keys(g.values))
	if g.flag != nil {
		w = append(w, api.Flags()...)
	}
	return append(w, slices.Sorted(maps.Keys(g.alone))...)
}

// checkType refuses links that are not ipvlan's.
func checkType(kind string) error {
	if kind != "" && kind != "ipvlan" {
		return fmt.Errorf("type %q is unknown, want ipvlan", kind)
	}
	return nil
}

// number reads the value of a keyword; without one it is 0.
func number(keyword, text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%s %q is not a positive number", keyword, text)
	}
	return n, nil
}
