package driver

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"pgregory.net/rapid"
)

// side is one driver in the middle of a random script.
type side struct {
	transcript
	db    *sql.DB
	tx    *sql.Tx
	stmts []*sql.Stmt
}

// on is where statements run: the transaction, if there is one.
func (s *side) on() runner {
	if s.tx != nil {
		return s.tx
	}
	return s.db
}

func newSide(t rapid.TB, open func(testing.TB, string) *sql.DB, tb testing.TB, dir string) *side {
	s := &side{db: open(tb, filepath.Join(dir, "app.db")+"?_pragma=synchronous(off)&_pragma=journal_mode(memory)&_pragma=foreign_keys(1)")}
	if _, err := s.db.Exec("CREATE TABLE t(id INTEGER PRIMARY KEY, n INT CHECK (n <> 13), v UNIQUE, at DATETIME, p INT REFERENCES t)"); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *side) close() {
	for _, st := range s.stmts {
		st.Close()
	}
	if s.tx != nil {
		s.tx.Rollback()
	}
	s.db.Close()
}

// values draws what can be bound.
var values = rapid.OneOf(
	rapid.Just[any](nil),
	rapid.Map(rapid.Int64Range(-3, 15), func(n int64) any { return n }),
	rapid.Map(rapid.Float64Range(-2, 2), func(f float64) any { return f }),
	rapid.Map(rapid.StringMatching(`[a-c'%é\x00]{0,3}`), func(s string) any { return s }),
	rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 3), func(b []byte) any { return b }),
	rapid.Map(rapid.Bool(), func(b bool) any { return b }),
	rapid.Map(rapid.Int64Range(0, 2e9), func(s int64) any { return time.Unix(s, 0).UTC() }),
)

// statements draws a text and its arguments. Some fail, some return rows, some do both.
var statements = rapid.Custom(func(t *rapid.T) (st struct {
	text string
	args []any
}) {
	value := func() any { return values.Draw(t, "value") }
	n := rapid.IntRange(-1, 14).Draw(t, "n")
	type text struct {
		query string
		args  []any
	}
	drawn := rapid.SampledFrom([]text{
		{"INSERT INTO t(n, v) VALUES(?, ?)", []any{n, value()}},
		{fmt.Sprintf("INSERT INTO t(n, v) VALUES(%d, %d)", n, n), nil},
		{"INSERT OR IGNORE INTO t(id, n, v, at) VALUES(:id, :n, @v, $at) RETURNING *", []any{
			sql.Named("id", n), sql.Named("n", n), sql.Named("v", value()), sql.Named("at", value())}},
		{"INSERT INTO t(id, p) VALUES(?, ?)", []any{n + 100, n}},
		{"UPDATE t SET v = ?2 WHERE n = ?1", []any{n, value()}},
		{"WITH few AS (SELECT ?) DELETE FROM t WHERE n IN few", []any{n}},
		{"SELECT * FROM t ORDER BY id", nil},
		{"SELECT n, count(*), max(at), x'00ff', NULL, 1.5 FROM t WHERE v > ? GROUP BY n ORDER BY n", []any{value()}},
		{fmt.Sprintf("SELECT v, typeof(v) FROM t WHERE n = %d ORDER BY id", n), nil},
		{"SELECT abs(n - 1 - 9223372036854775807) FROM (SELECT ? AS n UNION ALL SELECT 0)", []any{n}},
		{"INSERT INTO t(n) VALUES(?); SELECT n FROM t; UPDATE t SET n = n + 1 WHERE n = ?", []any{n, 3}},
		{"SELECT v FROM t WHERE n = ?", nil},
		{"SELECT 1", []any{n}},
		{"SELECT missing FROM t", nil}, {"SELEC", nil}, {"", nil}, {"-- nothing", nil},
		{"SELECT fails()", nil}, {"SELECT ?", []any{struct{}{}}}, {"SELECT :a", []any{sql.Named("b", 1)}},
		{"SAVEPOINT s", nil}, {"RELEASE s", nil}, {"ROLLBACK TO s", nil}, {"PRAGMA user_version", nil},
		{"CREATE INDEX IF NOT EXISTS t_n ON t(n)", nil}, {"DROP INDEX IF EXISTS t_n", nil}, {"VACUUM", nil},
	}).Draw(t, "statement")
	st.text, st.args = drawn.query, drawn.args
	return st
})

// scoped is a request's context with a span in it, and muted that of the toolkit's own statements.
var (
	scoped = testTracer{}.Into(capture.WithScope(context.Background(), capture.NewScope()), capture.NewTrace())
	muted  = capture.Mute(context.Background())
)

var cancelled = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// TestRandomScriptsRunAsOnTheBareDriver runs the same calls on the bare driver and on ours in every
// configuration, each with a file of its own, and compares after every call what the application saw.
func TestRandomScriptsRunAsOnTheBareDriver(t *testing.T) {
	root := t.TempDir()
	traceAll(t)
	opened := []opener{bare}
	for _, c := range configurations {
		opened = append(opened, wrappedWith(c.config))
	}
	rapid.Check(t, func(rt *rapid.T) {
		var sides []*side
		for _, open := range opened {
			dir, err := os.MkdirTemp(root, "")
			if err != nil {
				rt.Fatal(err)
			}
			s := newSide(rt, open, t, dir)
			defer s.close()
			sides = append(sides, s)
		}
		all := func(f func(*side)) {
			for _, s := range sides {
				s.lines = nil
				f(s)
			}
			for i, s := range sides[1:] {
				if diff := cmp.Diff(sides[0].lines, s.lines); diff != "" {
					rt.Fatalf("%s: - as bare, + as wrapped:\n%s", configurations[i].name, diff)
				}
			}
		}
		drawContext := func() context.Context {
			background := context.Background()
			return rapid.SampledFrom([]context.Context{background, background, scoped, muted, cancelled}).Draw(rt, "context")
		}
		prepared := func(f func(*side, *sql.Stmt)) {
			if len(sides[0].stmts) == 0 {
				rt.Skip()
			}
			i := rapid.IntRange(0, len(sides[0].stmts)-1).Draw(rt, "prepared")
			all(func(s *side) {
				st := s.stmts[i]
				if s.tx != nil {
					st = s.tx.Stmt(st)
					defer st.Close()
				}
				f(s, st)
			})
		}
		rt.Repeat(map[string]func(*rapid.T){
			"exec": func(t *rapid.T) {
				st, ctx := statements.Draw(t, "exec"), drawContext()
				all(func(s *side) { s.exec(ctx, s.on(), st.text, st.args...) })
			},
			"query": func(t *rapid.T) {
				st, ctx := statements.Draw(t, "query"), drawContext()
				all(func(s *side) { s.query(ctx, s.on(), st.text, st.args...) })
			},
			"first row": func(t *rapid.T) {
				st, ctx := statements.Draw(t, "query"), drawContext()
				all(func(s *side) {
					var v any
					s.notef("row %s", failure(s.on().QueryRowContext(ctx, st.text, st.args...).Scan(&v)))
					s.notef("is %T %v", v, v)
				})
			},
			"prepare": func(t *rapid.T) {
				st, ctx := statements.Draw(t, "prepare"), drawContext()
				all(func(s *side) {
					p, err := s.db.PrepareContext(ctx, st.text)
					if s.notef("prepare %s", failure(err)); err == nil {
						s.stmts = append(s.stmts, p)
					}
				})
			},
			"exec prepared": func(t *rapid.T) {
				args, ctx := rapid.SliceOfN(values, 0, 2).Draw(t, "args"), drawContext()
				prepared(func(s *side, st *sql.Stmt) {
					result, err := st.ExecContext(ctx, args...)
					s.result("exec prepared", result, err)
				})
			},
			"query prepared": func(t *rapid.T) {
				args, ctx := rapid.SliceOfN(values, 0, 2).Draw(t, "args"), drawContext()
				prepared(func(s *side, st *sql.Stmt) {
					rows, err := st.QueryContext(ctx, args...)
					s.rows("query prepared", rows, err)
				})
			},
			"close prepared": func(t *rapid.T) {
				prepared(func(s *side, st *sql.Stmt) { s.notef("close %s", failure(st.Close())) })
			},
			"begin": func(t *rapid.T) {
				opts := rapid.SampledFrom([]*sql.TxOptions{nil, {}, {ReadOnly: true}, {Isolation: sql.LevelSerializable}, {Isolation: sql.LevelReadCommitted}}).Draw(t, "options")
				ctx := drawContext()
				if sides[0].tx != nil {
					t.Skip()
				}
				all(func(s *side) {
					tx, err := s.db.BeginTx(ctx, opts)
					if s.notef("begin %s", failure(err)); err == nil {
						s.tx = tx
					}
				})
			},
			"end": func(t *rapid.T) {
				end := rapid.SampledFrom([]func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback}).Draw(t, "end")
				if sides[0].tx == nil {
					t.Skip()
				}
				all(func(s *side) {
					s.notef("end %s", failure(end(s.tx)))
					s.notef("again %s", failure(end(s.tx)))
					s.tx = nil
				})
			},
		})
		all(func(s *side) {
			if s.tx != nil {
				s.notef("commit %s", failure(s.tx.Commit()))
				s.tx = nil
			}
			s.query(context.Background(), s.db, "SELECT * FROM t ORDER BY id")
		})
	})
}
