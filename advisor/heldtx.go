package advisor

import (
	"context"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/request"
)

// heldTransaction is TX05: a transaction that waits for something else. One that has written keeps all other writers out meanwhile, one that has read
// keeps the write-ahead log from being reset. https://sqlite.org/wal.html#avoiding_excessively_large_wal_files
type heldTransaction struct{}

func (heldTransaction) code() string { return "TX05" }

func (rule heldTransaction) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	return p.each(request.TxHeld, rule.code(), "transaction", func(r *Recommendation, f *request.Finding) {
		r.Title = fmt.Sprintf("Do not wait within a transaction on %s", onRoute(f))
		r.Why = fmt.Sprintf("A transaction was open for %v, of which %.0f ms passed without a statement.", f.Sum, f.Value)
		r.Manual = "Do what needs no database, such as calls to other services, before BeginTx or after Commit."
		r.Rewrite = &Rewrite{Before: "tx, err := db.BeginTx(ctx, nil)\nanswer, err := client.Do(req)\ntx.ExecContext(ctx, query, answer)\ntx.Commit()",
			After: "answer, err := client.Do(req)\ntx, err := db.BeginTx(ctx, nil)\ntx.ExecContext(ctx, query, answer)\ntx.Commit()"}
		r.Facts = append(r.Facts, Fact{Name: "without a statement", Value: f.Value, Unit: "ms"}, Fact{Name: "transaction", Value: ms(f.Sum), Unit: "ms"},
			count("statements in it", int64(f.Count), "calls"))
	})
}
