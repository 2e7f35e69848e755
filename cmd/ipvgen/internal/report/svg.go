package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// Measures of a chart, in pixels.
const (
	chartW, chartH          = 720, 360
	left, right, top, below = 70, 24, 20, 52
)

// Chart is a plot of series over two axes.
type Chart struct {
	Title  string
	Note   string
	X, Y   Axis
	Series []Series
	Bars   []Bar // instead of series
}

// Series is a named line.
type Series struct {
	Name   string
	Points [][2]float64 // x and y, in ascending order of x
}

// Bar is a value, and what it could be at most (0: unknown).
type Bar struct {
	Label      string
	Value, Max float64
}

// palette are colours that colour-blind people tell apart (Okabe and Ito).
func palette() []string {
	return []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f7f7f"}
}

// SVG draws the chart. All text is escaped.
func (c Chart) SVG() template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, chartW, chartH, html.EscapeString(c.Title))
	xl, xh, yl, yh := c.bounds()
	y, yTicks := c.Y.fit(yl, yh, chartH-below, top)
	for _, t := range yTicks {
		py := y.at(t.At)
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="y" x="%d" y="%.1f">%s</text>`,
			left, chartW-right, py, py, left-8, py+4, html.EscapeString(t.Text))
	}
	if len(c.Bars) > 0 {
		c.bars(&b, y)
	} else {
		x, xTicks := c.X.fit(xl, xh, left, chartW-right)
		for _, t := range xTicks {
			if px := x.at(t.At); px <= chartW-right+1 {
				fmt.Fprintf(&b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text class="x" x="%.1f" y="%d">%s</text>`,
					px, px, top, chartH-below, px, chartH-below+18, html.EscapeString(t.Text))
			}
		}
		c.lines(&b, x, y)
	}
	fmt.Fprintf(&b, `<text class="label" x="%d" y="%d">%s</text>`, (left+chartW-right)/2, chartH-10, html.EscapeString(c.X.Label))
	fmt.Fprintf(&b, `<text class="label" transform="rotate(-90)" x="%d" y="16">%s</text></svg>`, -(top+chartH-below)/2, html.EscapeString(c.Y.Label))
	return template.HTML(b.String())
}

// bounds are the least and the largest values of both axes.
func (c Chart) bounds() (xl, xh, yl, yh float64) {
	xl, yl = math.Inf(1), math.Inf(1)
	for _, s := range c.Series {
		for _, p := range s.Points {
			xl, xh = math.Min(xl, p[0]), math.Max(xh, p[0])
			yl, yh = math.Min(yl, p[1]), math.Max(yh, p[1])
		}
	}
	for _, bar := range c.Bars {
		yl, yh = 0, math.Max(yh, bar.Value)
	}
	return xl, xh, yl, yh
}

func (c Chart) lines(b *strings.Builder, x, y scale) {
	colours := palette()
	for i, s := range c.Series {
		colour := colours[i%len(colours)]
		var points strings.Builder
		for _, p := range s.Points {
			fmt.Fprintf(&points, "%.1f,%.1f ", x.at(p[0]), y.at(p[1]))
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"><title>%s: %s, %s</title></circle>`,
				x.at(p[0]), y.at(p[1]), colour, html.EscapeString(s.Name), number(p[0]), number(p[1]))
		}
		fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`, points.String(), colour)
	}
}

func (c Chart) bars(b *strings.Builder, y scale) {
	slot := float64(chartW-left-right) / float64(len(c.Bars))
	for i, bar := range c.Bars {
		x, w := float64(left)+slot*float64(i)+slot*0.2, slot*0.6
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"><title>%s: %s</title></rect>`,
			x, y.at(bar.Value), w, y.at(0)-y.at(bar.Value), palette()[0], html.EscapeString(bar.Label), number(bar.Value))
		if bar.Max > 0 && y.at(bar.Max) >= top-1 {
			fmt.Fprintf(b, `<line class="max" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, x-4, x+w+4, y.at(bar.Max), y.at(bar.Max))
		}
		// Inside its bar the value is clear of the mark above.
		at, class := y.at(bar.Value)+18, "in"
		if y.at(0)-y.at(bar.Value) < 28 {
			at, class = y.at(bar.Value)-6, "x"
		}
		fmt.Fprintf(b, `<text class="%s" x="%.1f" y="%.1f">%s</text><text class="x" x="%.1f" y="%d">%s</text>`,
			class, x+w/2, at, number(roundTo(bar.Value)), x+w/2, chartH-below+18, html.EscapeString(bar.Label))
	}
}

// roundTo keeps three digits of v.
func roundTo(v float64) float64 {
	if v == 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(math.Abs(v)))-2)
	return math.Round(v/unit) * unit
}

// Legend are the names of the series with their colours.
func (c Chart) Legend() []Key {
	var keys []Key
	colours := palette()
	for i, s := range c.Series {
		keys = append(keys, Key{s.Name, colours[i%len(colours)]})
	}
	return keys
}

// Key is an entry of a legend.
type Key struct{ Name, Colour string }
