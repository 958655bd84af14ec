package advisor

import (
	"context"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	"github.com/sqliteperf/sqliteperf/internal/history"
	"github.com/sqliteperf/sqliteperf/internal/request"
	"github.com/sqliteperf/sqliteperf/internal/sketch"
)

// openInterval is a view of what the history does not hold yet: the open interval, and before it those
// that are on their way. It is not changed once published.
type openInterval struct {
	start     time.Time
	summaries []*digest.Summary
	pending   []closedInterval
}

// bound is where the history ends for who reads both: what it holds from there on is in the view too.
func (o *openInterval) bound() time.Time {
	if len(o.pending) > 0 {
		return o.pending[0].Start
	}
	return o.start
}

// each calls f for the intervals of the view, in order; the open one ends now.
func (o *openInterval) each(now time.Time, f func(start, end time.Time, summaries []*digest.Summary)) {
	for _, in := range o.pending {
		f(in.Start, in.End, in.summaries)
	}
	f(o.start, now, o.summaries)
}

// closedInterval is on its way to the history.
type closedInterval struct {
	history.Interval
	summaries []*digest.Summary
}

// drain empties the rings. It belongs to one goroutine.
type drain struct {
	*Advisor
	reader  *capture.Reader
	table   *digest.Table
	tracker *request.Tracker
	closed  chan<- closedInterval
	started time.Time      // of the open interval
	counted capture.Counts // when the open interval started
	second  sample
	pending []closedInterval // handed to the writer, the oldest first
	stored  uint64           // how many of all handed over are no longer pending
}

// tick is how often rings are drained if none fills up before, and samples are sent.
const tick = time.Second

func (d *drain) run(ctx context.Context) {
	defer close(d.closed)
	defer d.reader.Detach()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			d.drain()
			d.closeInterval(time.Now(), true)
			return
		case <-d.reader.Wake():
			d.drain()
		case now := <-ticker.C:
			d.drain()
			d.publish(now)
		}
	}
}

func (d *drain) drain() {
	d.reader.Drain(func(events []capture.Event) {
		d.table.Add(events)
		d.tracker.Add(events)
		d.second.add(events)
		d.toExporters(func(e Exporter) { e.Export(events) })
	})
}

// publish makes the last second and the open interval visible, and closes the interval in time.
func (d *drain) publish(now time.Time) {
	if now.Sub(d.started) >= d.config.Interval-tick/2 {
		d.closeInterval(now, false)
	}
	written := d.written.Load()
	d.pending, d.stored = d.pending[written-d.stored:], written
	d.Advisor.open.Store(&openInterval{start: d.started, summaries: d.table.Snapshot(), pending: slices.Clone(d.pending)})
	d.watchRequests()
	d.pulse.beat(d.second.queries)
	d.feed.publish("sample", d.second.view(now))
	d.second = sample{}
}

// closeInterval hands the open interval to the writer. If the writer is so far behind that its
// queue is full, the interval stays open and is closed later, longer: nothing is lost.
func (d *drain) closeInterval(now time.Time, last bool) {
	if len(d.closed) == cap(d.closed) && !last {
		return
	}
	counts := d.config.recorder.Counts()
	delta := capture.Counts{
		Recorded: counts.Recorded - d.counted.Recorded,
		Drained:  counts.Drained - d.counted.Drained,
		Dropped:  counts.Dropped - d.counted.Dropped,
	}
	in := closedInterval{history.Interval{Start: d.started, End: now, Counts: delta}, d.table.Take()}
	d.toExporters(func(e Exporter) { e.ExportInterval(in.Start, in.End, in.summaries) })
	d.pending = append(d.pending, in)
	d.closed <- in
	d.started, d.counted = now, counts
}

// pruneEvery is how often the history is kept within its bounds.
const pruneEvery = 5 * time.Minute

// write stores closed intervals until the drain has ended.
func (a *Advisor) write(closed <-chan closedInterval) {
	ctx := context.Background() // the last interval is stored after Close was called
	pruned := time.Now()
	var sized time.Time
	for in := range closed {
		a.remember(in.summaries)
		a.log("store interval", a.store.Append(ctx, in.Interval, in.summaries))
		a.written.Add(1)
		a.watchAlerts(in)
		// A connection that is the last to close would leave the log beside a file that the application closed.
		if time.Since(sized) > history.SizesEvery && a.closing.Err() == nil {
			a.recordSizes(ctx)
			sized = time.Now()
		}
		if time.Since(pruned) > pruneEvery {
			a.log("prune history", a.store.Prune(ctx, time.Now()))
			pruned = time.Now()
		}
	}
}

// textsKept bounds the statements whose texts are remembered for replay.
const textsKept = 4000

// remember keeps the live statements, which have texts and samples; the history has neither.
func (a *Advisor) remember(summaries []*digest.Summary) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range summaries {
		if s.Statement == nil {
			continue
		}
		if len(a.texts) >= textsKept && a.texts[s.Digest] == nil {
			clear(a.texts)
		}
		a.texts[s.Digest] = s.Statement
	}
}

// sample sums up one second for the live stream.
type sample struct {
	queries, writes, requests, errors, busy int
	time                                    sketch.Histogram
}

func (s *sample) add(events []capture.Event) {
	for i := range events {
		ev := &events[i]
		switch ev.Kind {
		case capture.KindRequest:
			s.requests++
			continue
		case capture.KindTransaction, capture.KindOutgoing, capture.KindOperation:
			continue
		}
		s.queries++
		s.time.Add(int64(ev.Total))
		if !ev.Statement.ReadOnly {
			s.writes++
		}
		if ev.Error != capture.ErrorNone {
			s.errors++
		}
		if ev.Error == capture.ErrorBusy || ev.Error == capture.ErrorLocked {
			s.busy++
		}
	}
}

// sampleView is a sample as the stream sends it.
type sampleView struct {
	Time     int64    `json:"t"`
	Queries  int      `json:"queries_per_second"`
	Writes   int      `json:"writes_per_second"`
	Requests int      `json:"requests_per_second"`
	Errors   int      `json:"errors"`
	Busy     int      `json:"busy"`
	P50      *float64 `json:"p50_ms"`
	P95      *float64 `json:"p95_ms"`
	P99      *float64 `json:"p99_ms"`
}

func (s *sample) view(now time.Time) sampleView {
	return sampleView{
		Time: now.Unix(), Queries: s.queries, Writes: s.writes, Requests: s.requests, Errors: s.errors, Busy: s.busy,
		P50: quantileMS(&s.time, 0.50), P95: quantileMS(&s.time, 0.95), P99: quantileMS(&s.time, 0.99),
	}
}

// quantileMS is a quantile in milliseconds, nil without values.
func quantileMS(h *sketch.Histogram, q float64) *float64 {
	v, ok := h.Quantile(q)
	if !ok {
		return nil
	}
	f := float64(v) / 1e6
	return &f
}
