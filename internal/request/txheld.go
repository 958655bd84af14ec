package request

import (
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// txHeld is N14: a transaction is open for 200 ms while none of its statements runs: something else is waited for, such as another
// service. One that has written keeps all other writers waiting meanwhile, one that has read keeps the write-ahead log from being reset.
// Waits for locks are not idle, and do not count.
type txHeld struct{}

func (txHeld) detect(w *watching) {
	for i := range w.txs {
		t := &w.txs[i]
		if t.end == 0 {
			continue
		}
		if idle, known := w.idle(t); known && idle >= w.config.Lifecycle.Held {
			w.say(heldSignal(t, idle, w.config))
		}
	}
}

func heldSignal(t *transaction, idle time.Duration, c *Config) signal {
	return signal{code: TxHeld, level: Warning, about: siteHash(t.site), Evidence: Evidence{
		Site: t.site, database: t.source, Count: int(t.statements), Sum: time.Duration(t.end - t.start),
		Value: milliseconds(idle), Threshold: milliseconds(c.Lifecycle.Held), Unit: "ms",
	}}
}

// idle is the longest time within a transaction in which none of its statements ran; it is not known if some of them left no step.
func (w *watching) idle(t *transaction) (longest time.Duration, known bool) {
	until, n := t.start, int64(0)
	for i := range w.steps {
		s := &w.steps[i]
		if s.tx != t.id {
			continue
		}
		n++
		longest = max(longest, time.Duration(s.start-until))
		until = max(until, s.end)
	}
	longest = max(longest, time.Duration(t.end-until))
	return longest - t.waited, n >= t.statements
}

// heldAlone looks at a transaction whose end came after detectors were asked about its request: one that ran no statement.
func (t *Tracker) heldAlone(r *record, ev *capture.Event) {
	tx := transactionOf(ev)
	if idle := ev.Total - tx.waited; ev.Rows == 0 && idle >= t.config.Lifecycle.Held {
		s := heldSignal(&tx, idle, &t.config)
		t.signal(t.route(r.name), &s, r.example)
	}
}

func siteHash(s *capture.Site) uint64 {
	if s == nil {
		return 0
	}
	return hash(s.Function)
}
