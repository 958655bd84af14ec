package request

// largePayload is N11: an answer of more than 300 kB before compression that took 100 ms or more. It must be made, compressed, sent and
// read, and grows with the data if nothing bounds it. It needs the size of the answer.
type largePayload struct{}

func (largePayload) detect(w *watching) {
	c := &w.config.Volume
	if !w.sized || w.response <= c.Large || w.Total < c.LargeTook {
		return
	}
	level := Info
	if w.response > c.VeryLarge {
		level = Warning
	}
	w.say(signal{code: LargePayload, level: level, Evidence: Evidence{
		Sum: w.Total, Value: float64(w.response), Threshold: float64(c.Large), Unit: "bytes",
	}})
}
