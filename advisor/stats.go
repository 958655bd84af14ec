package advisor

import (
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/sqlite"
)

// Stats is what happened within a range of time.
type Stats struct {
	Schema    string         `json:"schema"`
	Generated time.Time      `json:"generated"`
	Range     Range          `json:"range"`
	Capture   capture.Counts `json:"capture"`
	Totals    Totals         `json:"totals"`
	Series    Series         `json:"series"`
	Queries   []QueryStats   `json:"queries"`
	Requests  []RouteStats   `json:"requests"`

	Transactions TransactionStats `json:"transactions"`
	Coverage     Coverage         `json:"coverage"`

	Databases []DatabaseInfo `json:"databases"`
	Markers   []marker       `json:"markers"`
}

// Range is a span of time and the length of the intervals it is made of.
type Range struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Seconds  float64   `json:"seconds"`
	Interval float64   `json:"interval_seconds"`
}

// Totals sums up a range. Percentiles are over all statements.
type Totals struct {
	Queries      uint64  `json:"queries"`
	Writes       uint64  `json:"writes"`
	Transactions uint64  `json:"transactions"`
	Requests     uint64  `json:"requests"`
	Errors       uint64  `json:"errors"`
	Busy         uint64  `json:"busy"`
	Rows         int64   `json:"rows"`
	PerSecond    float64 `json:"queries_per_second"`
	WritesPS     float64 `json:"writes_per_second"`
	RequestsPS   float64 `json:"requests_per_second"`
	P50          float64 `json:"p50_ms"`
	P95          float64 `json:"p95_ms"`
	P99          float64 `json:"p99_ms"`
	Attributed   float64 `json:"attributed"` // share of statements that ran for a known request
}

// Series are columns of equal length: one value per interval.
type Series struct {
	Time     []int64    `json:"t"` // end of the interval, Unix seconds
	Queries  []float64  `json:"queries_per_second"`
	Writes   []float64  `json:"writes_per_second"`
	Requests []float64  `json:"requests_per_second"`
	Errors   []uint64   `json:"errors"`
	Busy     []uint64   `json:"busy"`
	P50      []*float64 `json:"p50_ms"` // null in an interval without statements
	P95      []*float64 `json:"p95_ms"`
	P99      []*float64 `json:"p99_ms"`
}

// Latency is how long calls took: of each the mean, and percentiles within 1.1 %.
type Latency struct {
	Mean float64 `json:"mean_ms"`
	P50  float64 `json:"p50_ms"`
	P95  float64 `json:"p95_ms"`
	P99  float64 `json:"p99_ms"`
}

// QueryStats is one statement's part in a range.
type QueryStats struct {
	Digest      string       `json:"digest"`
	Database    string       `json:"database"`
	Fingerprint string       `json:"fingerprint"`
	Summary     string       `json:"summary"`
	Calls       uint64       `json:"calls"`
	PerSecond   float64      `json:"calls_per_second"`
	Total       float64      `json:"total_ms"`
	Share       float64      `json:"share"` // of the time of all statements
	Latency                  // of one call
	Rows        int64        `json:"rows"`
	Affected    int64        `json:"affected"`
	Errors      uint64       `json:"errors"`
	Busy        uint64       `json:"busy"`
	ReadOnly    bool         `json:"read_only"`
	Routes      []RouteCalls `json:"routes"`

	Work       WorkStats         `json:"work"`
	Classes    map[string]uint64 `json:"errors_by_class"`
	Late       uint64            `json:"late"`
	Parameters []string          `json:"parameters"` // classes of the values bound, by place
	Callers    []CallerStats     `json:"callers"`

	Advice []string `json:"recommendations"`
}

// RouteCalls is how often a route ran a statement.
type RouteCalls struct {
	Route string `json:"route"`
	Calls uint64 `json:"calls"`
}

// RouteStats is one route's part in a range.
type RouteStats struct {
	Route      string  `json:"route"`
	Calls      uint64  `json:"calls"`
	PerSecond  float64 `json:"calls_per_second"`
	Errors     uint64  `json:"errors"`
	Latency            // of one request
	Statements float64 `json:"statements_per_request"`
	SQLShare   float64 `json:"sql_share"` // of the requests' time; above 1 if statements ran in parallel
}

// DatabaseInfo is a watched database as it is now.
type DatabaseInfo struct {
	Name     string          `json:"name"`
	Path     string          `json:"path"`
	Size     int64           `json:"size_bytes"`
	WAL      int64           `json:"wal_bytes"`
	Settings []sqlite.Pragma `json:"pragmas"`
	Pool     PoolInfo        `json:"pool"`

	Connections ConnectionStats `json:"connections"`
	OpenRows    []OpenRows      `json:"open_rows"` // the oldest first
}

// PoolInfo is database/sql's connection pool: waits are pool waits since the process started.
type PoolInfo struct {
	MaxOpen   int     `json:"max_open"` // 0: no limit
	Open      int     `json:"open"`
	InUse     int     `json:"in_use"`
	Idle      int     `json:"idle"`
	WaitCount int64   `json:"wait_count"`
	WaitMS    float64 `json:"wait_ms"`
}

// marker is a change on the time axis.
type marker struct {
	Time   int64  `json:"t"` // Unix seconds
	Action string `json:"action"`
	ID     string `json:"id"`
	Title  string `json:"title"`
}
