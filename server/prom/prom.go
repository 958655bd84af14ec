// Package prom is a Prometheus collector of what was captured: statements, requests served and sent,
// transactions, locks, connection pools.
//
// A Collector is fed by the goroutine that drains the rings and read by whoever scrapes; it has no
// goroutine of its own. Histograms are native and classic at once: a Prometheus that scrapes protobuf
// gets buckets of 10 %, another one the classic ones from 10 µs up. Every label is bounded: statements are
// told apart by database and verb, requests by the first 200 routes and targets, and by digest only if the Config
// says how many. Summing over a label always gives all.
package prom

import (
	"cmp"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sqliteperf/sqliteperf/advisor"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// Config configures a Collector. The zero value works.
type Config struct {
	Routes    int // routes, and targets, told apart, the first seen; default 200; the others are "other"
	Databases int // databases told apart, the first seen; default 100; the others are "other"

	// Digests is how many statements have series of their own: at any time the costliest so far, with
	// the labels digest and summary. They change with each interval of the Advisor. Default none.
	Digests int
}

func (c Config) withDefaults() Config {
	c.Routes, c.Databases = cmp.Or(c.Routes, 200), cmp.Or(c.Databases, 100)
	return c
}

// source is what a Collector asks of an Advisor when it is scraped.
type source interface {
	Counts() capture.Counts
	Databases() []advisor.DatabaseInfo
}

// Collector is a prometheus.Collector. Its methods are safe for concurrent use.
type Collector struct {
	config     Config
	source     source
	statements *prometheus.HistogramVec
	requests   *prometheus.HistogramVec
	outgoing   *prometheus.HistogramVec
	remove     func()

	mu         sync.Mutex // held by the drain for a batch, and by a scrape while it copies
	operations map[*capture.Statement]operation
	routes     map[string]bool
	series     map[requestKey]requestSeries
	served     map[routeKey]*served
	targets    map[string]bool
	sources    map[*capture.Source]*totals
	databases  map[string]*totals
	digests    map[digestKey]*digestTotals
}

// NewCollector returns a Collector of what adv drains from now on, which is to be registered:
//
//	prometheus.MustRegister(prom.NewCollector(adv, prom.Config{}))
func NewCollector(adv *advisor.Advisor, c Config) *Collector {
	collector := newCollector(adv, c)
	collector.remove = adv.Export(sink{collector})
	return collector
}

func newCollector(s source, c Config) *Collector {
	return &Collector{
		config: c.withDefaults(), source: s, remove: func() {},
		statements: histogram("statement", "Time from a statement's begin to its last row.", "database", "operation"),
		requests:   histogram("request", "Time that HTTP requests took.", "route", "method", "code"),
		outgoing:   histogram("outgoing", "Time that HTTP requests to other services took.", "target", "code"),
		operations: map[*capture.Statement]operation{}, routes: map[string]bool{},
		series: map[requestKey]requestSeries{}, served: map[routeKey]*served{}, targets: map[string]bool{},
		sources: map[*capture.Source]*totals{}, databases: map[string]*totals{}, digests: map[digestKey]*digestTotals{},
	}
}

// Close takes the Collector off its Advisor. Scraped afterwards, it says what it last knew.
func (c *Collector) Close() { c.remove() }

// sink is the Collector as the Advisor sees it. It is called by the drain alone.
type sink struct{ *Collector }

// Export counts events.
func (s sink) Export(events []capture.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range events {
		s.add(&events[i])
	}
}

// ExportInterval adds up the digests, if they have series.
func (s sink) ExportInterval(_, _ time.Time, summaries []*digest.Summary) {
	if s.config.Digests > 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.addDigests(summaries)
	}
}

// add counts one event. The drain holds c.mu.
func (c *Collector) add(ev *capture.Event) {
	switch ev.Kind {
	case capture.KindRequest:
		series := c.seriesOf(ev)
		series.time.Observe(ev.Total.Seconds())
		series.add(ev)
		return
	case capture.KindOutgoing:
		c.outgoing.WithLabelValues(c.target(ev), outcome(ev)).Observe(ev.Total.Seconds())
		return
	case capture.KindOperation:
		return // it has no series
	}
	t := c.totalsOf(ev.Source)
	t.add(ev)
	if ev.Kind == capture.KindStatement {
		t.observer(c, c.operationOf(ev.Statement)).Observe(ev.Total.Seconds())
	}
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	c.statements.Describe(ch)
	c.requests.Describe(ch)
	c.outgoing.Describe(ch)
	for _, d := range descriptions {
		ch <- d
	}
}

// Collect implements prometheus.Collector. What was counted is copied first: the drain does not wait
// for the scraper.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	for _, m := range c.metrics() {
		ch <- m
	}
	c.statements.Collect(ch)
	c.requests.Collect(ch)
	c.outgoing.Collect(ch)
}

func (c *Collector) metrics() []prometheus.Metric {
	list := c.captured(c.watched(nil))
	c.mu.Lock()
	defer c.mu.Unlock()
	list = c.pools(list)
	for _, t := range c.databases {
		list = t.metrics(list)
	}
	return c.digestMetrics(c.requestMetrics(list))
}
