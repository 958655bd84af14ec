package request

import (
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/sketch"
)

// usage is what is usual of each statement, in this window and the one before. Of more fingerprints than are allowed nothing is
// known.
type usage struct {
	config        Config
	half          int64
	now, previous map[uint64]*used
	none          used // of a statement beyond the bound: never read
	batches       map[uint64]batch
}

// used is one statement's calls in a window.
type used struct {
	in, out uint64           // calls within requests and outside
	own     sketch.Histogram // nanoseconds of those within, without what ran between their rows
}

func newUsage(c Config) usage {
	return usage{config: c, now: map[uint64]*used{}, previous: map[uint64]*used{}, batches: map[uint64]batch{}}
}

func (u *used) attributed(*capture.Event)   { u.in++ }
func (u *used) unattributed(*capture.Event) { u.out++ }

// of is a statement's calls in this window.
func (u *usage) of(s *capture.Statement, now capture.Instant) *used {
	if half := int64(now) / max(int64(u.config.Window), 1); half != u.half {
		if u.previous = u.now; half != u.half+1 {
			u.previous = map[uint64]*used{}
		}
		u.now, u.half = map[uint64]*used{}, half
	}
	if have := u.now[s.Digest]; have != nil {
		return have
	}
	if len(u.now) >= u.config.Statements {
		u.none = used{}
		return &u.none
	}
	fresh := &used{}
	u.now[s.Digest] = fresh
	return fresh
}

// coverage is the share of a statement's calls that belong to requests.
func (u *usage) coverage(digest uint64) float64 {
	in, out := uint64(0), uint64(0)
	for _, half := range []map[uint64]*used{u.now, u.previous} {
		if have := half[digest]; have != nil {
			in, out = in+have.in, out+have.out
		}
	}
	if in+out == 0 {
		return 1
	}
	return float64(in) / float64(in+out)
}

// usual is the median of a statement, and how many calls it rests on.
func (u *usage) usual(digest uint64) (p50 time.Duration, calls uint64) {
	var all sketch.Histogram
	for _, half := range []map[uint64]*used{u.now, u.previous} {
		if have := half[digest]; have != nil {
			all.Merge(&have.own)
		}
	}
	v, _ := all.Quantile(0.5)
	return time.Duration(v), all.Count()
}
