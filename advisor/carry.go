package advisor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/history"
	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// carrier carries out changes of one database and writes them into the ledger. The live Advisor, the
// command line and the automatic mode all use it.
type carrier struct {
	db    database
	store *history.Store
	actor string
	why   string                // behind the title in the ledger, if there is more to say
	watch *Watch                // what an undo that nobody asked for rests on
	show  func(*Recommendation) // is told of each state; what it gets is not changed afterwards
}

// direction is one of the two ways that a change can go.
type direction struct {
	action      string
	under, done State
	statements  []string
}

func applying(r *Recommendation) direction {
	return direction{"apply", Applying, Applied, r.Statements}
}
func undoing(r *Recommendation) direction { return direction{"undo", Undoing, Undone, r.Undo} }

// atPoint is called at the points of a change between which a process may be killed. Tests set it.
var atPoint = func(string) {}

// carryOut runs the statements of r, or those that undo it: first the intention goes into the ledger,
// then the change is made in one transaction, then the ledger says so. Whoever finds the intention
// alone looks at the database, see resume. r gets its new state.
func (c *carrier) carryOut(ctx context.Context, r *Recommendation, d direction) error {
	s, err := c.db.Schema(ctx)
	if err != nil {
		return err
	}
	if d.under == Applying && stalePlan(r, s) {
		return ErrStale
	}
	mark, err := c.db.Mark(ctx)
	if err != nil {
		return err
	}
	under := *r
	under.Was, under.State, under.Error = r.State, d.under, ""
	w := words{c.actor, d.action, c.text(strings.Join(d.statements, "; "))}
	if err := advance(ctx, c.store, r.State, &under, w, step{Statements: d.statements, Mark: mark, Watch: c.watch}); err != nil {
		return fmt.Errorf("write the ledger first: %w", err)
	}
	c.tell(&under)
	atPoint("intended")
	if err := c.db.Change(ctx, d.statements, c.guard(s.Version, &under)); err != nil {
		return c.giveUp(ctx, r, &under, d, err)
	}
	atPoint("committed")
	return c.finish(ctx, r, &under, d)
}

// finish writes into the ledger that the change was made.
func (c *carrier) finish(ctx context.Context, r, under *Recommendation, d direction) error {
	*r = *under
	r.State, r.Was = d.done, ""
	if d.done == Applied && r.Live != nil {
		live := *r.Live
		live.AppliedAt = time.Now().UTC()
		r.Live = &live
	}
	if c.watch != nil && r.Live != nil {
		r.Live = withWatch(r, c.watch).Live
	}
	err := advance(ctx, c.store, d.under, r, words{c.actor, string(d.done), c.text(r.Title)}, step{Statements: d.statements, Watch: c.watch})
	if errors.Is(err, history.ErrMoved) { // who resumed it meanwhile has seen that it was made
		err = nil
	}
	c.tell(r)
	return err
}

// giveUp writes into the ledger that the change was not made, and why. SQLite has rolled it back.
func (c *carrier) giveUp(ctx context.Context, r, under *Recommendation, d direction, cause error) error {
	*r = *under
	r.State, r.Was = under.Was, ""
	if d.under == Applying {
		r.Live = nil
	}
	if !errors.Is(cause, ErrStale) && ctx.Err() == nil {
		r.Error = describe(cause)
		if d.under == Applying {
			r.State = Failed
		}
	}
	err := advance(ctx, c.store, d.under, r, words{c.actor, "fail", describe(cause)}, step{})
	c.tell(r)
	return errors.Join(fmt.Errorf("%s %s: %w", d.action, r.ID, cause), err)
}

func (c *carrier) text(what string) string {
	if c.why == "" {
		return what
	}
	return what + ": " + c.why
}

func (c *carrier) tell(r *Recommendation) {
	if c.show != nil {
		shown := *r
		c.show(&shown)
	}
}

// stalePlan says whether what the plan rests on is no longer so: the table gone or changed, or the
// index already there.
func stalePlan(r *Recommendation, s *schema.Schema) bool {
	if r.Table == "" {
		return false
	}
	t := s.Table(r.Table)
	if t == nil {
		return true
	}
	fresh := *r
	fresh.subject = describeTable(t)
	return hashPlan(&fresh) != r.PlanHash
}

// guard refuses a change, under the write lock, if the schema is another by now, or if somebody has
// concluded meanwhile that the change will not be made.
func (c *carrier) guard(version int64, under *Recommendation) func(context.Context, *sql.Tx) error {
	return func(ctx context.Context, tx *sql.Tx) error {
		var now int64
		if err := tx.QueryRowContext(ctx, "PRAGMA schema_version").Scan(&now); err != nil {
			return err
		}
		state, err := c.store.State(ctx, under.ID)
		if err == nil && (now != version || State(state) != under.State) {
			return ErrStale
		}
		return err
	}
}
