package prom

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/sqliteperf/sqliteperf/advisor"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// story is one of each kind of event.
func story() []capture.Event {
	return []capture.Event{
		statement(nil),
		statement(func(ev *capture.Event) { ev.Source = shopTwo }),
		statement(func(ev *capture.Event) {
			ev.Statement, ev.Rows, ev.Affected, ev.Error, ev.Flags = update, 0, 2, capture.ErrorBusy, capture.FlagLate
			ev.Work = capture.Work{LockWait: 1500, Steps: 70, FullScan: 60, AutoIndex: 50, Sorts: 4, Retries: 2}
		}),
		{Kind: capture.KindTransaction, Source: shop, Mode: capture.ModeCommit},
		{Kind: capture.KindTransaction, Source: shop, Mode: capture.ModeRollback, End: capture.EndDeadline},
		request("GET /orders/:id", 200), request("GET /orders/:id", 404), request("<unmatched>", 404), request("PROPFIND /dav", 501), detailed("POST /upload"),
		sent("GET api.test/users/{id}", 200, capture.ErrorNone), sent("GET api.test/users/{id}", 0, capture.ErrorConnect),
		{Kind: capture.KindOutgoing, Status: 503},
	}
}

// detailed is a request that panicked after it wrote something.
func detailed(name string) capture.Event {
	ev := request(name, 200)
	ev.Rows, ev.Flags = 6, capture.FlagPanicked|capture.FlagGone
	ev.SetBytes(30, 4)
	return ev
}

func sent(name string, status uint16, class capture.ErrorClass) capture.Event {
	return capture.Event{Kind: capture.KindOutgoing, Statement: &capture.Statement{Fingerprint: name}, Status: status, Error: class}
}

func TestSeries(t *testing.T) {
	pool := advisor.PoolInfo{WaitCount: 3, WaitMS: 250}
	c := newCollector(asked{[]advisor.DatabaseInfo{
		{Name: "a", Path: shop.Path, Size: 100, WAL: 10, Pool: pool}, {Name: "b", Path: shopTwo.Path, Size: 1, WAL: 2, Pool: pool}}}, Config{})
	sink{c}.Export(story())
	got := map[string]float64{}
	for name, m := range gather(t, c) {
		switch {
		case m.Histogram != nil:
			got[name] = float64(m.Histogram.GetSampleCount())
		case m.GetCounter().GetValue()+m.GetGauge().GetValue() != 0:
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	const db = " database=shop.db"
	want := map[string]float64{
		"sqlite_perf_statement_duration_seconds" + db + " operation=SELECT":                 2,
		"sqlite_perf_statement_duration_seconds" + db + " operation=UPDATE":                 1,
		"sqlite_perf_request_duration_seconds code=2xx method=GET route=/orders/:id":        1,
		"sqlite_perf_request_duration_seconds code=4xx method=GET route=/orders/:id":        1,
		"sqlite_perf_request_duration_seconds code=4xx method=other route=<unmatched>":      1,
		"sqlite_perf_request_duration_seconds code=5xx method=other route=/dav":             1,
		"sqlite_perf_request_duration_seconds code=2xx method=POST route=/upload":           1,
		"sqlite_perf_request_received_bytes_total method=POST route=/upload":                30,
		"sqlite_perf_request_sent_bytes_total method=POST route=/upload":                    4,
		"sqlite_perf_request_statements_total method=POST route=/upload":                    6,
		"sqlite_perf_request_panics_total method=POST route=/upload":                        1,
		"sqlite_perf_request_clients_gone_total method=POST route=/upload":                  1,
		"sqlite_perf_outgoing_duration_seconds code=2xx target=GET api.test/users/{id}":     1,
		"sqlite_perf_outgoing_duration_seconds code=connect target=GET api.test/users/{id}": 1,
		"sqlite_perf_outgoing_duration_seconds code=5xx target=(other)":                     1,
		"sqlite_perf_statement_errors_total class=busy" + db:                                1,
		"sqlite_perf_rows_returned_total" + db:                                              2,
		"sqlite_perf_rows_affected_total" + db:                                              2,
		"sqlite_perf_lock_wait_seconds_total" + db:                                          0.0015,
		"sqlite_perf_lock_retries_total" + db:                                               2,
		"sqlite_perf_full_scan_rows_total" + db:                                             60,
		"sqlite_perf_auto_index_rows_total" + db:                                            50,
		"sqlite_perf_sorts_total" + db:                                                      4,
		"sqlite_perf_vm_steps_total" + db:                                                   70,
		"sqlite_perf_late_statements_total" + db:                                            1,
		"sqlite_perf_transactions_total" + db + " outcome=commit reason=":                   1,
		"sqlite_perf_transactions_total" + db + " outcome=rollback reason=deadline":         1,
		"sqlite_perf_pool_waits_total" + db:                                                 6,
		"sqlite_perf_pool_wait_seconds_total" + db:                                          0.5,
		"sqlite_perf_database_size_bytes" + db:                                              101,
		"sqlite_perf_wal_size_bytes" + db:                                                   12,
		"sqlite_perf_capture_events_total state=drained":                                    7,
		"sqlite_perf_capture_events_total state=dropped":                                    3,
		"sqlite_perf_capture_pending_events":                                                2,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("series that are not zero (-want +got):\n%s", diff)
	}
}

func TestNamesFollowTheConventions(t *testing.T) {
	c := newCollector(asked{[]advisor.DatabaseInfo{{Path: shop.Path}}}, Config{Digests: 5})
	sink{c}.Export(story())
	sink{c}.ExportInterval(time.Time{}, time.Time{}, interval(3))
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	problems, err := testutil.GatherAndLint(registry)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if err != nil {
		t.Error(err)
	}
}

func TestHistogramsAreNativeAndClassic(t *testing.T) {
	c := newCollector(asked{}, Config{})
	for i := range 1000 {
		sink{c}.Export([]capture.Event{statement(func(ev *capture.Event) { ev.Total = time.Duration(i) * time.Microsecond })})
	}
	h := gather(t, c)["sqlite_perf_statement_duration_seconds database=shop.db operation=SELECT"].Histogram
	if h.GetSchema() != 3 || len(h.PositiveSpan) == 0 || len(h.Bucket) != len(buckets) {
		t.Errorf("schema %d, %d spans, %d classic buckets", h.GetSchema(), len(h.PositiveSpan), len(h.Bucket))
	}
	if b := h.Bucket[2]; b.GetUpperBound() != 50e-6 || b.GetCumulativeCount() != 51 {
		t.Errorf("at most %v: %d of 0 µs to 50 µs", b.GetUpperBound(), b.GetCumulativeCount())
	}
}

// interval are summaries of n statements, the nth the costliest.
func interval(n int) []*digest.Summary {
	table := digest.NewTable(digest.Config{})
	for i := range n {
		s := &capture.Statement{Digest: uint64(100 + i), Summary: fmt.Sprint("SELECT t", i)}
		table.Add([]capture.Event{statement(func(ev *capture.Event) { ev.Statement, ev.Total = s, time.Duration(i+1)*time.Millisecond })})
	}
	return table.Take()
}

func TestDigestsAreTheCostliest(t *testing.T) {
	c := newCollector(asked{}, Config{Digests: 2})
	for range 3 {
		sink{c}.ExportInterval(time.Time{}, time.Time{}, interval(100))
	}
	if len(c.digests) > 2*digestsKept {
		t.Errorf("%d digests are kept", len(c.digests))
	}
	got := map[string]float64{}
	for name, m := range gather(t, c) {
		if name, ok := strings.CutPrefix(name, "sqlite_perf_digest_"); ok {
			got[name] = m.Counter.GetValue()
		}
	}
	const first, second = " database=shop.db digest=00000000000000c7 summary=SELECT t99", " database=shop.db digest=00000000000000c6 summary=SELECT t98"
	want := map[string]float64{
		"calls_total" + first: 3, "errors_total" + first: 0, "seconds_total" + first: 0.3, "rows_total" + first: 3,
		"calls_total" + second: 3, "errors_total" + second: 0, "seconds_total" + second: 0.297, "rows_total" + second: 3,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whatever the workload, series and caches are bounded, and no call is lost.
func TestCardinality(t *testing.T) {
	const n = cached + 500
	c := newCollector(asked{}, Config{Routes: 10, Databases: 5})
	var list []capture.Event
	for i := range n {
		list = append(list, request(fmt.Sprint("GET /", i), 200), statement(func(ev *capture.Event) {
			ev.Statement = &capture.Statement{Summary: fmt.Sprintf("VERB%d \xff", i)}
			ev.Source = capture.SourceOf(fmt.Sprintf("/tenants/\xff%d.db", i), "")
		}))
	}
	sink{c}.Export(list)
	sink{c}.Export(list)
	calls, series := map[string]uint64{}, map[string]int{}
	for name, m := range gather(t, c) {
		if m.Histogram != nil {
			name, _, _ := strings.Cut(name, " ")
			calls[name] += m.Histogram.GetSampleCount()
			series[name]++
		}
	}
	if want := map[string]uint64{"sqlite_perf_statement_duration_seconds": 2 * n, "sqlite_perf_request_duration_seconds": 2 * n}; !cmp.Equal(calls, want) {
		t.Errorf("calls %v, want %v", calls, want)
	}
	if want := map[string]int{"sqlite_perf_statement_duration_seconds": 6, "sqlite_perf_request_duration_seconds": 11}; !cmp.Equal(series, want) {
		t.Errorf("series %v, want %v", series, want)
	}
	if len(c.operations) > cached || len(c.series) > cached || len(c.sources) > cached {
		t.Errorf("caches of %d, %d and %d", len(c.operations), len(c.series), len(c.sources))
	}
}
