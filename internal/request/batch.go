package request

import (
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
)

// batch says how a query may be one of a loop with a reason.
type batch struct {
	pages bool // it asks for a page: LIMIT after a row or an offset that is given
	lists bool // it compares with a list
	marks int  // parameters and literals of the fingerprint, a list counting once
}

// batched says that a query reads page by page, or many rows at a time by a list. What was read of fingerprints is forgotten when it
// is of too many.
func (u *usage) batched(g *group) bool {
	b, known := u.batches[g.statement.Digest]
	if !known {
		if len(u.batches) >= u.config.Statements {
			clear(u.batches)
		}
		b = readBatch(g.statement.Fingerprint)
		u.batches[g.statement.Digest] = b
	}
	return b.pages || b.lists && g.bound > b.marks
}

// readBatch reads a fingerprint. One that cannot be read is no batch.
func readBatch(fingerprint string) (b batch) {
	b.marks = strings.Count(fingerprint, "?")
	read, err := predicate.Read(fingerprint)
	if err != nil || len(read.Blocks) == 0 {
		return b
	}
	for _, p := range read.Params {
		b.pages = b.pages || p.Use == predicate.UseOffset
	}
	first := read.Blocks[0]
	for _, term := range first.Terms {
		b.lists = b.lists || term.Op == predicate.OpIn && !term.Negated
		b.pages = b.pages || first.Limit && term.Op == predicate.OpRange && ordersBy(first, term)
	}
	return b
}

// ordersBy says that a range is of what the block orders by: the key of the last row of the page before.
func ordersBy(b *predicate.Block, term *predicate.Expr) (yes bool) {
	term.Walk(func(e *predicate.Expr) {
		for _, o := range b.OrderBy {
			yes = yes || e.Op == predicate.OpColumn && o.Expr.Op == predicate.OpColumn && strings.EqualFold(e.Name, o.Expr.Name)
		}
	})
	return yes
}
