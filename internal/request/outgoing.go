package request

import "slices"

// nPlusOneAPI is N9: a request makes the same outgoing call five times: each costs a way over the network. Most services answer for
// several things at once.
type nPlusOneAPI struct{}

func (nPlusOneAPI) detect(w *watching) {
	var names []string
	for i := range w.calls {
		first := &w.calls[i]
		if slices.Contains(names, first.name) {
			continue
		}
		names = append(names, first.name)
		e := Evidence{Names: []string{first.name}, Site: first.site, Threshold: float64(w.config.Repeated.Calls), Unit: "calls"}
		for j := i; j < len(w.calls); j++ {
			if w.calls[j].name == first.name {
				e.Count++
				e.Sum += w.calls[j].took()
			}
		}
		if e.Value = float64(e.Count); e.Count >= w.config.Repeated.Calls {
			w.say(signal{code: NPlusOneAPI, level: Warning, about: hash(first.name), Evidence: e})
		}
	}
}

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

// hash is FNV-1a, 64 bits.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
