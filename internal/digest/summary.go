// Package digest keeps one running summary per statement digest, transaction outcome, route, name of outgoing
// requests and background operation.
//
// A digest is the hash of a fingerprint, the statement text with its literals replaced by "?".
// A Table holds at most Config.Digests summaries; the cheapest are folded into "(other)", so
// memory is bounded whatever the workload and no total is lost. A Table belongs to the goroutine
// that drains the rings; what it hands out belongs to the receiver.
package digest

import (
	"cmp"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/sketch"
)

// The digests that are no hashes.
const (
	Other    uint64 = 0 // what was folded, of one source and kind
	Commit   uint64 = 1 // transactions committed
	Rollback uint64 = 2 // transactions rolled back
)

// OtherName is the name of the summaries with the digest Other.
const OtherName = "(other)"

// maxRoutes bounds the routes and the callers counted per statement: enough to tell who causes most
// of its calls.
const maxRoutes = 8

// Key is what events are summed up by.
type Key struct {
	Source uint32       // capture.Source.ID; 0 for requests and operations, and for what many sources folded into
	Kind   capture.Kind // statements, transactions, requests and operations are never mixed
	Digest uint64       // of the fingerprint; Commit or Rollback; of the route's, outgoing request's or operation's name; or Other
}

// Compare orders keys by source, kind and digest.
func (k Key) Compare(o Key) int {
	return cmp.Or(cmp.Compare(k.Source, o.Source), cmp.Compare(k.Kind, o.Kind), cmp.Compare(k.Digest, o.Digest))
}

// Summary is what the events of one key cost since the last Take.
type Summary struct {
	Key
	Database  *capture.Source    // nil where Key.Source is 0
	Statement *capture.Statement // nil unless the key is one statement's
	Name      string             // fingerprint, "commit", "rollback", name of a route, of outgoing requests or of an operation, or OtherName

	Calls  uint64
	Errors uint64 // calls that failed; of a request, also status 500 and above, of an outgoing one 400
	Busy   uint64 // errors that were busy or locked

	Rows       int64         // rows returned; of a request, operation or transaction, statements run
	Affected   int64         // rows inserted, updated or deleted
	Total      time.Duration // all calls together
	SQL        time.Duration // of requests and operations: time their statements took
	Attributed uint64        // calls that belonged to a scope
	Late       uint64        // of those, calls that began after the scope's end

	Classes [capture.ErrorClasses]uint64 // errors by class
	Work    Work
	Ends    [capture.Ends]uint64 // of transactions: by how they ended
	// Upgraded counts transactions that had read before their first write.
	Upgraded uint64
	// Outside counts, of statements that change rows, the calls outside of a transaction. Bursts are those of
	// them that began within 10 ms of the same statement's last call, on the same connection, from the
	// same line and in the same scope: as in a loop.
	Outside, Bursts uint64
	// Params are the classes of values seen at the first eight places.
	Params [capture.ClassesKept]capture.ClassSet

	Time  sketch.Histogram // nanoseconds per call
	First sketch.Histogram // nanoseconds per call until the first row, or the answer's first byte

	// Of requests:
	RequestBytes int64            // of bodies: read by handlers, or sent by outgoing requests
	AnswerBytes  int64            // of bodies: written by handlers, or read by outgoing requests
	Panics       uint64           // calls whose handler panicked
	Gone         uint64           // calls whose client left before the handler ended
	Statements   sketch.Histogram // statements per call; none of outgoing requests

	// Routes counts, of statements and outgoing requests, the calls by the name of the scope they ran in: the first
	// eight names seen. Attributed less their sum ran under other names, or in a scope that was
	// still nameless when they were drained, such as that of a request still running.
	Routes []Route

	// Callers counts, of statements, transactions and outgoing requests, the calls by the line that made them,
	// and of requests the panics by their line: the first eight lines seen.
	Callers []Caller

	FirstSeen capture.Instant // start of the first call; valid if Calls > 0
	LastSeen  capture.Instant // start of the last call
}

// Route is a name of scopes and how often they ran a statement.
type Route struct {
	Name  string `json:"name"`
	Calls uint64 `json:"calls"`
}

// Work is what SQLite's own counters say of the calls they were read for.
type Work struct {
	Counted    uint64 // calls they were read for
	Cached     uint64 // calls of statements from a statement cache
	Prepared   uint64 // calls of statements that the application prepared
	Steps      uint64 // virtual machine instructions
	FullScan   uint64 // rows stepped over in full scans
	AutoIndex  uint64 // rows put into automatic indexes
	Sorts      uint64
	Reprepares uint64
	Retries    uint64        // tries for a lock after the first
	LockWait   time.Duration // lock wait
}

func (w *Work) add(ev *capture.Event) {
	if ev.Flags.Has(capture.FlagCounted) {
		w.Counted++
	}
	if ev.Flags.Has(capture.FlagCached) {
		w.Cached++
	}
	if ev.Mode == capture.ModePreparedQuery || ev.Mode == capture.ModePreparedExec {
		w.Prepared++
	}
	w.Steps += uint64(ev.Steps)
	w.FullScan += uint64(ev.FullScan)
	w.AutoIndex += uint64(ev.AutoIndex)
	w.Sorts += uint64(ev.Sorts)
	w.Reprepares += uint64(ev.Reprepares)
	w.Retries += uint64(ev.Retries)
	w.LockWait += time.Duration(ev.LockWait) * time.Microsecond
}

func (w *Work) merge(o *Work) {
	w.Counted += o.Counted
	w.Cached += o.Cached
	w.Prepared += o.Prepared
	w.Steps += o.Steps
	w.FullScan += o.FullScan
	w.AutoIndex += o.AutoIndex
	w.Sorts += o.Sorts
	w.Reprepares += o.Reprepares
	w.Retries += o.Retries
	w.LockWait += o.LockWait
}

// Caller is a line of the application and how often it ran a statement.
type Caller struct {
	Site         *capture.Site // as capture.SiteOf returns it
	Calls        uint64
	Unattributed uint64 // of those, calls that belonged to no scope
}

// Clone returns a copy that shares only the Statement and the Database with s.
func (s *Summary) Clone() *Summary {
	c := *s
	c.Time, c.First, c.Statements = s.Time.Clone(), s.First.Clone(), s.Statements.Clone()
	c.Routes, c.Callers = slices.Clone(s.Routes), slices.Clone(s.Callers)
	return &c
}

// Merge adds to dst what src counted. Key, name, statement and database of dst stay. It is exact
// and independent of the order, except that of all routes, and of all callers, only the eight with most calls remain.
func Merge(dst, src *Summary) {
	if src.Calls == 0 {
		return
	}
	if dst.Calls == 0 {
		dst.FirstSeen, dst.LastSeen = src.FirstSeen, src.LastSeen
	}
	dst.FirstSeen = min(dst.FirstSeen, src.FirstSeen)
	dst.LastSeen = max(dst.LastSeen, src.LastSeen)
	dst.Calls += src.Calls
	dst.Errors += src.Errors
	dst.Busy += src.Busy
	dst.Rows += src.Rows
	dst.Affected += src.Affected
	dst.Total += src.Total
	dst.SQL += src.SQL
	dst.Attributed += src.Attributed
	dst.Late += src.Late
	dst.Upgraded += src.Upgraded
	dst.Outside += src.Outside
	dst.Bursts += src.Bursts
	dst.Work.merge(&src.Work)
	for i := range src.Classes {
		dst.Classes[i] += src.Classes[i]
	}
	for i := range src.Ends {
		dst.Ends[i] += src.Ends[i]
	}
	for i := range src.Params {
		dst.Params[i] |= src.Params[i]
	}
	dst.Time.Merge(&src.Time)
	dst.First.Merge(&src.First)
	dst.mergeRequests(src)
	dst.mergeRoutes(src.Routes)
	dst.mergeCallers(src.Callers)
}

func (s *Summary) mergeRequests(src *Summary) {
	s.RequestBytes += src.RequestBytes
	s.AnswerBytes += src.AnswerBytes
	s.Panics += src.Panics
	s.Gone += src.Gone
	s.Statements.Merge(&src.Statements)
}

func (s *Summary) mergeCallers(callers []Caller) {
	for _, c := range callers {
		i := slices.IndexFunc(s.Callers, func(have Caller) bool { return have.Site == c.Site })
		if i < 0 {
			s.Callers = append(s.Callers, c)
			continue
		}
		s.Callers[i].Calls += c.Calls
		s.Callers[i].Unattributed += c.Unattributed
	}
	if len(s.Callers) > maxRoutes {
		slices.SortFunc(s.Callers, func(a, b Caller) int {
			return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Site.String(), b.Site.String()))
		})
		s.Callers = slices.Clone(s.Callers[:maxRoutes])
	}
}

func (s *Summary) mergeRoutes(routes []Route) {
	for _, r := range routes {
		i := slices.IndexFunc(s.Routes, func(have Route) bool { return have.Name == r.Name })
		if i < 0 {
			s.Routes = append(s.Routes, r)
		} else {
			s.Routes[i].Calls += r.Calls
		}
	}
	if len(s.Routes) > maxRoutes {
		slices.SortFunc(s.Routes, func(a, b Route) int {
			return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Name, b.Name))
		})
		s.Routes = slices.Clone(s.Routes[:maxRoutes])
	}
}

// Totals are summaries merged by key. The map is ready to use once made.
type Totals map[Key]*Summary

// Add merges summaries, which are copied where they are the first of their key.
func (t Totals) Add(summaries []*Summary) {
	for _, s := range summaries {
		if have := t[s.Key]; have != nil {
			Merge(have, s)
		} else {
			t[s.Key] = s.Clone()
		}
	}
}

// Sorted returns the totals, the costliest first.
func (t Totals) Sorted() []*Summary {
	all := make([]*Summary, 0, len(t))
	for _, s := range t {
		all = append(all, s)
	}
	slices.SortFunc(all, costlier)
	return all
}

// costlier orders by falling Total, and by key among equals.
func costlier(a, b *Summary) int {
	return cmp.Or(cmp.Compare(b.Total, a.Total), a.Key.Compare(b.Key))
}
