package request

import "github.com/sqliteperf/sqliteperf/internal/capture"

// late is N16: a statement that begins after its request has ended, in one request of a hundred or more. Its context is cancelled by
// then, so it fails or is cut off; and what it changes is in no answer. Such work wants a context and a lifetime of its own.
func (t *Tracker) late(ev *capture.Event) {
	switch r := t.record(ev.Scope); {
	case r.latened:
	case r.done:
		r.latened = true
		t.signalLate(t.route(r.name), r.example, ev.Site)
	default: // its end has not arrived
		r.latened, r.lateOf = true, ev.Site
	}
}

// signalLate counts a request with a late statement.
func (t *Tracker) signalLate(r *route, of Example, site *capture.Site) {
	k := subject{Late, siteHash(site)}
	hits := uint64(1)
	if is := r.issues[k]; is != nil {
		hits += is.hits.sum(t.clock, t.config.Window)
	}
	requests := max(r.requests.sum(t.clock, t.config.Window), 1)
	part := float64(hits) / float64(requests)
	s := signal{code: Late, about: k.about, suspect: part < t.config.Lifecycle.LateShare, Evidence: Evidence{
		Site: site, Count: int(hits), Value: part, Threshold: t.config.Lifecycle.LateShare, Unit: "of the requests",
	}}
	t.signal(r, &s, of)
}
