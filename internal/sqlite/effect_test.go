package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestInEffect looks at the database, not at what somebody wrote down.
func TestInEffect(t *testing.T) {
	path := create(t, rows, `CREATE INDEX "a""b" ON t(k)`, "CREATE INDEX plain ON t(k)")
	db := opened(t, path)
	for _, c := range []struct {
		statements string
		yes, known bool
	}{
		{"CREATE INDEX plain ON t(k)", true, true},
		{"create unique index if not exists main.Plain on t(k)", true, true},
		{`CREATE /* x */ INDEX "a""b" ON t(k)`, true, true},
		{"CREATE INDEX other ON t(k)", false, true},
		{"DROP INDEX plain", false, true},
		{"DROP INDEX IF EXISTS main.[other];", true, true},
		{"DROP INDEX other|CREATE INDEX plain ON t(k)", true, true},
		{"DROP INDEX other|CREATE INDEX other ON t(k)", false, true},
		{"CREATE INDEX plain ON t(k)|ANALYZE plain", true, true},
		{"PRAGMA journal_mode = DELETE", true, true},
		{"PRAGMA journal_mode = wal", false, true},
		{"ANALYZE", false, false},
		{"", false, false},
	} {
		must(t, db.Change(t.Context(), nil, func(ctx context.Context, tx *sql.Tx) error {
			yes, known, err := InEffect(ctx, tx, strings.Split(c.statements, "|"))
			if yes != c.yes || known != c.known {
				t.Errorf("%s: %v, known %v", c.statements, yes, known)
			}
			return err
		}))
	}
}

// TestMark: statistics and objects change it, rows do not, and a change undone has the mark of before.
func TestMark(t *testing.T) {
	path := create(t, rows)
	db := opened(t, path)
	mark := func() string {
		t.Helper()
		m, err := db.Mark(t.Context())
		must(t, err)
		return m
	}
	first := mark()
	must(t, db.Change(t.Context(), []string{"DELETE FROM t WHERE k < 3"}, nil))
	if mark() != first {
		t.Error("rows change the mark")
	}
	must(t, db.Change(t.Context(), []string{"CREATE INDEX a ON t(k)"}, nil))
	second := mark()
	must(t, db.Change(t.Context(), []string{"ANALYZE"}, nil))
	if second == first || mark() == second {
		t.Error("an index or its statistics leave the mark as it was")
	}
	must(t, db.Change(t.Context(), []string{"DROP INDEX a", "DROP TABLE sqlite_stat1", "DROP TABLE sqlite_stat4"}, nil))
	if mark() != first {
		t.Error("undone, the mark is another")
	}
}

// TestChangeEndsWithItsContext also while it waits for a lock, far before the busy timeout.
func TestChangeEndsWithItsContext(t *testing.T) {
	path := create(t, rows)
	db, err := Open(t.Context(), Config{Path: path, BusyTimeout: time.Hour})
	must(t, err)
	defer db.Close()
	app := bare(t, path)
	run(t, app, "BEGIN IMMEDIATE")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := db.Change(ctx, []string{"CREATE INDEX a ON t(k)"}, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	run(t, app, "ROLLBACK")
	must(t, db.Change(t.Context(), []string{"CREATE INDEX a ON t(k)"}, nil))
}
