package advisor

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// autocommitBurst is TX02: a loop that writes row after row without a transaction pays for a commit each time. A row
// took 13.3 µs so, 2.3 µs within one transaction and 0.4 µs in inserts of many rows, without waiting for the
// disk (field measurement); with it, 290 µs to 12 µs. https://sqlite.org/faq.html#q19
type autocommitBurst struct{}

// burstCalls is how many writes of loops are worth a change: a thousand commits of 0.3 ms are a third of a second.
const burstCalls = 1000

func (autocommitBurst) code() string { return "TX02" }

func (rule autocommitBurst) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	if p.traffic == nil {
		return nil, nil
	}
	var list []*Recommendation
	for _, s := range p.traffic.statements {
		if s.Bursts < burstCalls || s.Statement == nil {
			continue
		}
		r := rule.advise(p, s)
		if err := p.measureBurst(ctx, r); err != nil {
			return list, err
		}
		list = append(list, r)
	}
	return list, nil
}

// What a loop looks like without and with a transaction.
const (
	loopAlone = `for _, row := range rows {
	db.ExecContext(ctx, query, row...)
}`
	loopTogether = `tx, err := db.BeginTx(ctx, nil)
if err != nil {
	return err
}
defer tx.Rollback()
for _, row := range rows {
	if _, err := tx.ExecContext(ctx, query, row...); err != nil {
		return err
	}
}
return tx.Commit()`
)

func (rule autocommitBurst) advise(p *pass, s *digest.Summary) *Recommendation {
	hex := Query{Digest: s.Digest}.hex()
	r := p.recommendation(rule.code(), "transaction", "", hex)
	r.Level, r.Digests = "warning", []string{hex}
	if at := slices.IndexFunc(p.queries, func(q *query) bool { return q.Digest == s.Digest }); at >= 0 {
		r.Table = p.queries[at].read.Target
	}
	r.Title = "Write many rows in one transaction"
	r.Why = "The statement runs again and again within milliseconds, each time in a transaction of its own, and each of them is a commit."
	r.Manual = "Put the loop between BeginTx and Commit, some hundred to a few thousand rows each, or insert many rows with one statement."
	r.Risk = "Rows of a batch are committed together or not at all, and others wait for its end."
	r.Rewrite = &Rewrite{Before: loopAlone, After: loopTogether}
	if many := manyRows(s.Statement.Fingerprint); many != "" {
		r.Rewrite.After += "\n\n// or, several rows at a time:\n" + many
	}
	p50, _ := s.Time.Quantile(0.5)
	r.Facts = append(r.Facts,
		Fact{Name: "calls outside of transactions", Value: float64(s.Outside), Unit: "calls"},
		Fact{Name: "of them within 10 ms of the one before", Value: share(s.Bursts, s.Outside), Unit: "of them"},
		Fact{Name: "median of a call", Value: ms(time.Duration(p50)), Unit: "ms"})
	r.Facts = append(r.Facts, callSites(s)...)
	return r
}

// manyRows is an INSERT of one row of parameters with three rows, or "".
func manyRows(fingerprint string) string {
	head, row, ok := strings.Cut(fingerprint, " VALUES ")
	if !ok || !strings.HasPrefix(head, "INSERT") || strings.Trim(row, "(?, )") != "" || strings.Count(row, "(") != 1 {
		return ""
	}
	return head + " VALUES " + strings.Join([]string{row, row, row}, ", ")
}
