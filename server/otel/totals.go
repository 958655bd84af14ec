package otel

import (
	"context"
	"errors"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// totals are what one database's statements and transactions add up to.
type totals struct {
	attributes   attribute.Set
	sums         [len(sumNames)]int64
	transactions map[ending]*ended
}

// ending is how a transaction ended. There are at most 2·8·8.
type ending struct {
	outcome string
	reason  capture.End
	class   capture.ErrorClass
}

// ended counts the transactions of one database that ended in one way.
type ended struct {
	attributes attribute.Set
	n          int64
}

// sumNames are the counters of totals, by index, with their units.
var sumNames = [...]struct{ name, unit, description string }{
	{"sqlite_perf.full_scan_rows", "{row}", "Rows stepped over in full scans."},
	{"sqlite_perf.auto_index_rows", "{row}", "Rows put into automatic indexes."},
	{"sqlite_perf.sorts", "{sort}", "Sorts that no index saved."},
	{"sqlite_perf.vm_steps", "{step}", "Instructions of SQLite's virtual machine."},
	{"sqlite_perf.lock_retries", "{retry}", "Times that a lock was tried again."},
	{"sqlite_perf.affected_rows", "{row}", "Rows inserted, updated or deleted."},
	{"sqlite_perf.late_statements", "{statement}", "Statements that began after the end of their request."},
	{"sqlite_perf.lock_wait", "s", "Time waited for locks."}, // kept in microseconds
}

const lockWait = len(sumNames) - 1

func (t *totals) add(ev *capture.Event) {
	late := int64(0)
	if ev.Flags.Has(capture.FlagLate) {
		late = 1
	}
	for i, n := range [...]int64{int64(ev.FullScan), int64(ev.AutoIndex), int64(ev.Sorts), int64(ev.Steps),
		int64(ev.Retries), ev.Affected, late, int64(ev.LockWait)} {
		t.sums[i] += n
	}
}

// end counts a transaction of t's. The drain holds m.mu.
func (m *metrics) end(t *totals, ev *capture.Event) {
	key := ending{outcome(ev), ev.End, ev.Error}
	e := t.transactions[key]
	if e == nil {
		e = &ended{attributes: key.attributes(t.attributes)}
		t.transactions[key], m.endings = e, append(m.endings, e)
	}
	e.n++
}

// databasesKept bounds the databases that are counted by name; an application may have one per tenant.
const databasesKept = 500

// otherDatabases is the name under which those beyond are counted.
const otherDatabases = "(other)"

// totalsOf are the totals that s is counted in. The drain holds m.mu.
func (m *metrics) totalsOf(s *capture.Source) *totals {
	if t := m.sources[s]; t != nil {
		return t
	}
	name := otherDatabases
	if s != nil {
		name = s.Name()
	}
	if m.databases[name] == nil && len(m.databases) >= databasesKept {
		name = otherDatabases
	}
	t := m.databases[name]
	if t == nil {
		t = &totals{transactions: map[ending]*ended{},
			attributes: attribute.NewSet(semconv.DBSystemNameSQLite, semconv.DBNamespace(text(name)))}
		m.databases[name] = t
	}
	if len(m.sources) >= setsKept {
		clear(m.sources)
	}
	m.sources[s] = t
	return t
}

// copied are the totals as they are now: the drain goes on while they are observed. The endings keep their
// order, for the SDK counts those beyond its limit together: were it others each time, no count would
// only grow.
func (m *metrics) copied() ([]totals, []ended) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list, endings := make([]totals, 0, len(m.databases)), make([]ended, 0, len(m.endings))
	for _, t := range m.databases {
		list = append(list, *t)
	}
	for _, e := range m.endings {
		endings = append(endings, *e)
	}
	return list, endings
}

// sums are the instruments that are read when the metrics are collected.
type sums struct {
	work         [lockWait]metric.Int64ObservableCounter
	lockWait     metric.Float64ObservableCounter
	transactions metric.Int64ObservableCounter
	spans        metric.Int64ObservableCounter
	pending      metric.Int64ObservableUpDownCounter
	recorded     metric.Int64ObservableCounter
	drained      metric.Int64ObservableCounter
	dropped      metric.Int64ObservableCounter
}

// register makes the instruments and has them read from m.
func (s *sums) register(meter metric.Meter, m *metrics) error {
	var all []metric.Observable
	var errs []error
	counter := func(name, unit, description string) metric.Int64ObservableCounter {
		c, err := meter.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
		errs, all = append(errs, err), append(all, c)
		return c
	}
	for i := range s.work {
		s.work[i] = counter(sumNames[i].name, sumNames[i].unit, sumNames[i].description)
	}
	s.transactions = counter("sqlite_perf.transactions", "{transaction}", "Transactions by how they ended.")
	s.spans = counter("sqlite_perf.spans", "{span}", "Spans by what became of them: exported, dropped or failed.")
	s.recorded = counter("sqlite_perf.capture.recorded", "{event}", "Events recorded: drained, dropped or pending.")
	s.drained = counter("sqlite_perf.capture.drained", "{event}", "Events drained.")
	s.dropped = counter("sqlite_perf.capture.dropped", "{event}", "Events dropped because a ring was full.")
	var last [3]error
	wait := sumNames[lockWait]
	s.lockWait, last[0] = meter.Float64ObservableCounter(wait.name, metric.WithUnit(wait.unit), metric.WithDescription(wait.description))
	s.pending, last[1] = meter.Int64ObservableUpDownCounter("sqlite_perf.spans.pending",
		metric.WithUnit("{span}"), metric.WithDescription("Spans in the queue, or being sent."))
	_, last[2] = meter.RegisterCallback(m.observe, append(all, s.lockWait, s.pending)...)
	return errors.Join(append(errs, last[:]...)...)
}

// observe tells what was added up. It is called by whoever collects.
func (m *metrics) observe(_ context.Context, o metric.Observer) error {
	list, endings := m.copied()
	for _, t := range list {
		database := metric.WithAttributeSet(t.attributes)
		for i, c := range m.sums.work {
			o.ObserveInt64(c, t.sums[i], database)
		}
		o.ObserveFloat64(m.sums.lockWait, float64(t.sums[lockWait])/1e6, database)
	}
	for _, e := range endings {
		o.ObserveInt64(m.sums.transactions, e.n, metric.WithAttributeSet(e.attributes))
	}
	m.observeOwn(o)
	return nil
}

// observeOwn tells what became of the events and spans.
func (m *metrics) observeOwn(o metric.Observer) {
	spans, events := m.spans(), m.counts()
	for name, n := range map[string]uint64{"exported": spans.Exported, "dropped": spans.Dropped, "failed": spans.Failed} {
		o.ObserveInt64(m.sums.spans, int64(n), metric.WithAttributes(attribute.String("sqlite_perf.outcome", name)))
	}
	o.ObserveInt64(m.sums.pending, int64(spans.Pending))
	o.ObserveInt64(m.sums.recorded, int64(events.Recorded))
	o.ObserveInt64(m.sums.drained, int64(events.Drained))
	o.ObserveInt64(m.sums.dropped, int64(events.Dropped))
}

// attributes are those of a transaction that ended so.
func (e ending) attributes(database attribute.Set) attribute.Set {
	list := append(database.ToSlice(), attribute.String("sqlite_perf.transaction.outcome", e.outcome))
	if reason := e.reason.String(); reason != "" {
		list = append(list, attribute.String("sqlite_perf.transaction.reason", reason))
	}
	if e.class != capture.ErrorNone {
		list = append(list, semconv.ErrorTypeKey.String(e.class.String()))
	}
	return attribute.NewSet(list...)
}
