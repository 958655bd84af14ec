package request

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// subject is what an issue of a route is about.
type subject struct {
	code  Code
	about uint64
}

// issue is what one detector says of one route again and again.
type issue struct {
	subject
	level    Level
	hits     sliding
	total    uint64
	sum      time.Duration // of all their executions
	linked   uint64        // of those, with as many executions as the source had rows
	first    capture.Instant
	last     capture.Instant
	open     bool
	suspect  bool
	evidence Evidence
	samples  samples
}

// signal counts what a detector saw.
func (t *Tracker) signal(r *route, s *signal, of Example) {
	is := t.issue(r, subject{s.code, s.about})
	if is == nil {
		return
	}
	if !s.settled {
		is.total++
		is.sum += s.Sum
	}
	if s.Linked {
		is.linked++
	}
	is.hits.add(t.clock, t.config.Window, 1)
	is.last, is.level, is.suspect = t.clock, s.level, s.suspect
	s.Example = of
	if site := is.evidence.Site; s.Site == nil {
		s.Site = site
	}
	if s.database == nil {
		s.database = r.main()
	}
	is.evidence = s.Evidence
	is.judge(&t.config, r)
	if !is.open {
		is.open = t.opens(r, is, s.settled)
	}
	t.changed = t.changed || is.open
}

// issue finds an issue or begins it. What did not open makes room; else there is none.
func (t *Tracker) issue(r *route, k subject) *issue {
	if is := r.issues[k]; is != nil {
		return is
	}
	if len(r.issues) >= t.config.Issues && !r.makeRoom() {
		t.stats.Dropped++
		return nil
	}
	is := &issue{subject: k, first: t.clock}
	r.issues[k] = is
	return is
}

func (r *route) makeRoom() bool {
	var oldest *issue
	for _, is := range r.issues {
		if !is.open && (oldest == nil || cmp.Or(cmp.Compare(is.last, oldest.last), is.compare(oldest)) < 0) {
			oldest = is
		}
	}
	if oldest != nil {
		delete(r.issues, oldest.subject)
	}
	return oldest != nil
}

func (s subject) order(o subject) int {
	return cmp.Or(cmp.Compare(slices.Index(Codes, s.code), slices.Index(Codes, o.code)), cmp.Compare(s.about, o.about))
}

func (is *issue) compare(o *issue) int { return is.order(o.subject) }

// shareOf is from how many requests on the share of a route counts: with fewer, one request would be enough.
const shareOf = 100

// opens says whether an issue came often enough in the window, and is no suspicion any more.
func (t *Tracker) opens(r *route, is *issue, settled bool) bool {
	if is.suspect {
		return false
	}
	hits, requests := is.hits.sum(t.clock, t.config.Window), r.requests.sum(t.clock, t.config.Window)
	return settled || hits >= uint64(t.config.Hits) || requests >= shareOf && float64(hits) >= t.config.HitShare*float64(requests)
}

// expire closes the issues that were not seen for long, and forgets those that never opened.
func (t *Tracker) expire(r *route) {
	for k, is := range r.issues {
		limit := t.config.Window
		if is.open || is.suspect { // a rare request may yet tell
			limit = t.config.Close
		}
		if t.clock-is.last > capture.Instant(limit) {
			delete(r.issues, k)
			t.changed = t.changed || is.open
		}
	}
	if r != t.process && len(r.issues) == 0 && t.clock-r.last > capture.Instant(t.config.Close) {
		delete(t.routes, r.name)
	}
}

// Findings are the issues that are open, by route, then by code. The list and what it points to are not changed later.
func (t *Tracker) Findings() []Finding {
	if !t.changed {
		return t.findings
	}
	t.changed = false
	var list []Finding
	for _, name := range slices.Sorted(maps.Keys(t.routes)) {
		list = t.routes[name].findings(list)
	}
	t.findings = t.process.findings(list)
	return t.findings
}

func (r *route) findings(list []Finding) []Finding {
	for _, is := range slices.SortedFunc(maps.Values(r.issues), (*issue).compare) {
		if !is.open {
			continue
		}
		list = append(list, Finding{Code: is.code, Level: is.level, Route: r.name, Database: is.evidence.database, Evidence: is.evidence,
			Requests: is.total, FirstSeen: is.first, LastSeen: is.last})
	}
	return list
}
