package advisor

import (
	"context"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// rollbacks is TX04: many transactions end in a rollback that nobody called for. One that the application calls is
// its decision, and the usual end of one that only reads, so those do not count.
type rollbacks struct{}

const (
	// rollbackShare is one in a hundred, an objective that services commonly set for failures.
	// https://sre.google/sre-book/service-level-objectives/
	rollbackShare = 0.01
	rollbackLeast = 10 // with fewer, a share of one in a hundred may be chance
)

// rollbackRemedies say what to do, by the reason.
var rollbackRemedies = map[capture.End]string{
	capture.EndCancelled: "Their contexts were cancelled, such as by clients that went away: make them shorter, or run " +
		"what must be done without the request's context.",
	capture.EndDeadline: "Their contexts' deadlines passed: make them shorter, or the deadline longer.",
	capture.EndNoBegin:  "BEGIN failed, as it does when it waits for the write lock in vain: make writers shorter, or busy_timeout longer.",
	capture.EndNoCommit: "COMMIT failed, as it does for a lock, or for deferred foreign keys: retry the whole transaction.",
	capture.EndEngine: "SQLite rolled back by itself, as it does when the disk is full or a statement says ON " +
		"CONFLICT ROLLBACK: see the errors of the statements.",
	capture.EndClosed: "Their connections were closed: end each transaction before its connection goes, such as by defer tx.Rollback().",
}

func (rollbacks) code() string { return "TX04" }

func (rule rollbacks) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	if p.traffic == nil {
		return nil, nil
	}
	commits, rolled := p.traffic.ended(digest.Commit), p.traffic.ended(digest.Rollback)
	var unwanted, most uint64
	var reason capture.End
	facts := []Fact{{Name: "transactions", Value: float64(commits.Calls + rolled.Calls), Unit: "transactions"}}
	for end, n := range rolled.Ends {
		end := capture.End(end)
		if _, counts := rollbackRemedies[end]; counts {
			if unwanted += n; n > most {
				most, reason = n, end
			}
		}
		if n > 0 && end != capture.EndCommit {
			facts = append(facts, Fact{Name: "rolled back: " + end.String(), Value: float64(n), Unit: "transactions"})
		}
	}
	rate := share(unwanted, commits.Calls+rolled.Calls)
	if unwanted < rollbackLeast || rate < rollbackShare {
		return nil, nil
	}
	r := p.recommendation(rule.code(), "transaction", "", "rollbacks")
	r.Level, r.Facts = "warning", append(facts, Fact{Name: "rolled back unasked", Value: rate, Unit: "of all transactions"})
	r.Facts = append(r.Facts, callSites(rolled)...)
	r.Title = "Find out why transactions are rolled back"
	r.Why = "Transactions are rolled back that the application did not roll back; most: " + reason.String() + "."
	r.Manual = rollbackRemedies[reason]
	r.Risk = "None for looking."
	return []*Recommendation{r}, nil
}
