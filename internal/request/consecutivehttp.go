package request

import "slices"

// consecutiveHTTP is N10: outgoing calls to different services one after the other, each of 100 ms or more, with no statement between that
// one might be for. At once they would take as long as the slowest. Whether one needs what another answered cannot be seen: a hint.
type consecutiveHTTP struct{}

func (consecutiveHTTP) detect(w *watching) {
	for from := 0; from < len(w.calls); {
		to := from
		for to < len(w.calls) && w.follows(from, to) {
			to++
		}
		if to-from >= 2 {
			w.sayConsecutive(w.calls[from:to])
		}
		from = max(to, from+1)
	}
}

// follows says whether the call at to goes on with the row of calls that began at from.
func (w *watching) follows(from, to int) bool {
	c := &w.calls[to]
	if c.took() < w.config.Slow.Call {
		return false
	}
	for i := from; i < to; i++ {
		if w.calls[i].name == c.name || w.calls[i].end > c.start {
			return false
		}
	}
	return to == from || !slices.ContainsFunc(w.steps, func(s step) bool { return s.start < c.start && s.end > w.calls[to-1].end })
}

func (w *watching) sayConsecutive(row []call) {
	e := Evidence{Site: row[0].site, Count: len(row), Threshold: milliseconds(w.config.Slow.Call), Unit: "ms"}
	most, about := row[0].took(), uint64(0)
	for i := range row {
		e.Names = append(e.Names, row[i].name)
		e.Sum += row[i].took()
		most = max(most, row[i].took())
		about += hash(row[i].name)
	}
	e.Value = milliseconds(e.Sum - most)
	w.say(signal{code: ConsecutiveHTTP, about: about, Evidence: e})
}
