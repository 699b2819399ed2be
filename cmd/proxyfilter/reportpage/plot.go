package reportpage

import (
	"fmt"
	"math"
	"strconv"

	"proxyfilter/filter/review"
)

// The size of a plot, in its own units. The page makes it as wide as the screen.
const (
	plotWidth  = 720.0
	plotHeight = 260.0
	left       = 64.0 // room for the numbers
	right      = 12.0
	top        = 48.0 // room for the names of the limits
	bottom     = 24.0
	labelWidth = 60.0
)

// plot is a drawing of bars.
type plot struct {
	Width, Height float64
	Left, Right   float64 // where the axes begin and end
	Floor, Top    float64
	Bars          []bar
	Marks         []mark // limits
	X, Y          []tick
}

type bar struct {
	X, Y, Width, Height float64
	Kind                string // a class of the style sheet
	Title               string // shown by a pointer, and read aloud
}

// mark is a line from top to bottom with a text at its head.
type mark struct {
	X      float64
	Text   string
	Anchor string // which end of the text is at the line
	Y      float64
}

type tick struct {
	At   float64
	Text string
}

func newPlot() plot {
	return plot{Width: plotWidth, Height: plotHeight, Left: left, Right: plotWidth - right, Floor: plotHeight - bottom, Top: top}
}

// cell is how wide each of n bars is.
func (p *plot) cell(n int) float64 { return (p.Right - p.Left) / float64(max(n, 1)) }

// scores are the messages by score. The scale is logarithmic: what matters is near the
// limits, where there are few, and a line of ham a hundred times as high would hide it.
func scores(s review.Summary) plot {
	p := newPlot()
	if len(s.Scores) == 0 {
		return p
	}
	most := 1
	for _, b := range s.Scores {
		most = max(most, b.Count)
	}
	scale := (p.Floor - p.Top) / math.Log10(float64(most)+1)
	height := func(n int) float64 { return round(scale * math.Log10(float64(n)+1)) }
	for n := 1; n <= most; n *= 10 {
		p.Y = append(p.Y, tick{p.Floor - height(n), strconv.Itoa(n)})
	}
	cell := p.cell(len(s.Scores))
	for i, b := range s.Scores {
		x := p.Left + float64(i)*cell
		p.Bars = append(p.Bars, bar{
			round(x + 1), p.Floor - height(b.Count), round(cell - 2), height(b.Count), p.kind(s, b.From),
			fmt.Sprintf("%s: %d", span(s.Scores, i), b.Count),
		})
		if int(b.From)%5 == 0 {
			p.X = append(p.X, tick{round(x), strconv.Itoa(int(b.From))})
		}
	}
	p.limits(s, cell)
	return p
}

// span is the range of scores of a bar, in words.
func span(all []review.Bucket, i int) string {
	from := all[i].From
	if from >= review.LastBucket {
		return fmt.Sprintf("score of %.0f and more", from)
	}
	return fmt.Sprintf("score from %.0f to below %.0f", from, from+1)
}

// kind is what becomes of mail with that score under the limits of most mail.
func (p *plot) kind(s review.Summary, score float64) string {
	switch l := s.Limits; {
	case len(l) > 0 && l[0].RejectAt > 0 && score >= l[0].RejectAt:
		return "refused"
	case len(l) > 0 && score >= l[0].TagAt:
		return "marked"
	}
	return "accepted"
}

// limits are the lines from which mail is marked and refused. Their texts are on two
// levels, and on the side where there is room.
func (p *plot) limits(s review.Summary, cell float64) {
	if len(s.Limits) == 0 {
		return
	}
	first := s.Scores[0].From
	put := func(limit float64, text string, y float64) {
		x := p.Left + (limit-first)*cell
		if limit == 0 || x < p.Left || x > p.Right {
			return
		}
		m := mark{X: round(x), Text: fmt.Sprintf("%s from %.1f", text, limit), Anchor: "start", Y: y}
		if x > (p.Left+p.Right)*2/3 {
			m.Anchor = "end"
		}
		p.Marks = append(p.Marks, m)
	}
	put(s.Limits[0].TagAt, "marked", 18)
	put(s.Limits[0].RejectAt, "refused", 40)
}

// timeline is what was decided, step by step. The parts of a bar stand on each other.
func timeline(s review.Summary) plot {
	p := newPlot()
	most := 1
	for _, c := range s.Columns {
		most = max(most, c.Records)
	}
	scale := (p.Floor - p.Top) / float64(most)
	for _, n := range []int{0, most / 2, most} {
		p.Y = append(p.Y, tick{round(p.Floor - scale*float64(n)), strconv.Itoa(n)})
	}
	cell := p.cell(len(s.Columns))
	every := max(1, len(s.Columns)/6)
	for i, c := range s.Columns {
		x, y := p.Left+float64(i)*cell, p.Floor
		for _, part := range []struct {
			kind string
			n    int
		}{{"refused", c.Refused}, {"deferred", c.Deferred}, {"marked", c.Marked}, {"accepted", c.Accepted}} {
			if part.n == 0 {
				continue
			}
			h := scale * float64(part.n)
			y -= h
			p.Bars = append(p.Bars, bar{
				round(x + 0.5), round(y), round(max(cell-1, 1)), round(h), part.kind,
				fmt.Sprintf("%s: %d %s", c.From.Format("2 Jan 15:04"), part.n, part.kind),
			})
		}
		if i%every == 0 && x <= p.Right-labelWidth {
			p.X = append(p.X, tick{round(x), label(s, i)})
		}
	}
	return p
}

// label is a day, or an hour where there are several in a day.
func label(s review.Summary, i int) string {
	if s.Until.Sub(s.From).Hours() <= 48 {
		return s.Columns[i].From.Format("15:04")
	}
	return s.Columns[i].From.Format("2 Jan")
}

func round(x float64) float64 { return math.Round(x*10) / 10 }
