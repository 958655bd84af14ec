package advisor

import (
	"context"

	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// lockUpgrade is TX01: a transaction that reads first and then writes must turn from a reader into a writer. If
// another has written since it read, SQLite refuses at once with SQLITE_BUSY_SNAPSHOT (517), however long the busy
// timeout: it would have to forget what it read. With eight writers 34 % of such transactions failed, and
// none that began IMMEDIATE (field measurement; TestUpgrade shows one). https://sqlite.org/rescode.html#busy_snapshot
//
// Transactions that upgrade without anybody in their way are no fault, so the rule asks for failures.
type lockUpgrade struct{}

const upgradesSeen = 20 // fewer are a matter of luck

func (lockUpgrade) code() string { return "TX01" }

func (rule lockUpgrade) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	if p.traffic == nil || p.traffic.pool.MaxOpenConnections == 1 {
		return nil, nil // one connection has nobody to be overtaken by
	}
	commits, rollbacks := p.traffic.ended(digest.Commit), p.traffic.ended(digest.Rollback)
	upgraded := commits.Upgraded + rollbacks.Upgraded
	failed, _ := p.traffic.locked()
	if upgraded < upgradesSeen || failed == 0 || rollbacks.Upgraded == 0 {
		return nil, nil
	}
	r := p.recommendation(rule.code(), "transaction", "", "upgrade")
	r.Level = "warning"
	r.Title = "Begin transactions that write with the write lock"
	r.Why = "Transactions read before their first write and then failed: when another connection has written in between, " +
		"SQLite fails the write at once, in spite of busy_timeout."
	r.Manual = "Add _txlock=immediate to the data source name of the connections that write, and use " +
		"sql.TxOptions{ReadOnly: true} for transactions that only read. Then a writer waits at BEGIN, where busy_timeout counts."
	r.Risk = "Transactions that turn out to write nothing then wait for writers too, unless they are begun read-only."
	r.Rewrite = &Rewrite{Before: `sql.Open("sqlite-perf", "app.db")`, After: `sql.Open("sqlite-perf", "app.db?_txlock=immediate")`}
	r.Facts = append(r.Facts,
		Fact{Name: "transactions that read before they wrote", Value: float64(upgraded), Unit: "transactions"},
		Fact{Name: "of them rolled back", Value: share(rollbacks.Upgraded, upgraded), Unit: "of them"},
		Fact{Name: "writes that failed for a lock", Value: float64(failed), Unit: "calls"})
	r.Facts = append(r.Facts, callSites(rollbacks)...)
	return []*Recommendation{r}, nil
}
