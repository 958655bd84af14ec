package otel

import (
	"context"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// sink is the Exporter as the Advisor sees it. It is called by the drain alone.
type sink struct{ *Exporter }

// Export takes each event to the traces and, with its span if it has one, to the metrics.
func (s sink) Export(events []capture.Event) {
	if s.metrics != nil {
		s.metrics.mu.Lock()
		defer s.metrics.mu.Unlock()
	}
	for i := range events {
		if events[i].Kind > capture.KindOutgoing {
			continue // nothing here knows what it would be called
		}
		ctx := context.Background()
		if s.traces != nil {
			ctx = s.traces.export(&events[i])
		}
		if s.metrics != nil {
			s.metrics.record(ctx, &events[i])
		}
	}
}

// ExportInterval makes log records of the costliest digests.
func (s sink) ExportInterval(start, end time.Time, summaries []*digest.Summary) {
	if s.records != nil {
		s.records.export(start, end, summaries)
	}
}
