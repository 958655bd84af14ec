package request

// bigResult is N8: a statement returns more than a thousand rows, and the answer is small: they were counted, filtered or cut in the
// application, which SQLite does without handing them over (each costs some 0.5 µs to scan). It needs the size of the answer.
type bigResult struct{}

func (bigResult) detect(w *watching) {
	c := &w.config.Volume
	if !w.sized || w.response >= c.Small {
		return
	}
	most := map[uint8]int64{}
	for i := range w.steps {
		most[w.steps[i].group] = max(most[w.steps[i].group], int64(w.steps[i].rows))
	}
	for i := range w.groups {
		g := &w.groups[i]
		if rows := most[uint8(i)]; rows > c.Rows && g.reads() {
			w.say(signal{code: BigResult, about: g.statement.Digest, Evidence: Evidence{
				Repeated: g.statement, Site: g.site, database: g.source, Count: g.count, Rows: rows, Sum: g.sum,
				Value: float64(rows), Threshold: float64(c.Rows), Unit: "rows",
			}})
		}
	}
}
