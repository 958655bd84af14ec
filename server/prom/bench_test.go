package prom

import (
	"fmt"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// BenchmarkExport is of 4096 events, as a full ring has: 64 fingerprints, a request after each seven.
func BenchmarkExport(b *testing.B) {
	var statements []*capture.Statement
	for i := range 64 {
		statements = append(statements, &capture.Statement{Digest: uint64(i), Summary: fmt.Sprint([]string{"SELECT", "UPDATE"}[i%2], " t", i)})
	}
	var list []capture.Event
	for i := range 4096 {
		if i%8 == 7 {
			list = append(list, request(fmt.Sprint("GET /", i%20), 200))
			continue
		}
		list = append(list, statement(func(ev *capture.Event) {
			ev.Statement, ev.Total = statements[i%64], time.Duration(10+i%400)*time.Microsecond
		}))
	}
	c := newCollector(asked{}, Config{})
	b.ReportAllocs()
	for b.Loop() {
		sink{c}.Export(list)
	}
	b.ReportMetric(float64(len(list))*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
