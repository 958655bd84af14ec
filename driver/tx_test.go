package driver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ngrok/sqlmw"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// story is what a test expects of a transaction.
func story(ev capture.Event) string {
	parts := []string{ev.Begin.String(), map[capture.Mode]string{capture.ModeCommit: "commit", capture.ModeRollback: "rollback"}[ev.Mode]}
	parts = append(parts, ev.End.String(), ev.Error.String(), fmt.Sprint(ev.Rows))
	if ev.Flags.Has(capture.FlagUpgraded) {
		parts = append(parts, "upgraded")
	}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), ", ")
}

// byText runs texts on one connection; those that begin with "!" are to fail.
func byText(texts ...string) func(*testing.T, *recording) {
	return func(t *testing.T, r *recording) {
		c := single(t, r.DB)
		defer c.Close()
		for _, text := range texts {
			query, fails := strings.CutPrefix(text, "!")
			if _, err := c.ExecContext(context.Background(), query); (err != nil) != fails {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
}

// inside runs texts in a transaction of database/sql's, and ends it.
func inside(opts *sql.TxOptions, end func(*sql.Tx) error, texts ...string) func(*testing.T, *recording) {
	return func(t *testing.T, r *recording) {
		tx, err := r.BeginTx(context.Background(), opts)
		must(t, err)
		for _, text := range texts {
			query, fails := strings.CutPrefix(text, "!")
			if _, err := tx.Exec(query); (err != nil) != fails {
				t.Errorf("%s: %v", text, err)
			}
		}
		_ = end(tx)
	}
}

const (
	insert    = "INSERT INTO t VALUES(5)"
	duplicate = "!INSERT OR ROLLBACK INTO t VALUES(1)"
)

// stories are transactions on t(v UNIQUE) of (1), with a trigger that rolls back at 13, c(p) that
// references p deferred, and what is recorded of them.
var stories = map[string]struct {
	parameters string
	run        func(*testing.T, *recording)
	want       []string
}{
	"nothing":             {"", inside(nil, (*sql.Tx).Commit), []string{"deferred, commit, 0"}},
	"read only":           {"", inside(&sql.TxOptions{ReadOnly: true}, (*sql.Tx).Commit, "SELECT 1"), []string{"read only, commit, 1"}},
	"immediate":           {"?_txlock=immediate", inside(nil, (*sql.Tx).Commit, insert, "SELECT 1"), []string{"immediate, commit, 2"}},
	"exclusive":           {"?_txlock=exclusive", inside(nil, (*sql.Tx).Rollback, "SELECT 1", insert), []string{"exclusive, rollback, called, 2"}},
	"immediate read only": {"?_txlock=immediate", inside(&sql.TxOptions{ReadOnly: true}, (*sql.Tx).Commit), []string{"read only, commit, 0"}},
	"upgraded":            {"", inside(nil, (*sql.Tx).Commit, "SELECT 1", insert, "SELECT 1"), []string{"deferred, commit, 3, upgraded"}},
	"upgraded by a schema change": {"", inside(nil, (*sql.Tx).Commit, "SELECT 1", "CREATE TABLE u(x)"),
		[]string{"deferred, commit, 2, upgraded"}},
	"not upgraded":           {"", inside(nil, (*sql.Tx).Commit, insert, "SELECT 1", "DELETE FROM t"), []string{"deferred, commit, 3"}},
	"immediate not upgraded": {"", byText("BEGIN IMMEDIATE", "SELECT 1", insert, "COMMIT"), []string{"immediate, commit, 2"}},
	"by text":                {"", byText("BEGIN", "SELECT 1", insert, "COMMIT", "SELECT 1"), []string{"deferred, commit, 2, upgraded"}},
	"by text deferred":       {"", byText("begin deferred transaction", insert, "end transaction;"), []string{"deferred, commit, 1"}},
	"by text exclusive":      {"", byText("BEGIN EXCLUSIVE", insert, "ROLLBACK"), []string{"exclusive, rollback, called, 1"}},
	"a savepoint":            {"", byText("SAVEPOINT a", insert, "RELEASE a"), []string{"savepoint, commit, 1"}},
	"nested savepoints": {"", byText("SAVEPOINT a", "SAVEPOINT b", insert, "ROLLBACK TO b", "RELEASE b", "SELECT 1", "RELEASE a"),
		[]string{"savepoint, commit, 3"}},
	"a savepoint in a transaction": {"", byText("BEGIN", "SAVEPOINT a", insert, "RELEASE a", "ROLLBACK"), []string{"deferred, rollback, called, 1"}},
	"a savepoint rolled back":      {"", byText("SAVEPOINT a", insert, "ROLLBACK"), []string{"savepoint, rollback, called, 1"}},
	"a script":                     {"", byText("BEGIN; INSERT INTO t VALUES(5); COMMIT", "SELECT 1"), nil},
	"a script that begins":         {"", byText("BEGIN; INSERT INTO t VALUES(5)", "SELECT 1", "COMMIT"), []string{"commit, 1"}},
	"a script that ends":           {"", byText("BEGIN", "INSERT INTO t VALUES(5); COMMIT", "SELECT 1"), []string{"deferred, commit, 1"}},
	"a begin that fails":           {"", byText("BEGIN", "!BEGIN", insert, "COMMIT"), []string{"deferred, commit, 1"}},
	"a commit of none":             {"", byText("!COMMIT", "!ROLLBACK", "!RELEASE a", "SELECT 1"), nil},
	"an error within":              {"", byText("BEGIN", "!INSERT INTO t VALUES(1)", "!SELECT missing", "COMMIT"), []string{"deferred, commit, 2"}},
	"rolled back by a conflict":    {"", inside(nil, (*sql.Tx).Rollback, "SELECT 1", duplicate), []string{"deferred, rollback, engine, constraint, 2, upgraded"}},
	"rolled back by a conflict, then committed": {"", inside(nil, (*sql.Tx).Commit, duplicate, insert),
		[]string{"deferred, rollback, engine, constraint, 1"}},
	"rolled back by a conflict by text": {"", byText("BEGIN", duplicate, insert, "!COMMIT"), []string{"deferred, rollback, engine, constraint, 1"}},
	"rolled back in a script": {"", byText("BEGIN", "!INSERT INTO t VALUES(5); INSERT OR ROLLBACK INTO t VALUES(1)"),
		[]string{"deferred, rollback, engine, constraint, 1"}},
	"rolled back by a trigger": {"", inside(nil, (*sql.Tx).Rollback, "!INSERT INTO t VALUES(13)"), []string{"deferred, rollback, engine, constraint, 1"}},
	"committed by text inside": {"", inside(nil, (*sql.Tx).Commit, insert, "COMMIT", "SELECT 1"),
		[]string{"deferred, commit, 1"}},
	"rolled back by text inside": {"", inside(nil, (*sql.Tx).Commit, insert, "ROLLBACK"), []string{"deferred, rollback, called, 1"}},
	"begun again by text inside": {"", inside(nil, (*sql.Tx).Commit, insert, "COMMIT", "BEGIN IMMEDIATE", "SELECT 1", "SELECT 1"),
		[]string{"deferred, commit, 1", "immediate, commit, 2"}},
	"begun again by text and rolled back": {"", inside(nil, (*sql.Tx).Rollback, "ROLLBACK", "BEGIN", insert),
		[]string{"deferred, rollback, called, 0", "deferred, rollback, called, 1"}},
	"begun again by text in vain": {"?_pragma=foreign_keys(1)", inside(nil, (*sql.Tx).Commit, "COMMIT", "BEGIN", "INSERT INTO c VALUES(7)"),
		[]string{"deferred, commit, 0", "deferred, rollback, commit failed, constraint, 1"}},
	"a foreign key at the commit": {"?_pragma=foreign_keys(1)", inside(nil, (*sql.Tx).Commit, "INSERT INTO c VALUES(7)"),
		[]string{"deferred, rollback, commit failed, constraint, 1"}},
	"a foreign key at a commit by text": {"?_pragma=foreign_keys(1)", byText("BEGIN", "INSERT INTO c VALUES(7)", "!COMMIT", "DELETE FROM c", "COMMIT"),
		[]string{"deferred, commit, 2"}},
	"cancelled": {"", endedBy(context.WithCancel), []string{"deferred, rollback, cancelled, 1"}},
	"deadline": {"", endedBy(func(ctx context.Context) (context.Context, context.CancelFunc) {
		late := expiring{ctx, make(chan struct{})}
		return late, func() { close(late.over) }
	}), []string{"deferred, rollback, deadline, 1"}},
	"closed": {"", func(t *testing.T, r *recording) {
		c := single(t, r.DB)
		_, err := c.ExecContext(context.Background(), "BEGIN")
		must(t, err)
		_, err = c.ExecContext(context.Background(), insert)
		must(t, errors.Join(err, c.Close(), r.Close()))
	}, []string{"deferred, rollback, closed, 1"}},
	"muted at its end": {"", func(t *testing.T, r *recording) {
		c := single(t, r.DB)
		defer c.Close()
		for _, step := range []struct {
			ctx   context.Context
			query string
		}{{context.Background(), "BEGIN"}, {muted, insert}, {muted, "COMMIT"}, {context.Background(), "SELECT 1"}} {
			_, err := c.ExecContext(step.ctx, step.query)
			must(t, err)
		}
	}, []string{"deferred, commit, 0"}},
	"muted at its begin": {"", func(t *testing.T, r *recording) {
		c := single(t, r.DB)
		defer c.Close()
		_, err := c.ExecContext(muted, "BEGIN")
		must(t, err)
		must(t, queryOn(insert+" RETURNING v")(c))
		must(t, execOn("COMMIT")(c))
	}, nil},
	"ended by a muted query": {"", func(t *testing.T, r *recording) {
		c := single(t, r.DB)
		defer c.Close()
		must(t, execOn("BEGIN")(c))
		rows, err := c.QueryContext(muted, "ROLLBACK")
		must(t, err)
		must(t, rows.Close())
		must(t, execOn("SELECT 1")(c))
	}, []string{"deferred, rollback, called, 0"}},
}

// expiring is a context whose deadline passes when over is closed.
type expiring struct {
	context.Context
	over chan struct{}
}

func (e expiring) Done() <-chan struct{} { return e.over }

func (e expiring) Err() error {
	select {
	case <-e.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// endedBy runs a statement in a transaction whose context then ends.
func endedBy(with func(context.Context) (context.Context, context.CancelFunc)) func(*testing.T, *recording) {
	return func(t *testing.T, r *recording) {
		r.SetMaxOpenConns(1)
		ctx, cancel := with(context.Background())
		tx, err := r.BeginTx(ctx, nil)
		must(t, err)
		_, err = tx.Exec(insert)
		must(t, err)
		cancel()
		exec(t, r.DB, "SELECT 1") // waits for the connection
	}
}

func TestTransactionsTellTheirStory(t *testing.T) {
	for configuration, config := range map[string]Config{
		"plain": {}, "kept": {StatementCache: 5}, "interceptors": {Interceptors: []sqlmw.Interceptor{sqlmw.NullInterceptor{}}},
	} {
		for name, test := range stories {
			t.Run(configuration+" "+name, func(t *testing.T) {
				r := record(t, test.parameters, config)
				r.setup(t, "CREATE TABLE t(v UNIQUE)", "INSERT INTO t VALUES(1)", "CREATE TABLE p(id INTEGER PRIMARY KEY)",
					"CREATE TABLE c(p REFERENCES p DEFERRABLE INITIALLY DEFERRED)",
					"CREATE TRIGGER r BEFORE INSERT ON t WHEN NEW.v = 13 BEGIN SELECT RAISE(ROLLBACK, 'thirteen'); END")
				test.run(t, r)
				var got []string
				var of uint64
				for _, ev := range r.events() {
					if ev.Kind == capture.KindTransaction {
						got = append(got, story(ev))
						if ev.Tx == 0 || of != 0 && ev.Tx != of {
							t.Errorf("transaction %d has statements of %d", ev.Tx, of)
						}
						of = 0
						continue
					}
					if ev.Tx != 0 {
						of = ev.Tx
					}
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("recorded %q, want %q", got, test.want)
				}
				if of != 0 {
					t.Errorf("statements of transaction %d, which was not recorded", of)
				}
			})
		}
	}
}

// TestStatementsAfterATransactionAreInNone looks at the numbers of statements around one by text.
func TestStatementsAfterATransactionAreInNone(t *testing.T) {
	r := record(t, "", Config{})
	exec(t, r.DB, "CREATE TABLE t(v)")
	r.events()
	byText("SELECT 1", "BEGIN", "SELECT 2", insert, "COMMIT", "SELECT 3")(t, r)
	var got []string
	for _, ev := range r.events() {
		if ev.Statement != nil {
			got = append(got, fmt.Sprintf("%s %v", firstWord(ev.Statement.Text), ev.Tx != 0))
		}
	}
	want := []string{"SELECT false", "BEGIN false", "SELECT true", "INSERT true", "COMMIT true", "SELECT false"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
