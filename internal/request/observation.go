package request

import (
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// observation is one finished request as detectors see it.
type observation struct {
	Example
	route   string
	steps   []step // by start
	groups  []group
	txs     []transaction
	calls   []call // outgoing, by start
	dropped int    // statements that left no step

	response int64 // bytes sent, before compression
	sized    bool  // response is known
}

// step is one statement of a request.
type step struct {
	start, end capture.Instant
	first      time.Duration
	tx         uint64
	rows       uint32
	args       uint32 // equal for equal arguments; 0 if unknown
	group      uint8  // its fingerprint, by place
	failed     bool   // for a lock, so that it will be tried again
}

func (s *step) took() time.Duration { return time.Duration(s.end - s.start) }

// group sums up the executions of one fingerprint in a request: the composite into which statements fold.
type group struct {
	statement *capture.Statement // nil for those beyond the fingerprints kept
	source    *capture.Source
	site      *capture.Site
	count     int
	failed    int
	rows      int64
	sum       time.Duration
	min, max  time.Duration
	bound     int // values bound, at most eight
}

// reads says whether the group is a query that only reads.
func (g *group) reads() bool { return g.statement != nil && g.statement.ReadOnly }

// transaction is one that a request ran.
type transaction struct {
	id         uint64
	start, end capture.Instant // end is 0 while it is open
	waited     time.Duration   // for locks
	statements int64
	source     *capture.Source
	site       *capture.Site
}

// call is one request to another service.
type call struct {
	name       string
	start, end capture.Instant
	site       *capture.Site
}

func (c *call) took() time.Duration { return time.Duration(c.end - c.start) }

// stepOf is where a statement's event becomes a step.
func stepOf(ev *capture.Event, group int) step {
	return step{
		start: ev.Start, end: ev.Start + capture.Instant(ev.Total), first: ev.First, tx: ev.Tx, group: uint8(group),
		rows: uint32(min(max(ev.Rows, 0), 1<<32-1)), args: argsOf(ev), failed: ev.Error == capture.ErrorBusy || ev.Error == capture.ErrorLocked,
	}
}

// argsOf tells calls with equal arguments from others: by their hash where the driver is allowed to make one. Nothing is known of
// values in texts if there were several texts.
func argsOf(ev *capture.Event) uint32 {
	switch {
	case ev.Statement.Texts() > 1:
		return 0
	case ev.Params.Classes == 0:
		return 1
	}
	return ev.Params.Hash
}

// boundOf is how many values were bound, as far as events tell.
func boundOf(ev *capture.Event) (n int) {
	for classes := ev.Params.Classes; classes != 0; classes >>= 4 {
		n++
	}
	return n
}

// responseOf is how many bytes a request's answer had before compression, where it was seen whole and before that.
func responseOf(ev *capture.Event) (bytes int64, known bool) {
	return ev.AnswerBytes(), ev.Flags&(capture.FlagHijacked|capture.FlagGone|capture.FlagEncoded|capture.FlagPanicked) == 0
}

// callOf is where the event of an outgoing call becomes a call.
func callOf(ev *capture.Event) call {
	return call{name: ev.Statement.Fingerprint, start: ev.Start, end: ev.Start + capture.Instant(ev.Total), site: ev.Site}
}

// sort puts steps and calls into the order in which they began: rings are drained one after the other.
func (o *observation) sort() {
	slices.SortStableFunc(o.steps, func(a, b step) int {
		if a.start != b.start {
			return int(min(max(a.start-b.start, -1), 1))
		}
		return int(min(max(a.end-b.end, -1), 1))
	})
	slices.SortStableFunc(o.calls, func(a, b call) int { return int(min(max(a.start-b.start, -1), 1)) })
}

// busy is how long statements ran, overlaps counted once. Of those that left no step the sum counts.
func (o *observation) busy() time.Duration {
	var sum, rest time.Duration
	var until capture.Instant
	for i := range o.steps {
		s := &o.steps[i]
		if s.end > until {
			sum += time.Duration(s.end - max(s.start, until))
			until = s.end
		}
		rest -= s.took()
	}
	if o.dropped > 0 {
		for i := range o.groups {
			rest += o.groups[i].sum
		}
		sum += max(rest, 0)
	}
	return min(sum, o.Total)
}

// own is how long a step took apart from what ran between its rows.
func (o *observation) own(i int) time.Duration {
	s := &o.steps[i]
	after := s.start + capture.Instant(s.first)
	took, until := s.took(), after
	for j := i + 1; j < len(o.steps) && o.steps[j].start < s.end; j++ {
		inner := &o.steps[j]
		if inner.start >= after && inner.end > until {
			took -= time.Duration(min(inner.end, s.end) - max(inner.start, until))
			until = inner.end
		}
	}
	return max(took, s.first)
}
