package profile

import (
	"fmt"
	"strconv"
	"strings"
)

// Sizes is which frame sizes a load has, FCS included, and how often each.
type Sizes struct {
	items []sizeItem
	text  string
}

// sizeItem is a run of sizes that come weight times each.
type sizeItem struct{ from, to, weight int }

// imix is the mix known as simple IMIX: 7 small frames, 4 of 594 bytes and one
// full one in twelve.
const imix = "64:7,594:4,1518:1"

// ParseSizes reads a size `64`, a range `64-1518` of which all sizes come alike,
// `imix`, or several of these separated by commas, with weights: `64:7,594:4`.
func ParseSizes(text string) (Sizes, error) {
	s := Sizes{text: text}
	list := text
	if text == "imix" {
		list = imix
	}
	for item := range strings.SplitSeq(list, ",") {
		it, err := parseSize(item)
		if err != nil {
			return Sizes{}, fmt.Errorf("sizes %q: %w", text, err)
		}
		s.items = append(s.items, it)
	}
	return s, nil
}

func parseSize(item string) (sizeItem, error) {
	sizes, weight, err := cutWeight(item)
	if err != nil {
		return sizeItem{}, err
	}
	from, to, isRange := strings.Cut(sizes, "-")
	if !isRange {
		to = from
	}
	lo, errLo := strconv.Atoi(from)
	hi, errHi := strconv.Atoi(to)
	if errLo != nil || errHi != nil || lo < MinSize || hi > MaxSize || hi < lo {
		return sizeItem{}, fmt.Errorf("%q is neither imix nor a size or range from %d to %d bytes with FCS", item, MinSize, MaxSize)
	}
	return sizeItem{lo, hi, weight}, nil
}

// String is the text that the sizes were read from.
func (s Sizes) String() string { return s.text }

// each calls fn for every size with its weight.
func (s Sizes) each(fn func(size, weight int)) {
	for _, it := range s.items {
		for size := it.from; size <= it.to; size++ {
			fn(size, it.weight)
		}
	}
}

// maxWeight keeps schedules short; nobody needs a finer share than a thousandth.
const maxWeight = 1000

// cutWeight splits `what:weight`; without a weight it is 1.
func cutWeight(item string) (what string, weight int, err error) {
	what, w, given := strings.Cut(strings.TrimSpace(item), ":")
	if !given {
		return what, 1, nil
	}
	weight, err = strconv.Atoi(w)
	if err != nil || weight < 1 || weight > maxWeight {
		return what, 0, fmt.Errorf("%q: the weight is not a number from 1 to %d", item, maxWeight)
	}
	return what, weight, nil
}
