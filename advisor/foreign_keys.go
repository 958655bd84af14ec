package advisor

import (
	"context"
	"fmt"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// foreignKeys is PR05: SQLite checks foreign keys only on connections that ask for it, so that the
// REFERENCES of a schema are comments on all others. https://sqlite.org/foreignkeys.html#fk_enable
type foreignKeys struct{}

func (foreignKeys) code() string { return "PR05" }

func (rule foreignKeys) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	declared := p.declared()
	if !p.live || declared == 0 {
		return nil, nil
	}
	var set, opened uint64
	if p.traffic != nil {
		set, opened = p.traffic.runsOf("foreign_keys"), p.traffic.connections.Opened
	}
	differ := set > 0 && set < opened
	if p.pragmas["foreign_keys"] != "0" && !differ {
		return nil, nil
	}
	r := pragmaAdvice(p, rule.code(), "foreign_keys", "1")
	r.Level, r.Title = "warning", "Enforce foreign keys on every connection"
	r.Why = fmt.Sprintf("The schema declares %d foreign keys and the connection that was looked at does not enforce them.", declared)
	if differ {
		r.Why = fmt.Sprintf("foreign_keys was set %d times by statements and %d connections were opened: some enforce the schema's %d "+
			"foreign keys and others do not.", set, opened, declared)
		r.Facts = append(r.Facts, p.traffic.settings("foreign_keys")...)
	}
	r.Risk = "Statements that break a foreign key fail then, where they succeeded before; each write of a key costs a look-up."
	broken, err := p.brokenKeys(ctx)
	if err != nil {
		return nil, err
	}
	if broken >= 0 {
		r.Facts = append(r.Facts, count("rows that break a foreign key now, counted up to 1,000", broken, "rows"))
	}
	return []*Recommendation{r}, nil
}

// declared counts the foreign keys of the schema.
func (p *pass) declared() (n int) {
	for _, t := range p.schema.Tables {
		n += len(t.ForeignKeys)
	}
	return n
}

// brokenKeys counts on the copy the rows whose parents are missing, -1 if there is no copy.
func (p *pass) brokenKeys(ctx context.Context) (int64, error) {
	if p.shadow == nil {
		return -1, nil // not worth a copy of its own
	}
	var out trial.Outcome
	ended, err := p.bounded(ctx, "PR05", func(ctx context.Context) (err error) {
		out, err = p.shadow.Before().Run(ctx, trial.Call{SQL: "SELECT 1 FROM pragma_foreign_key_check LIMIT 1000"})
		return err
	})
	if ctx.Err() != nil {
		return -1, ctx.Err()
	}
	if err != nil || !ended {
		return -1, nil // such as a foreign key that names no unique columns of its parent
	}
	return out.Rows, nil
}
