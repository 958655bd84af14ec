package advisor

import (
	"fmt"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// Exporter passes on what was captured to another system. Its methods are called by the goroutine
// that drains the rings, never by a query, and must return soon: while one runs, rings fill up.
// What they want to keep they copy. They must not call Advisor.Export, nor its remove.
type Exporter interface {
	// Export gets each batch of events, in the order of recording within a connection.
	Export(events []capture.Event)
	// ExportInterval gets the summaries of an interval that ended.
	ExportInterval(start, end time.Time, summaries []*digest.Summary)
}

// Export adds an exporter. It gets what is drained from now on, until remove is called; after remove
// has returned it gets nothing more.
func (a *Advisor) Export(e Exporter) (remove func()) {
	a.exporting.Lock()
	defer a.exporting.Unlock()
	a.exporters = append(a.exporters, &e)
	return func() {
		a.exporting.Lock()
		defer a.exporting.Unlock()
		a.exporters = slices.DeleteFunc(a.exporters, func(other *Exporter) bool { return other == &e })
	}
}

// Counts says what became of the events of the process: Recorded = Drained + Dropped + Pending.
func (a *Advisor) Counts() capture.Counts { return a.config.recorder.Counts() }

// Databases describes the watched databases as they are now.
func (a *Advisor) Databases() []DatabaseInfo { return describeDatabases(a.watchedDatabases()) }

// toExporters calls f for each exporter. One that panics is removed: it shall not end the drain.
func (a *Advisor) toExporters(f func(Exporter)) {
	a.exporting.Lock()
	defer a.exporting.Unlock()
	a.exporters = slices.DeleteFunc(a.exporters, func(e *Exporter) (broken bool) {
		defer func() {
			if reason := recover(); reason != nil {
				broken = true
				a.log("export", fmt.Errorf("%T panicked and is removed: %v", *e, reason))
			}
		}()
		f(*e)
		return false
	})
}
