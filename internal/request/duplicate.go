package request

import (
	"slices"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// duplicate is N3: a request asks three times what it has been told, with nothing written to those tables between. The answer can be kept
// for the request. Three is where it is no accident of two parts that do not know each other; ten, or 50 ms in all, are worth a
// warning. Equal arguments are known where the driver hashes them (driver.ParametersHash) or there are none.
type duplicate struct{}

// asked is what was asked with one list of arguments since the last write to its tables.
type asked struct {
	group uint8
	args  uint32
	count int
	sum   time.Duration
}

func (duplicate) detect(w *watching) {
	if !slices.ContainsFunc(w.groups, func(g group) bool { return g.reads() && g.count >= w.config.Repeated.Duplicates }) {
		return
	}
	best := make([]asked, len(w.groups))
	var now []asked
	for i := range w.steps {
		s := &w.steps[i]
		g := &w.groups[s.group]
		switch {
		case g.statement == nil || s.failed:
		case !g.statement.ReadOnly:
			now = slices.DeleteFunc(now, func(a asked) bool { return touches(g.statement, w.groups[a.group].statement) })
		case s.args != 0:
			at := slices.IndexFunc(now, func(a asked) bool { return a.group == s.group && a.args == s.args })
			if at < 0 {
				now, at = append(now, asked{group: s.group, args: s.args}), len(now)
			}
			now[at].count++
			now[at].sum += s.took()
			if now[at].count > best[s.group].count {
				best[s.group] = now[at]
			}
		}
	}
	for i, a := range best {
		if a.count >= w.config.Repeated.Duplicates && !w.said(NPlusOne, &w.groups[i]) {
			w.sayDuplicate(&w.groups[i], a)
		}
	}
}

func (w *watching) sayDuplicate(g *group, a asked) {
	c := &w.config.Repeated
	level := Info
	if a.count >= c.DuplicatesMany || a.sum >= c.DuplicatesSum {
		level = Warning
	}
	w.say(signal{code: Duplicate, level: level, about: g.statement.Digest, Evidence: Evidence{
		Repeated: g.statement, Site: g.site, database: g.source, Count: a.count, Sum: a.sum,
		Value: float64(a.count), Threshold: float64(c.Duplicates), Unit: "executions",
	}})
}

// touches says whether a statement may change what another one reads: one that begins or ends a transaction does not, and one whose
// tables are not known may.
func touches(write, read *capture.Statement) bool {
	if !write.Writes && write.Control != capture.ControlNone && write.Control != capture.ControlScript {
		return false
	}
	tables := tablesOf(write)
	if len(tables) == 0 {
		return true
	}
	return slices.ContainsFunc(tablesOf(read), func(name string) bool {
		return slices.ContainsFunc(tables, func(other string) bool { return strings.EqualFold(name, other) })
	})
}

// tablesOf are the tables of a statement's summary, which begins with its verb.
func tablesOf(s *capture.Statement) []string {
	words := strings.Fields(s.Summary)
	if len(words) < 2 {
		return nil
	}
	return words[1:]
}
