package advisor

import (
	"cmp"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// WorkStats is what SQLite itself counted. https://sqlite.org/c3ref/c_stmtstatus_counter.html
type WorkStats struct {
	Counted    uint64  `json:"counted_calls"` // calls that the counters were read for
	Cached     uint64  `json:"cached_calls"`  // calls of statements from a statement cache
	Steps      uint64  `json:"vm_steps"`
	FullScan   uint64  `json:"full_scan_rows"`  // rows stepped over in full scans
	AutoIndex  uint64  `json:"auto_index_rows"` // rows put into automatic indexes
	Sorts      uint64  `json:"sorts"`
	Reprepares uint64  `json:"reprepares"`
	Retries    uint64  `json:"lock_retries"`
	LockWait   float64 `json:"lock_wait_ms"`
}

func workStats(w *digest.Work) WorkStats {
	return WorkStats{
		Counted: w.Counted, Cached: w.Cached, Steps: w.Steps, FullScan: w.FullScan, AutoIndex: w.AutoIndex,
		Sorts: w.Sorts, Reprepares: w.Reprepares, Retries: w.Retries, LockWait: ms(w.LockWait),
	}
}

// CallerStats is a line of the application that runs a statement.
type CallerStats struct {
	Function     string `json:"function"`
	File         string `json:"file"`
	Line         int    `json:"line"`
	Calls        uint64 `json:"calls"`
	Unattributed uint64 `json:"unattributed_calls"`
}

func callerStats(list []digest.Caller) []CallerStats {
	out := []CallerStats{}
	for _, c := range list {
		out = append(out, CallerStats{c.Site.Function, c.Site.File, c.Site.Line, c.Calls, c.Unattributed})
	}
	slices.SortFunc(out, func(a, b CallerStats) int { return cmp.Compare(b.Calls, a.Calls) })
	return out
}

// errorClasses are the errors that occurred, by class.
func errorClasses(counts [capture.ErrorClasses]uint64) map[string]uint64 {
	out := map[string]uint64{}
	for class, n := range counts {
		if n > 0 {
			out[capture.ErrorClass(class).String()] = n
		}
	}
	return out
}

// parameterClasses are the classes of values bound at each place, up to the last that any was bound at.
func parameterClasses(sets [capture.ClassesKept]capture.ClassSet) []string {
	out := []string{}
	for _, set := range sets {
		if set == 0 {
			break
		}
		out = append(out, set.String())
	}
	return out
}

// TransactionStats says how the transactions of a range ended.
type TransactionStats struct {
	Commits   uint64            `json:"commits"`
	Rollbacks map[string]uint64 `json:"rollbacks"` // by reason
	Upgraded  uint64            `json:"upgraded"`  // had read before their first write
	LockWait  float64           `json:"lock_wait_ms"`
	Latency                     // from begin to end
}

// transactions sums up the transactions of all databases.
func (s *summing) transactions() TransactionStats {
	out, all := TransactionStats{Rollbacks: map[string]uint64{}}, &digest.Summary{}
	for _, sum := range s.totals {
		if sum.Kind == capture.KindTransaction {
			digest.Merge(all, sum)
		}
	}
	out.Commits = all.Ends[capture.EndCommit]
	for end, n := range all.Ends {
		if n > 0 && capture.End(end) != capture.EndCommit {
			out.Rollbacks[capture.End(end).String()] = n
		}
	}
	out.Upgraded, out.LockWait = all.Upgraded, ms(all.Work.LockWait)
	out.Latency = latency(&all.Time, all.Total, all.Calls)
	return out
}

// Coverage says how much of what ran is known to have run for a request.
type Coverage struct {
	Attributed float64 `json:"attributed"` // share of statements
	Late       uint64  `json:"late"`       // statements that began after their request had ended
	// Unattributed are the lines that run statements for no known request, the busiest first.
	Unattributed []CallerStats `json:"unattributed"`
}

// unattributedShown bounds the lines listed.
const unattributedShown = 20

func (s *summing) coverage() Coverage {
	out := Coverage{Unattributed: []CallerStats{}}
	var all, attributed uint64
	lines := map[*capture.Site]digest.Caller{}
	for _, sum := range s.totals {
		if sum.Kind != capture.KindStatement {
			continue
		}
		all, attributed, out.Late = all+sum.Calls, attributed+sum.Attributed, out.Late+sum.Late
		for _, c := range sum.Callers {
			line := lines[c.Site]
			lines[c.Site] = digest.Caller{Site: c.Site, Calls: line.Calls + c.Calls, Unattributed: line.Unattributed + c.Unattributed}
		}
	}
	out.Attributed = float64(attributed) / float64(max(all, 1))
	for _, c := range lines {
		if c.Unattributed > 0 {
			out.Unattributed = append(out.Unattributed, callerStats([]digest.Caller{c})...)
		}
	}
	slices.SortFunc(out.Unattributed, func(a, b CallerStats) int {
		return cmp.Or(cmp.Compare(b.Unattributed, a.Unattributed), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	out.Unattributed = out.Unattributed[:min(len(out.Unattributed), unattributedShown)]
	return out
}

// ConnectionStats is what the connections to a database did since the process started.
type ConnectionStats struct {
	Open      int      `json:"open"`
	InUse     int      `json:"in_use"`
	Opened    uint64   `json:"opened"`
	Checkouts uint64   `json:"checkouts"`
	HandOffs  uint64   `json:"hand_offs"` // at most so many checkouts waited for the connection
	Held      float64  `json:"held_ms"`   // by all checkouts that ended, from first use to return
	Hits      uint64   `json:"cache_hits"`
	Misses    uint64   `json:"cache_misses"`
	HitRatio  *float64 `json:"cache_hit_ratio"` // null without a statement cache
}

func connectionStats(p capture.Pool) ConnectionStats {
	out := ConnectionStats{
		Open: p.Open, InUse: p.InUse, Opened: p.Opened, Checkouts: p.Checkouts, HandOffs: p.HandOffs,
		Held: ms(p.Held), Hits: p.CacheHits, Misses: p.CacheMisses,
	}
	if looks := p.CacheHits + p.CacheMisses; looks > 0 {
		ratio := float64(p.CacheHits) / float64(looks)
		out.HitRatio = &ratio
	}
	return out
}

// OpenRows is a query whose rows are not closed. Until they are, its connection is in use and the
// write-ahead log cannot be reset.
type OpenRows struct {
	Statement  string  `json:"statement"` // the fingerprint
	Connection uint32  `json:"connection"`
	Age        float64 `json:"age_ms"`
	Route      string  `json:"route"`
	Caller     string  `json:"caller"` // file and line, "" if unknown
}

// openRowsShown bounds the list; a leak shows in the oldest.
const openRowsShown = 20

func openRows(source *capture.Source) []OpenRows {
	out, now := []OpenRows{}, capture.Now()
	for _, r := range source.OpenRows() {
		if len(out) == openRowsShown {
			break
		}
		row := OpenRows{Statement: r.Statement.Fingerprint, Connection: r.Conn, Age: ms(time.Duration(now - r.Start)), Caller: r.Site.String()}
		if r.Scope != nil {
			row.Route = r.Scope.Name()
		}
		out = append(out, row)
	}
	return out
}
