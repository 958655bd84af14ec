package advisor

import (
	"context"
	"fmt"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// walGrowth is PR09: the write-ahead log is reset when a checkpoint finds no reader in it. A query
// whose rows stay open, or a long transaction, keeps it growing, and each read looks through more of
// it. BenchmarkReaderKeepsLog of internal/sqlite: 124 MB after 3,000 commits with rows left open, 4 MB
// without.
// https://sqlite.org/wal.html#avoiding_excessively_large_wal_files
type walGrowth struct{}

const (
	// A log of four times what a checkpoint is due at has missed at least three: one may be late.
	walTimes = 4
	// walWorth is walTimes what SQLite's default of 1,000 pages of 4,096 bytes makes: below, nobody
	// notices, however small the pages.
	walWorth = 16 << 20
	// longOpen is an age of rows or a transaction at which no request waits for them any more.
	longOpen = 5 * time.Second
	// checkpointPages is SQLite's default of wal_autocheckpoint.
	checkpointPages = 1000
)

func (walGrowth) code() string { return "PR09" }

func (rule walGrowth) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	if !p.swollen() {
		return nil, nil
	}
	culprits := p.traffic.culprits(capture.Now())
	if len(culprits) == 0 {
		return nil, nil
	}
	r := storageAdvice(p, rule.code(), "Close what keeps the write-ahead log from being reset",
		"Close rows as soon as they are read (defer rows.Close()), and end transactions that read, at the lines below.")
	r.Level = "warning"
	r.Why = fmt.Sprintf("The write-ahead log has %s where a checkpoint is due at %s: something reads an old state of the database.",
		mebibytes(p.traffic.walBytes), mebibytes(p.checkpointBytes()))
	r.Risk = "None known."
	r.Facts = append([]Fact{size("write-ahead log", p.traffic.walBytes), size("checkpoint due at", p.checkpointBytes())}, culprits...)
	for _, rows := range p.traffic.rows {
		if rows.Statement != nil && time.Duration(capture.Now()-rows.Start) >= longOpen {
			r.Digests = append(r.Digests, fmt.Sprintf("%016x", rows.Statement.Digest))
		}
	}
	return []*Recommendation{r}, nil
}

// checkpointBytes is the size of the log at which a checkpoint is due.
func (p *pass) checkpointBytes() int64 {
	pages := p.number("wal_autocheckpoint")
	if pages <= 0 {
		pages = checkpointPages
	}
	return pages * p.number("page_size")
}

// swollen says whether the write-ahead log is far larger than checkpoints should leave it.
func (p *pass) swollen() bool {
	return p.traffic != nil && p.wal() && p.traffic.walBytes >= walWorth && p.traffic.walBytes >= walTimes*p.checkpointBytes()
}

// culprits are rows open for long, and transactions that took long.
func (t *traffic) culprits(now capture.Instant) []Fact {
	var facts []Fact
	for _, rows := range t.rows {
		age := time.Duration(now - rows.Start)
		if age < longOpen || len(facts) == openRowsShown {
			continue
		}
		text := "rows of a statement"
		if rows.Statement != nil {
			text = rows.Statement.Fingerprint
		}
		if rows.Site != nil {
			text += " at " + rows.Site.String()
		}
		facts = append(facts, Fact{Name: "rows open for", Value: age.Seconds(), Unit: "s", Text: text})
	}
	for _, tx := range t.transactions {
		longest, ok := tx.Time.Quantile(1)
		if !ok || time.Duration(longest) < longOpen {
			continue
		}
		text := tx.Name
		for _, c := range tx.Callers {
			text += " at " + c.Site.String()
		}
		facts = append(facts, Fact{Name: "longest transaction", Value: time.Duration(longest).Seconds(), Unit: "s", Text: text})
	}
	return facts
}
