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

// hash is FNV-1a, 64 bits.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
