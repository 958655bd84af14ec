package prom

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// totals are what one database's statements and transactions add up to. Databases with the same file
// name share them.
type totals struct {
	database  string
	observers [len(verbs)]prometheus.Observer // nil until the verb was seen

	errors                              [capture.ErrorClasses]uint64
	returned, affected                  int64
	lockWait                            time.Duration
	retries, fullScan, autoIndex, sorts uint64
	steps, late                         uint64
	committed                           uint64
	rolledBack                          [capture.Ends]uint64
}

// totalsOf are the totals that s is counted in. The drain holds c.mu.
func (c *Collector) totalsOf(s *capture.Source) *totals {
	if t := c.sources[s]; t != nil {
		return t
	}
	name := other
	if s != nil {
		name = text(s.Name())
	}
	t := c.named(name)
	if len(c.sources) < cached { // the pools of those beyond are not summed up
		c.sources[s] = t
	}
	return t
}

// named are the totals of the databases with a name, or of those beyond the bound. The caller holds c.mu.
func (c *Collector) named(name string) *totals {
	if c.databases[name] == nil && len(c.databases) >= c.config.Databases {
		name = other
	}
	t := c.databases[name]
	if t == nil {
		t = &totals{database: name}
		c.databases[name] = t
	}
	return t
}

func (t *totals) observer(c *Collector, op operation) prometheus.Observer {
	if t.observers[op] == nil {
		t.observers[op] = c.statements.WithLabelValues(t.database, verbs[op])
	}
	return t.observers[op]
}

func (t *totals) add(ev *capture.Event) {
	t.lockWait += time.Duration(ev.LockWait) * time.Microsecond
	t.retries += uint64(ev.Retries)
	if ev.Kind == capture.KindTransaction {
		t.end(ev)
		return
	}
	t.errors[ev.Error]++
	t.returned += ev.Rows
	t.affected += ev.Affected
	t.fullScan += uint64(ev.FullScan)
	t.autoIndex += uint64(ev.AutoIndex)
	t.sorts += uint64(ev.Sorts)
	t.steps += uint64(ev.Steps)
	if ev.Flags.Has(capture.FlagLate) {
		t.late++
	}
}

// end counts a transaction.
func (t *totals) end(ev *capture.Event) {
	if ev.Mode == capture.ModeRollback {
		t.rolledBack[ev.End]++
	} else {
		t.committed++
	}
}

// metrics adds the database's metrics to list.
func (t *totals) metrics(list []prometheus.Metric) []prometheus.Metric {
	for class := capture.ErrorNone + 1; int(class) < capture.StatementClasses; class++ {
		list = append(list, counter(errorsTotal, t.errors[class], t.database, class.String()))
	}
	list = append(list, counter(transactionsTotal, t.committed, t.database, "commit", ""))
	for end := range t.rolledBack {
		if n := t.rolledBack[end]; n > 0 {
			list = append(list, counter(transactionsTotal, n, t.database, "rollback", capture.End(end).String()))
		}
	}
	return append(list,
		counter(returnedTotal, t.returned, t.database), counter(affectedTotal, t.affected, t.database),
		counter(lockWaitTotal, t.lockWait.Seconds(), t.database), counter(lockRetriesTotal, t.retries, t.database),
		counter(fullScanTotal, t.fullScan, t.database), counter(autoIndexTotal, t.autoIndex, t.database),
		counter(sortsTotal, t.sorts, t.database), counter(stepsTotal, t.steps, t.database), counter(lateTotal, t.late, t.database))
}
