package sqlmiddleware

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/sqltext"
	"modernc.org/sqlite"
)

// kinds lists texts and the kinds of all their statements together.
var kinds = []struct {
	text string
	want Kind
}{
	{"", 0}, {";;", 0}, {"-- DROP TABLE t", 0}, {"SELECT 1", 0}, {" ; /* c */ select 1 ;", 0}, {"VALUES (1)", 0}, {"SELECT 'DELETE FROM t'", 0},
	{"WITH c AS (SELECT 1) SELECT * FROM c", 0}, {"EXPLAIN DELETE FROM t", 0}, {"explain query plan update t set a = 1", 0}, {"EXPLAIN DROP TABLE t", 0},
	{"SELECT replace(a, 1, 2) FROM t", 0}, {"WITH replace AS (SELECT 1) SELECT * FROM replace", 0},
	{"INSERT INTO t(a) VALUES (1)", Write}, {"REPLACE INTO t(a) VALUES (1)", Write}, {"insert into t(a) values (1) on conflict do update set a = 1", Write},
	{"WITH replace AS (SELECT 1) REPLACE INTO t(a) SELECT * FROM replace", Write}, {"ANALYZE", Write}, {"REINDEX", Write}, {"nonsense", Write}, {"'SELECT'", Write},
	{"DELETE FROM t", Write | DeleteAll}, {"delete /* WHERE */ from t -- where", Write | DeleteAll}, {"DELETE FROM t WHERE id = 1", Write},
	{"WITH c AS (SELECT 1 WHERE 1) DELETE FROM t", Write | DeleteAll}, {"WITH RECURSIVE c(x) AS NOT MATERIALIZED (SELECT 1), d AS (SELECT 2) DELETE FROM t WHERE a", Write},
	{"DELETE FROM t RETURNING (SELECT 1 WHERE 1)", Write | DeleteAll}, {"DELETE FROM \"WHERE\"", Write | DeleteAll}, {"DELETE FROM t\x00WHERE 1", Write | DeleteAll},
	{"UPDATE t SET a = 1", Write | UpdateAll}, {"UPDATE t SET a = (SELECT 1 WHERE 1)", Write | UpdateAll}, {"UPDATE t SET a = 1 WHERE id", Write}, {"UPDATE OR IGNORE t SET a = 1", Write | UpdateAll},
	{"UPDATE t SET a = 1 FROM t AS u", Write | UpdateAll}, {"WITH replace AS (SELECT 1) UPDATE t SET a = 2", Write | UpdateAll},
	{"CREATE TABLE u(a)", Write | DDL}, {"drop table if exists t", Write | DDL}, {"ALTER TABLE t ADD COLUMN b", Write | DDL}, {"CREATE TEMP TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM t; SELECT 1; END", Write | DDL},
	{"ATTACH ':memory:' AS x", Write | Attach}, {"DETACH x", Write | Attach}, {"VACUUM", Write | Vacuum}, {"VACUUM INTO 'x'", Write | Vacuum},
	{"PRAGMA foreign_keys", PragmaRead}, {"PRAGMA main.user_version", PragmaRead}, {"PRAGMA table_info(t)", PragmaRead}, {"pragma main.Index_List = t", PragmaRead}, {"PRAGMA 'integrity_check'(1)", PragmaRead},
	{"PRAGMA foreign_keys = 1", Write | PragmaSet}, {"PRAGMA user_version(5)", Write | PragmaSet}, {"PRAGMA optimize", Write | PragmaSet}, {`PRAGMA main."WAL_checkpoint"`, Write | PragmaSet},
	{"SELECT * FROM pragma_optimize", Write | PragmaSet}, {"SELECT 1 WHERE EXISTS (SELECT * FROM main.\"PRAGMA_optimize\"('65534'))", Write | PragmaSet}, {"SELECT * FROM 'pragma_Optimize'", Write | PragmaSet},
	{"WITH c AS (SELECT * FROM [pragma_optimize]) SELECT * FROM c", Write | PragmaSet}, {"EXPLAIN SELECT * FROM pragma_optimize", 0}, {"SELECT name FROM pragma_table_info('t')", PragmaRead},
	{"SELECT pragma FROM pragmata", 0}, {"EXPLAIN PRAGMA foreign_keys = 1", Write | PragmaSet}, {"EXPLAIN QUERY PLAN PRAGMA foreign_keys = 1", Write | PragmaSet}, {"PRAGMA", PragmaRead},
	{"BEGIN", Transaction}, {"BEGIN IMMEDIATE", Transaction}, {"COMMIT", Transaction}, {"end", Transaction}, {"ROLLBACK TO a", Transaction}, {"SAVEPOINT a", Transaction}, {"RELEASE a", Transaction},
	{"SELECT 1; SELECT 2", Multiple}, {"SELECT 1; DELETE FROM t", Multiple | Write | DeleteAll}, {"SELECT ';'; -- DROP\nVACUUM", Multiple | Write | Vacuum},
	{"CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END; DELETE FROM t", Multiple | Write | DDL | DeleteAll}, {"\ufeffDELETE FROM t", Write | DeleteAll}, {"\u017felect 1", Write},
}

func together(text string) (all Kind) {
	for _, k := range kindsOf(text) {
		all |= k
	}
	return all
}

func TestKinds(t *testing.T) {
	for _, test := range kinds {
		if got := together(test.text); got != test.want {
			t.Errorf("%q is %v, want %v", test.text, got, test.want)
		}
	}
	if s := (DDL | Write).String(); s != "DDL, write" {
		t.Error(s)
	}
}

// FuzzKinds runs texts with SQLite as the judge; see checkKinds.
func FuzzKinds(f *testing.F) {
	for _, test := range kinds {
		f.Add(test.text)
	}
	f.Fuzz(checkKinds)
}

func TestSQLiteAgreesOnKinds(t *testing.T) {
	for _, test := range kinds {
		checkKinds(t, test.text)
	}
}

// checkKinds executes text. What SQLite asks its authorizer for must be of a kind that the guard saw, unless
// something is explained, for SQLite asks for that too; and a text that is no Write must leave the
// database as it was. https://sqlite.org/c3ref/set_authorizer.html
func checkKinds(t *testing.T, text string) {
	db := open(t, ":memory:")
	defer db.Close()
	c := single(t, db)
	defer c.Close()
	must(t, exec(c, "CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t(a) VALUES (1), (2)"))
	before := image(t, c)
	asked := authorized(t, c, text)
	after, got := image(t, c), together(text)
	if got&Vacuum != 0 {
		asked &^= Attach // which is how SQLite opens the copy
	}
	if asked&^got != 0 && !explains(text) {
		t.Fatalf("%q is %v, but SQLite was asked for %v", text, got, asked)
	}
	if got&Write == 0 && after != before {
		t.Fatalf("%q is %v and changed the database", text, got)
	}
}

// image is the database and the settings a PRAGMA may change, as a string.
func image(t *testing.T, c *sql.Conn) (text string) {
	must(t, c.Raw(func(conn any) error {
		b, err := conn.(interface{ Serialize() ([]byte, error) }).Serialize()
		text = string(b)
		return err
	}))
	for _, setting := range []string{"foreign_keys", "recursive_triggers", "query_only", "cache_size", "temp_store"} {
		value := ""
		if err := c.QueryRowContext(background, "PRAGMA "+setting).Scan(&value); err != nil {
			value = "unreadable" // a text that was stopped in the middle
		}
		text += " " + value
	}
	return text
}

// authorized executes text and returns the kinds that SQLite asked leave for. ATTACH, and so VACUUM, are
// refused, for they may write files; a text may run for 100ms, for some are endless.
func authorized(t *testing.T, c *sql.Conn, text string) (asked Kind) {
	authorize := func(f sqlite.AuthorizerFn) {
		must(t, c.Raw(func(conn any) error { return conn.(sqlite.AuthorizerRegisterer).RegisterAuthorizer(f) }))
	}
	authorize(func(action sqlite.AuthorizerActionCode, arg1, arg2, _, _ string) sqlite.AuthorizerReturnCode {
		kind := kindAsked(action, arg1, arg2)
		asked |= kind
		if kind&Attach != 0 {
			return sqlite.AuthorizerDeny
		}
		return sqlite.AuthorizerOK
	})
	defer authorize(nil)
	ctx, cancel := context.WithTimeout(background, 100*time.Millisecond)
	defer cancel()
	c.ExecContext(ctx, text)
	return asked
}

func explains(text string) bool {
	return slices.ContainsFunc(sqltext.Split(text), func(stmt string) bool { return headOf(stmt).explained })
}

// kindAsked translates an action. Which PRAGMAs act is the guard's own notion, so SQLite is not asked.
func kindAsked(action sqlite.AuthorizerActionCode, arg1, arg2 string) Kind {
	switch action {
	case sqlite.AuthSelect, sqlite.AuthRead, sqlite.AuthFunction, sqlite.AuthRecursive:
		return 0
	case sqlite.AuthTransaction, sqlite.AuthSavepoint:
		return Transaction
	case sqlite.AuthAttach, sqlite.AuthDetach:
		return Attach
	case sqlite.AuthPragma:
		if arg2 == "" || asking[strings.ToLower(arg1)] {
			return 0
		}
		return PragmaSet
	case sqlite.AuthInsert, sqlite.AuthUpdate, sqlite.AuthDelete, sqlite.AuthAnalyze, sqlite.AuthReindex:
		return Write
	}
	if strings.HasPrefix(arg1, "sqlite_stat") {
		return Write // the tables of ANALYZE
	}
	return DDL | Write
}
