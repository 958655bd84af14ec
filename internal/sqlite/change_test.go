package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dump is every object and statistic of the file.
func dump(t testing.TB, path string) (list []string) {
	t.Helper()
	db := bare(t, path)
	defer db.Close()
	must(t, each(t.Context(), db, "SELECT name || ': ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1", func(scan scanner) error {
		list = append(list, "")
		return scan(&list[len(list)-1])
	}))
	return list
}

// TestChangeIsAllOrNothing: if one statement fails, or the guard or the context objects, nothing has
// happened.
func TestChangeIsAllOrNothing(t *testing.T) {
	path := create(t, rows)
	db := opened(t, path)
	before := fmt.Sprint(dump(t, path))
	refused := errors.New("refused")
	ended, cancel := context.WithCancel(t.Context())
	for _, c := range []struct {
		statements []string
		guard      func(context.Context, *sql.Tx) error
		want       string
	}{
		{[]string{"CREATE INDEX a ON t(k)", "CREATE INDEX b ON t(nothing)"}, nil, "b ON t(nothing)"},
		{[]string{"CREATE INDEX a ON t(k)", "PRAGMA user_version = 3"}, nil, "cannot be combined"},
		{[]string{"CREATE INDEX a ON t(k)", "CREATE INDEX a ON t(k)"}, nil, "already exists"},
		{[]string{"CREATE INDEX a ON t(k)"}, func(context.Context, *sql.Tx) error { return refused }, "refused"},
		{[]string{"CREATE INDEX a ON t(k)"}, func(context.Context, *sql.Tx) error { cancel(); return nil }, "cancel"},
	} {
		ctx := t.Context()
		if c.want == "cancel" {
			ctx = ended
		}
		err := db.Change(ctx, c.statements, c.guard)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v", c.statements, err)
		}
		if after := fmt.Sprint(dump(t, path)); after != before {
			t.Fatalf("%q left %s", c.statements, after)
		}
	}
}

// TestChange makes hostile names, and the guard sees the schema as it is under the write lock.
func TestChange(t *testing.T) {
	path := create(t, rows)
	db := opened(t, path)
	s, err := db.Schema(t.Context())
	must(t, err)
	guard := func(ctx context.Context, tx *sql.Tx) error {
		var version int64
		if err := tx.QueryRowContext(ctx, "PRAGMA schema_version").Scan(&version); err != nil || version != s.Version {
			return fmt.Errorf("version %d: %w", version, err)
		}
		if _, err := bare(t, path).Exec("CREATE TABLE other(a)"); err == nil {
			return errors.New("another writer gets through")
		}
		return nil
	}
	must(t, db.Change(t.Context(), []string{"CREATE INDEX \"i'\n\"\"😀\" ON t(k)", "ANALYZE \"i'\n\"\"😀\""}, guard))
	if got := len(dump(t, path)); got < 3 {
		t.Errorf("%d objects", got)
	}
	if _, err := db.Explain(t.Context(), "SELECT * FROM t INDEXED BY \"i'\n\"\"😀\" WHERE k = 1", nil); err != nil {
		t.Error(err)
	}
	if err := db.Change(t.Context(), []string{"DROP INDEX \"i'\n\"\"😀\""}, guard); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("got %v", err)
	}
}

// TestChangePragma: a pragma stands alone, and one that did not take is an error.
func TestChangePragma(t *testing.T) {
	path := create(t, rows)
	db := opened(t, path)
	must(t, db.Change(t.Context(), []string{"PRAGMA journal_mode = wal"}, nil))
	must(t, db.Change(t.Context(), []string{"PRAGMA user_version = 3"}, nil))
	list, err := db.Pragmas(t.Context())
	must(t, err)
	if got := fmt.Sprint(list); !strings.Contains(got, "{journal_mode wal}") || !strings.Contains(got, "{user_version 3}") {
		t.Errorf("got %s", got)
	}
	must(t, db.Change(t.Context(), []string{"pragma journal_mode = DELETE;"}, nil))
	if err := db.Change(t.Context(), []string{"PRAGMA journal_mode = sideways"}, nil); err == nil || !strings.Contains(err.Error(), "answered") {
		t.Errorf("got %v", err)
	}
	if names := files(t, filepath.Dir(path)); len(names) != 1 {
		t.Errorf("%d files", len(names))
	}
}

// TestChangeWaits for another writer up to the busy timeout, then names the file.
func TestChangeWaits(t *testing.T) {
	path := create(t, rows)
	db := opened(t, path)
	app := bare(t, path)
	run(t, app, "BEGIN IMMEDIATE")
	err := db.Change(t.Context(), []string{"CREATE INDEX a ON t(k)"}, nil)
	var failed *FileError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "is locked by another process (waited 50ms)") {
		t.Errorf("got %v", err)
	}
	run(t, app, "COMMIT")
	patient, err := Open(t.Context(), Config{Path: path, BusyTimeout: 10 * time.Second})
	must(t, err)
	defer patient.Close()
	run(t, app, "BEGIN IMMEDIATE")
	done := make(chan error)
	go func() { done <- patient.Change(t.Context(), []string{"CREATE INDEX a ON t(k)"}, nil) }()
	select {
	case err := <-done:
		t.Errorf("not waited: %v", err)
	default:
	}
	run(t, app, "COMMIT")
	must(t, <-done)
}

// TestChangeVacuum: VACUUM stands alone, outside a transaction.
func TestChangeVacuum(t *testing.T) {
	path := create(t, rows, "DELETE FROM t WHERE id > 100")
	before := size(path)
	db := opened(t, path)
	must(t, db.Change(t.Context(), []string{"VACUUM;"}, nil))
	if after := size(path); after >= before/2 {
		t.Errorf("%d bytes of %d are left", after, before)
	}
	if err := db.Change(t.Context(), []string{"ANALYZE", "vacuum"}, nil); err == nil {
		t.Error("VACUUM was combined with ANALYZE")
	}
	if got := fmt.Sprint(dump(t, path)); got != "[t: CREATE TABLE t(id INTEGER PRIMARY KEY, k INT, s TEXT, x BLOB)]" {
		t.Errorf("left %s", got)
	}
	if free, ok := db.FreeBytes(); ok && free <= 0 {
		t.Errorf("%d bytes free", free)
	}
}
