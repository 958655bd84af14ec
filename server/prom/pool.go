package prom

import (
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// pools adds what the connections to each database do to list. Those that share a name add up: a
// scrape with two series of the same labels is refused. The scrape holds c.mu.
func (c *Collector) pools(list []prometheus.Metric) []prometheus.Metric {
	byName := map[string]*capture.Pool{}
	for s, t := range c.sources {
		if s == nil {
			continue
		}
		if byName[t.database] == nil {
			byName[t.database] = &capture.Pool{}
		}
		addPool(byName[t.database], s.Pool())
	}
	for name, p := range byName {
		list = append(list,
			gauge(openConnections, p.Open, name), gauge(inUseConnections, p.InUse, name), counter(openedTotal, p.Opened, name),
			counter(checkoutsTotal, p.Checkouts, name), counter(handOffsTotal, p.HandOffs, name),
			counter(heldTotal, p.Held.Seconds(), name),
			counter(cacheHitsTotal, p.CacheHits, name), counter(cacheMissesTotal, p.CacheMisses, name))
	}
	return list
}

func addPool(to *capture.Pool, p capture.Pool) {
	to.Open += p.Open
	to.InUse += p.InUse
	to.Opened += p.Opened
	to.Checkouts += p.Checkouts
	to.HandOffs += p.HandOffs
	to.Held += p.Held
	to.CacheHits += p.CacheHits
	to.CacheMisses += p.CacheMisses
}

// watched adds what Advisor.Watch makes known to list: pool waits and file sizes.
func (c *Collector) watched(list []prometheus.Metric) []prometheus.Metric {
	type info struct {
		waits, size, wal int64
		waited           float64 // seconds
	}
	byName, files := map[string]*info{}, map[string]bool{"": true}
	for _, d := range c.source.Databases() {
		name := c.watchedName(d.Path)
		if byName[name] == nil {
			byName[name] = &info{}
		}
		i := byName[name]
		i.waits += d.Pool.WaitCount
		i.waited += d.Pool.WaitMS / 1e3
		if !files[d.Path] { // a file may be watched under several names
			files[d.Path] = true
			i.size += d.Size
			i.wal += d.WAL
		}
	}
	for name, i := range byName {
		list = append(list, counter(waitsTotal, i.waits, name), counter(waitTotal, i.waited, name),
			gauge(databaseBytes, i.size, name), gauge(walBytes, i.wal, name))
	}
	return list
}

// watchedName is the name that a watched database's statements are counted under, so that the series of
// both join.
func (c *Collector) watchedName(path string) string {
	name := ":memory:"
	if path != "" {
		name = text(filepath.Base(path))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.named(name).database
}

// captured adds what became of the events to list.
func (c *Collector) captured(list []prometheus.Metric) []prometheus.Metric {
	n := c.source.Counts()
	return append(list, counter(eventsTotal, n.Drained, "drained"), counter(eventsTotal, n.Dropped, "dropped"),
		gauge(pendingEvents, n.Pending))
}
