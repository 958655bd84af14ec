package prom

import "github.com/prometheus/client_golang/prometheus"

// buckets are the classic ones, in seconds. A statement of SQLite's takes microseconds.
var buckets = []float64{10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3,
	0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// histogram is a duration's, native with buckets of at most 10 % and at most 160 of them, and classic.
func histogram(what, help string, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "sqlite_perf_" + what + "_duration_seconds", Help: help, Buckets: buckets,
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160,
	}, labels)
}

// descriptions are of all metrics besides the histograms.
var descriptions []*prometheus.Desc

func describe(name, help string, labels ...string) *prometheus.Desc {
	d := prometheus.NewDesc("sqlite_perf_"+name, help, labels, nil)
	descriptions = append(descriptions, d)
	return d
}

// of is describe for a metric of a database.
func of(name, help string, labels ...string) *prometheus.Desc {
	return describe(name, help, append([]string{"database"}, labels...)...)
}

// The metrics of statements and transactions.
var (
	errorsTotal       = of("statement_errors_total", "Statements that failed, by class of SQLite's result code.", "class")
	returnedTotal     = of("rows_returned_total", "Rows returned.")
	affectedTotal     = of("rows_affected_total", "Rows inserted, updated or deleted.")
	lockWaitTotal     = of("lock_wait_seconds_total", "Time waited for locks.")
	lockRetriesTotal  = of("lock_retries_total", "Times that a lock was tried again.")
	fullScanTotal     = of("full_scan_rows_total", "Rows stepped over in full scans.")
	autoIndexTotal    = of("auto_index_rows_total", "Rows put into automatic indexes.")
	sortsTotal        = of("sorts_total", "Sorts that no index saved.")
	stepsTotal        = of("vm_steps_total", "Instructions of SQLite's virtual machine.")
	lateTotal         = of("late_statements_total", "Statements that began after the end of their request.")
	transactionsTotal = of("transactions_total", "Transactions by how they ended.", "outcome", "reason")
)

// The metrics of connections, then of pools and files, which need Advisor.Watch.
var (
	openConnections  = of("pool_open_connections", "Connections open now.")
	inUseConnections = of("pool_in_use_connections", "Connections lent out now.")
	openedTotal      = of("pool_opened_total", "Connections opened.")
	checkoutsTotal   = of("pool_checkouts_total", "Times that a connection was lent out.")
	handOffsTotal    = of("pool_hand_offs_total", "Checkouts within 20 µs of the connection's return.")
	heldTotal        = of("pool_held_seconds_total", "Time that connections were lent out, of checkouts that ended.")
	cacheHitsTotal   = of("statement_cache_hits_total", "Statements found in the cache of their connection.")
	cacheMissesTotal = of("statement_cache_misses_total", "Statements not found in the cache of their connection.")

	waitsTotal    = of("pool_waits_total", "Times that a connection was waited for.")
	waitTotal     = of("pool_wait_seconds_total", "Time that connections were waited for.")
	databaseBytes = of("database_size_bytes", "Size of the database file.")
	walBytes      = of("wal_size_bytes", "Size of the write-ahead log.")
)

// The metrics of the capture, and of digests.
var (
	eventsTotal   = describe("capture_events_total", "Events by what became of them: drained or dropped.", "state")
	pendingEvents = describe("capture_pending_events", "Events that wait to be drained.")

	digestCallsTotal  = of("digest_calls_total", "Calls of one of the costliest statements.", "digest", "summary")
	digestErrorsTotal = of("digest_errors_total", "Failed calls of one of the costliest statements.", "digest", "summary")
	digestTimeTotal   = of("digest_seconds_total", "Time of one of the costliest statements.", "digest", "summary")
	digestRowsTotal   = of("digest_rows_total", "Rows that one of the costliest statements returned.", "digest", "summary")
)

func counter[N uint64 | int64 | float64](d *prometheus.Desc, value N, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
}

func gauge[N int | int64 | uint64](d *prometheus.Desc, value N, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(value), labels...)
}
