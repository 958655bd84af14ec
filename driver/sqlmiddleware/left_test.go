package sqlmiddleware

import (
	"errors"
	"testing"

	"modernc.org/sqlite"
)

// left are the busy statements that must not be tried again, after what comes before them.
var left = []struct {
	name           string
	before, script []string
}{
	{"transaction by text", []string{"BEGIN", "SELECT a FROM t"}, []string{"INSERT INTO t(a) VALUES (3)"}},
	{"deferred transaction before its first statement", []string{"BEGIN"}, []string{"INSERT INTO t(a) VALUES (3)"}},
	{"savepoint", []string{"savepoint a", "SELECT a FROM t"}, []string{"INSERT INTO t(a) VALUES (3)"}},
	{"inner savepoint released", []string{"SAVEPOINT a", "SAVEPOINT b", "RELEASE SAVEPOINT b"}, []string{"INSERT INTO t(a) VALUES (3)"}},
	{"rolled back to", []string{"BEGIN", "SAVEPOINT a", "ROLLBACK TO a"}, []string{"INSERT INTO t(a) VALUES (3)"}},
	{"begun within a text", []string{"SELECT 1; BEGIN"}, []string{"INSERT INTO t(a) VALUES (3)"}},
	{"several statements", nil, []string{"SELECT 1; INSERT INTO t(a) VALUES (3)"}},
	{"several statements, the first is busy", nil, []string{"INSERT INTO t(a) VALUES (3); SELECT 1"}},
}

func TestLeftAlone(t *testing.T) {
	for _, test := range left {
		t.Run(test.name, func(t *testing.T) {
			path := file(t)
			unlock := lock(t, path, "IMMEDIATE")
			retry := Retry(RetryConfig{Delay: -1})
			c := single(t, open(t, path, retry))
			for _, query := range test.before {
				must(t, exec(c, query))
			}
			for _, query := range test.script {
				if err := exec(c, query); !isBusy(err) {
					t.Errorf("%s: %v, want busy", query, err)
				}
			}
			if s := retry.Stats(); s != (RetryStats{Left: 1}) {
				t.Errorf("%+v", s)
			}
			unlock()
			if n := count(t, path); n != 2 {
				t.Errorf("%d rows, want 2", n)
			}
		})
	}
}

func TestTransactionsAreLeftAlone(t *testing.T) {
	path := file(t)
	unlock := lock(t, path, "IMMEDIATE")
	retry := Retry(RetryConfig{Delay: -1})
	c := single(t, open(t, path, retry))
	insert, err := c.PrepareContext(background, "INSERT INTO t(a) VALUES (3)")
	must(t, err)
	defer insert.Close()
	tx, err := c.BeginTx(background, nil)
	must(t, err)
	must(t, tx.QueryRow("SELECT a FROM t").Scan(new(int)))
	_, plain := tx.Exec("INSERT INTO t(a) VALUES (3)")
	_, prepared := tx.Stmt(insert).Exec()
	_, query := tx.Query("INSERT INTO t(a) VALUES (3) RETURNING id")
	if !isBusy(plain) || !isBusy(prepared) || !isBusy(query) {
		t.Errorf("%v, %v and %v, want busy", plain, prepared, query)
	}
	if s := retry.Stats(); s != (RetryStats{Left: 3}) {
		t.Errorf("%+v", s)
	}
	must(t, tx.Rollback())
	unlock()
	if n := count(t, path); n != 2 || len(retry.open.open) != 0 {
		t.Errorf("%d rows, want 2; %d transactions open, want none", n, len(retry.open.open))
	}
}

// TestCommitIsLeftAlone: in rollback-journal mode a reader keeps a writer from committing.
func TestCommitIsLeftAlone(t *testing.T) {
	path := file(t)
	reader := single(t, open(t, path))
	must(t, errors.Join(exec(reader, "BEGIN"), exec(reader, "SELECT a FROM t")))
	retry := Retry(RetryConfig{Delay: -1})
	c := single(t, open(t, path, retry))
	must(t, errors.Join(exec(c, "BEGIN"), exec(c, "INSERT INTO t(a) VALUES (3)")))
	if err := exec(c, "COMMIT"); !isBusy(err) {
		t.Errorf("commit by text: %v, want busy", err)
	}
	if n := len(retry.open.open); n != 1 {
		t.Errorf("%d open transactions, want the one that did not commit", n)
	}
	must(t, errors.Join(exec(reader, "COMMIT"), exec(c, "COMMIT"), exec(reader, "BEGIN"), exec(reader, "SELECT a FROM t")))
	tx, err := c.BeginTx(background, nil)
	must(t, err)
	_, err = tx.Exec("INSERT INTO t(a) VALUES (4)")
	must(t, err)
	if err := tx.Commit(); !isBusy(err) {
		t.Errorf("commit: %v, want busy", err)
	}
	must(t, exec(reader, "COMMIT"))
	if s, n := retry.Stats(), count(t, path); s.Retries != 0 || n != 3 {
		t.Errorf("%+v and %d rows, want no retry and 3", s, n)
	}
}

// TestNextIsLeftAlone: the same refused after rows were handed out.
func TestNextIsLeftAlone(t *testing.T) {
	path := file(t)
	reader := single(t, open(t, path))
	must(t, errors.Join(exec(reader, "BEGIN"), exec(reader, "SELECT a FROM t")))
	retry := Retry(RetryConfig{Delay: -1})
	err := readAll(single(t, open(t, path, retry)).QueryContext(background, "INSERT INTO t(a) VALUES (3) RETURNING id"))
	must(t, exec(reader, "COMMIT"))
	if s, n := retry.Stats(), count(t, path); !isBusy(err) || s != (RetryStats{}) || n != 2 {
		t.Errorf("%v, %+v and %d rows", err, s, n)
	}
}

func TestSnapshotIsLeftAlone(t *testing.T) {
	path := file(t)
	other := open(t, path)
	run(t, other, "PRAGMA journal_mode=WAL")
	retry := Retry(RetryConfig{Delay: -1})
	tx, err := open(t, path, retry).Begin()
	must(t, err)
	defer tx.Rollback()
	must(t, tx.QueryRow("SELECT a FROM t").Scan(new(int)))
	run(t, other, "INSERT INTO t(a) VALUES (3)")
	_, err = tx.Exec("INSERT INTO t(a) VALUES (4)")
	failure, ok := errors.AsType[*sqlite.Error](err)
	if !ok || failure.Code() != 517 || isBusy(err) || retry.Stats() != (RetryStats{}) {
		t.Errorf("%v and %+v, want SQLITE_BUSY_SNAPSHOT left alone", err, retry.Stats())
	}
}
