package driver

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// keeping is one driver in the middle of a script that changes what its statements mean.
type keeping struct {
	transcript
	db, other *sql.DB // other has the same file
	conn      *sql.Conn
	tx        *sql.Tx
	open      []*sql.Rows
	dir       string
}

func newKeeping(t rapid.TB, tb testing.TB, open opener, dir string) *keeping {
	k := &keeping{dir: dir}
	dsn := filepath.Join(dir, "app.db") + "?_pragma=synchronous(off)"
	k.db, k.other = open(tb, dsn), bare(tb, dsn)
	var err error
	if k.conn, err = k.db.Conn(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		"CREATE TABLE t(a INTEGER, b TEXT)", "INSERT INTO t VALUES(1, 'x'), (2, 'Y'), (3, NULL)",
		"CREATE TABLE p(id INTEGER PRIMARY KEY)", "INSERT INTO p VALUES(1), (2)", "CREATE TABLE c(p REFERENCES p)",
	} {
		if _, err := k.conn.ExecContext(context.Background(), query); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 { // two files to attach, which differ
		file := bare(tb, filepath.Join(dir, fmt.Sprintf("extra%d.db", i)))
		if _, err := file.Exec(fmt.Sprintf("CREATE TABLE u(v); INSERT INTO u VALUES(%d), ('of %d')", i, i)); err != nil {
			t.Fatal(err)
		}
		file.Close()
	}
	return k
}

func (k *keeping) on() runner {
	if k.tx != nil {
		return k.tx
	}
	return k.conn
}

func (k *keeping) close() {
	for _, rows := range k.open {
		rows.Close()
	}
	if k.tx != nil {
		k.tx.Rollback()
	}
	k.conn.Close()
	k.db.Close()
	k.other.Close()
}

// meaning are texts that mean something else after a change.
var meaning = []string{
	"SELECT * FROM t", "SELECT a, b FROM t WHERE b LIKE 'y'", "SELECT * FROM u", "SELECT * FROM x.u", "SELECT count(*), sum(p) FROM c",
	"INSERT INTO c VALUES(7)", "DELETE FROM p WHERE id = 1", "INSERT INTO t(a) VALUES(9) RETURNING *", "UPDATE t SET a = a + 1 WHERE a = 2 RETURNING a",
	"SELECT name, type FROM sqlite_schema ORDER BY name", "SELECT a FROM t WHERE a > 0", "SELECT \"b\" FROM t", "SELECT total(a) FROM t INDEXED BY t_a",
	"SELECT typeof(a), a FROM t ORDER BY rowid", "WITH few AS (SELECT a FROM t LIMIT 2) SELECT * FROM few", "SELECT 1; SELECT 2", "SELECT 1;",
	"SELECT a FROM t\x00WHERE 0", "REPLACE INTO p VALUES(2)", "DELETE FROM c", "SELECT last_insert_rowid(), changes(), total_changes()",
}

// changes are what changes it; %s is the directory.
var changes = []string{
	"ALTER TABLE t ADD COLUMN n DEFAULT 'new'", "ALTER TABLE t DROP COLUMN n", "ALTER TABLE t RENAME COLUMN b TO bb", "ALTER TABLE t RENAME COLUMN bb TO b",
	"DROP TABLE t", "CREATE TABLE t(a TEXT, b INTEGER)", "INSERT INTO t VALUES('1', 2), (2.5, 'z')", "CREATE TEMP TABLE t(a, b, c)", "DROP TABLE temp.t",
	"INSERT INTO temp.t VALUES(1, 2, 3)", "CREATE INDEX t_a ON t(a)", "DROP INDEX t_a", "ATTACH '%s/extra0.db' AS x", "ATTACH '%s/extra1.db' AS x",
	"ATTACH '%s/extra1.db' AS y", "DETACH x", "DETACH y", "PRAGMA foreign_keys = 1", "PRAGMA foreign_keys = 0", "PRAGMA recursive_triggers = 0",
	"PRAGMA case_sensitive_like = 1", "PRAGMA case_sensitive_like = 0", "PRAGMA reverse_unordered_selects = 1", "PRAGMA reverse_unordered_selects = 0",
	"VACUUM", "ANALYZE", "CREATE TEMP VIEW u AS SELECT 'view' AS v", "DROP VIEW temp.u", "CREATE TABLE u(v, w)", "DROP TABLE u", "PRAGMA query_only = 1",
	"PRAGMA query_only = 0", "SAVEPOINT s", "ROLLBACK TO s", "RELEASE s", "PRAGMA full_column_names = 1", "PRAGMA full_column_names = 0", "REINDEX",
	"CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM c; END", "DROP TRIGGER r", "PRAGMA short_column_names = 0", "PRAGMA short_column_names = 1",
	"CREATE TABLE other(v); SELECT 1", "DROP TABLE other; SELECT * FROM t", "PRAGMA user_version = 3", "PRAGMA defer_foreign_keys = 1",
}

// TestKeptStatementsMeanWhatTheyWouldAfterAnyChange runs random scripts of statements and of changes
// to what they mean, by the same connection and by another.
func TestKeptStatementsMeanWhatTheyWouldAfterAnyChange(t *testing.T) {
	root := t.TempDir()
	var kept []opener
	for _, c := range configurations {
		if c.config.StatementCache > 0 {
			kept = append(kept, wrappedWith(c.config))
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		var sides []*keeping
		for _, open := range []opener{bare, kept[rapid.IntRange(0, len(kept)-1).Draw(rt, "configuration")]} {
			dir, err := os.MkdirTemp(root, "")
			if err != nil {
				rt.Fatal(err)
			}
			k := newKeeping(rt, t, open, dir)
			defer k.close()
			sides = append(sides, k)
		}
		all := func(f func(*keeping)) {
			for _, k := range sides {
				k.lines = nil
				f(k)
				for i, line := range k.lines {
					k.lines[i] = strings.ReplaceAll(line, k.dir, "DIR")
				}
			}
			if diff := cmp.Diff(sides[0].lines, sides[1].lines); diff != "" {
				rt.Fatalf("- as bare, + as wrapped:\n%s", diff)
			}
		}
		ctx := context.Background()
		change := func() string {
			return rapid.SampledFrom(changes).Draw(rt, "change")
		}
		text := func() string { return rapid.SampledFrom(meaning).Draw(rt, "text") }
		within := func(k *keeping, text string) string {
			if !strings.Contains(text, "%s") {
				return text
			}
			return fmt.Sprintf(text, k.dir)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"query": func(*rapid.T) { text := text(); all(func(k *keeping) { k.query(ctx, k.on(), text) }) },
			"exec":  func(*rapid.T) { text := text(); all(func(k *keeping) { k.exec(ctx, k.on(), text) }) },
			"again": func(*rapid.T) {
				text := text()
				all(func(k *keeping) { k.query(ctx, k.on(), text); k.query(ctx, k.on(), text) })
			},
			"cancelled": func(*rapid.T) { text := text(); all(func(k *keeping) { k.query(cancelled, k.on(), text) }) },
			"change":    func(*rapid.T) { c := change(); all(func(k *keeping) { k.exec(ctx, k.on(), within(k, c)) }) },
			"change by query": func(*rapid.T) {
				c := change()
				all(func(k *keeping) { k.query(ctx, k.on(), within(k, c)) })
			},
			"change by a prepared statement": func(*rapid.T) {
				c := change()
				all(func(k *keeping) {
					st, err := k.on().PrepareContext(ctx, within(k, c))
					if k.notef("prepare %s", failure(err)); err == nil {
						result, err := st.Exec()
						k.result("prepared", result, err)
						k.notef("close %s", failure(st.Close()))
					}
				})
			},
			"change by another": func(*rapid.T) { c := change(); all(func(k *keeping) { k.exec(ctx, k.other, within(k, c)) }) },
			"open rows": func(t *rapid.T) {
				text := text()
				if len(sides[0].open) > 2 {
					t.Skip()
				}
				all(func(k *keeping) {
					rows, err := k.on().QueryContext(ctx, text)
					if k.notef("open %s", failure(err)); err == nil {
						k.notef("next %v", rows.Next())
						k.open = append(k.open, rows)
					}
				})
			},
			"close rows": func(t *rapid.T) {
				if len(sides[0].open) == 0 {
					t.Skip()
				}
				all(func(k *keeping) {
					k.rows("rest", k.open[0], nil)
					k.open = k.open[1:]
				})
			},
			"begin or end": func(*rapid.T) {
				commit := rapid.Bool().Draw(rt, "commit")
				all(func(k *keeping) { k.turn(commit) })
			},
			"another turn": func(t *rapid.T) {
				if sides[0].tx != nil || len(sides[0].open) > 0 {
					t.Skip()
				}
				all(func(k *keeping) { k.again() })
			},
		})
	})
}

// turn ends the transaction, or begins one.
func (k *keeping) turn(commit bool) {
	switch {
	case k.tx == nil:
		tx, err := k.conn.BeginTx(context.Background(), nil)
		if k.notef("begin %s", failure(err)); err == nil {
			k.tx = tx
		}
		return
	case commit:
		k.notef("commit %s", failure(k.tx.Commit()))
	default:
		k.notef("rollback %s", failure(k.tx.Rollback()))
	}
	k.tx = nil
}

// again returns the connection and takes it out, with a reset of its session in between.
func (k *keeping) again() {
	k.notef("close %s", failure(k.conn.Close()))
	conn, err := k.db.Conn(context.Background())
	k.notef("conn %s, %d open", failure(err), k.db.Stats().OpenConnections)
	k.conn = conn
}
