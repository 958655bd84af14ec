// Package request finds out what is wrong with single HTTP requests: loops of queries, duplicates, transactions that wait,
// work that outlives its request.
//
// A Tracker gets the events of the process in the order of draining. It puts together what ran for one request, by its
// capture.Scope, and once the request has ended and its statements have arrived, asks each detector. What detectors say is summed
// up per route into issues; those that came often enough are Findings.
//
// Everything is bounded by Config: requests under way, what is kept of each, routes, issues. Every event is accounted for: see
// Stats. A Tracker belongs to the goroutine that drains the rings, starts none, and reads no clock: time is that of the events,
// and of Tick. How events are cut into batches changes nothing.
package request

import (
	"cmp"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// Code names a kind of finding. Codes are stable.
type Code string

// The codes.
const (
	NPlusOne        Code = "n_plus_one"
	Cycle           Code = "cycle"
	Duplicate       Code = "duplicate"
	Parallelizable  Code = "parallelizable"
	SlowQuery       Code = "slow_query"
	Chatty          Code = "chatty"
	DBShare         Code = "db_share"
	BigResult       Code = "big_result"
	NPlusOneAPI     Code = "n_plus_one_api"
	ConsecutiveHTTP Code = "consecutive_http"
	LargePayload    Code = "large_payload"
	SlowRoute       Code = "slow_route"
	PoolWait        Code = "pool_wait"
	TxHeld          Code = "tx_held"
	LostCtx         Code = "lost_ctx"
	Late            Code = "late"
)

// Codes are all codes, in the order of the table N1 to N16.
var Codes = []Code{NPlusOne, Cycle, Duplicate, Parallelizable, SlowQuery, Chatty, DBShare, BigResult, NPlusOneAPI, ConsecutiveHTTP,
	LargePayload, SlowRoute, PoolWait, TxHeld, LostCtx, Late}

// Level says how soon somebody should look.
type Level uint8

// The levels, in rising order.
const (
	Info Level = iota
	Warning
	Critical
)

// String is the level in lower case.
func (l Level) String() string { return [...]string{"info", "warning", "critical"}[min(l, Critical)] }

// Config bounds a Tracker and holds the thresholds of its detectors, whose files say where they come from. The zero value works.
type Config struct {
	Open       int           // requests under way that are followed; default 1024, of at most 16 KiB each
	Kept       int           // statements of a request kept as they are; default 32, the most is 32
	Trail      int           // of those folded after them, how many leave their times; default 224
	Statements int           // fingerprints whose usual times are known; default 1000
	Routes     int           // routes told apart, the rest being "(other)"; default 256
	Issues     int           // issues followed per route; default 32
	Grace      time.Duration // how long to wait for statements after a request's event; default 3s, three ticks of the drain
	Abandon    time.Duration // after which a request that never ends is forgotten; default 10m

	Window   time.Duration // in which an issue must repeat; default 10m
	Hits     int           // requests in the window that open an issue; default 3
	HitShare float64       // or this share of at least 100 requests of the route; default 0.01
	Close    time.Duration // an issue closes after this long without a request; default 24h
	Coverage float64       // of the statement's calls, how many must belong to requests to trust counts of it; default 0.9

	NPlusOne  NPlusOneConfig
	Repeated  RepeatedConfig
	Slow      SlowConfig
	Volume    VolumeConfig
	Lifecycle LifecycleConfig
}

func (c Config) withDefaults() Config {
	c.Open, c.Kept, c.Trail = cmp.Or(c.Open, 1024), min(cmp.Or(c.Kept, 32), 32), cmp.Or(c.Trail, 224)
	c.Statements, c.Routes, c.Issues = cmp.Or(c.Statements, 1000), cmp.Or(c.Routes, 256), cmp.Or(c.Issues, 32)
	c.Grace, c.Abandon = cmp.Or(c.Grace, 3*time.Second), cmp.Or(c.Abandon, 10*time.Minute)
	c.Window, c.Hits, c.HitShare = cmp.Or(c.Window, 10*time.Minute), cmp.Or(c.Hits, 3), cmp.Or(c.HitShare, 0.01)
	c.Close, c.Coverage = cmp.Or(c.Close, 24*time.Hour), cmp.Or(c.Coverage, 0.9)
	c.NPlusOne, c.Repeated, c.Slow = c.NPlusOne.withDefaults(), c.Repeated.withDefaults(), c.Slow.withDefaults()
	c.Volume, c.Lifecycle = c.Volume.withDefaults(), c.Lifecycle.withDefaults()
	return c
}

// Finding is an issue of one route that came often enough. It and what it points to do not change.
type Finding struct {
	Code     Code
	Level    Level
	Route    string          // "" where it is the process's or a database's
	Database *capture.Source // nil where no statement is part of it
	Evidence
	Requests  uint64 // that showed it since it was first seen; 0 if it is about many at a time
	FirstSeen capture.Instant
	LastSeen  capture.Instant
}

// Evidence is what a finding rests on: the figures of one request that shows it, and of the route. What does not apply is zero.
type Evidence struct {
	Source     *capture.Statement   // the query whose rows the repeated one was run for
	Repeated   *capture.Statement   // the statement that it is about
	Statements []*capture.Statement // of a cycle or a row of queries, in order
	Names      []string             // of outgoing calls
	Site       *capture.Site        // the line that ran it
	Sites      []SiteTime           // lines whose statements belong to no request, by time

	Count     int           // executions in the request
	Rows      int64         // that the source returned, or the big result
	Median    int           // of executions per request
	Most      int           // executions in any request
	Sum       time.Duration // of the executions
	Growth    float64       // rank correlation of Rows and Count over Samples requests
	Samples   int
	Grows     bool    // the count follows the data
	Linked    bool    // it was the number of rows of the source
	Share     float64 // of the route's median that the executions take on average
	P50       time.Duration
	Value     float64 // what was compared, in Unit
	Threshold float64
	Unit      string
	Example   Example

	database *capture.Source
}

// SiteTime is a line and how long its statements took.
type SiteTime struct {
	Site  *capture.Site
	Calls uint64
	Time  time.Duration
}

// Example is a request that showed the finding.
type Example struct {
	ID         uint64 // of its scope
	Start      capture.Instant
	Total      time.Duration
	Status     uint16
	Statements int64
}
