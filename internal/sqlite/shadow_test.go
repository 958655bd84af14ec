package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// TestShadowIsConsistent copies while a writer moves amounts between two tables: their sum is always
// the same.
func TestShadowIsConsistent(t *testing.T) {
	path := create(t, "PRAGMA journal_mode = wal", "CREATE TABLE a(id INTEGER PRIMARY KEY, n INT, filler)", "CREATE TABLE b(id INTEGER PRIMARY KEY, n INT)",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO a SELECT i, 10, zeroblob(200) FROM n",
		"INSERT INTO b SELECT id, 10 FROM a")
	app := bare(t, path)
	var wg sync.WaitGroup
	stop, moved := make(chan struct{}), make(chan struct{}, 1)
	wg.Go(func() {
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := move(app, i%2000+1); err != nil {
				t.Error(err)
				return
			}
			select {
			case moved <- struct{}{}:
			default:
			}
		}
	})
	db, err := Open(t.Context(), Config{Path: path, Live: true})
	must(t, err)
	for range 5 {
		<-moved
		s, err := db.Shadow(t.Context(), t.TempDir(), 1<<30)
		must(t, err)
		for _, r := range []*Replayer{s.Before, s.After} {
			var sum int
			must(t, r.conn.QueryRowContext(t.Context(), "SELECT (SELECT sum(n) FROM a) + (SELECT sum(n) FROM b)").Scan(&sum))
			if sum != 40_000 {
				t.Errorf("the copy has %d", sum)
			}
		}
		if s.Bytes != size(s.Before.path) || s.Bytes < 400_000 {
			t.Errorf("%d bytes", s.Bytes)
		}
		must(t, s.Close())
	}
	close(stop)
	wg.Wait()
	must(t, db.Close())
}

func move(db *sql.DB, id int) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.Exec("UPDATE a SET n = n - 1 WHERE id = ?", id); err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE b SET n = n + 1 WHERE id = ?", id); err != nil {
		return err
	}
	return tx.Commit()
}

// TestShadowKeeps: schema and statistics are those of the original, and neither copy nor original
// knows of what happens to the other.
func TestShadowKeeps(t *testing.T) {
	path := create(t, rows, "CREATE INDEX t_k ON t(k)", "ANALYZE", "PRAGMA user_version = 7")
	before := files(t, filepath.Dir(path))
	db := opened(t, path)
	s, err := db.Shadow(t.Context(), t.TempDir(), 1<<30)
	must(t, err)
	took, err := s.After.Change(t.Context(), []string{"CREATE INDEX t_s ON t(s)", "ANALYZE t_s"})
	if err != nil || took <= 0 {
		t.Errorf("took %v, %v", took, err)
	}
	if _, err := s.After.Change(t.Context(), []string{"CREATE INDEX t_x ON t(x)", "CREATE INDEX t_x ON t(x)"}); err == nil {
		t.Error("an index is made twice")
	}
	for name, list := range map[string][2]*Replayer{"t_s": {s.After, s.Before}, "t_k": {s.Before, nil}} {
		if n, err := list[0].IndexBytes(t.Context(), name); err != nil || n < 4096 || n%4096 != 0 {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
		if list[1] != nil {
			if n, err := list[1].IndexBytes(t.Context(), name); err != nil || n != 0 {
				t.Errorf("%s: %d bytes, %v", name, n, err)
			}
		}
	}
	var stats, version int
	must(t, s.Before.conn.QueryRowContext(t.Context(), "SELECT count(*), (SELECT user_version FROM pragma_user_version) FROM sqlite_stat1").Scan(&stats, &version))
	if stats != 1 || version != 7 {
		t.Errorf("%d statistics, version %d", stats, version)
	}
	p, err := s.After.Explain(t.Context(), "SELECT * FROM t WHERE s = 'x'", nil)
	if err != nil || !p.Uses("t_s") {
		t.Errorf("%v\n%s", err, p)
	}
	must(t, s.After.Set(t.Context(), "PRAGMA cache_size = 10"))
	must(t, s.Close())
	if after := files(t, filepath.Dir(path)); !maps.Equal(before, after) {
		t.Error("the original changed")
	}
}

// TestShadowIsRemoved: nothing is left of it after Close, a refusal, or a cancelled context.
func TestShadowIsRemoved(t *testing.T) {
	path := create(t, rows)
	db, dir := opened(t, path), t.TempDir()
	s, err := db.Shadow(t.Context(), dir, 1<<30)
	must(t, err)
	if len(files(t, dir)) != 1 {
		t.Error("the copy is elsewhere")
	}
	must(t, s.Close())
	if _, err := db.Shadow(t.Context(), dir, size(path)-1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.Shadow(ended, dir, 1<<30); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	s, err = db.Shadow(t.Context(), dir, size(path))
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Before.Run(ctx, trial.Call{SQL: "SELECT count(*) FROM t"}); err == nil {
		t.Error("a cancelled run succeeds")
	}
	must(t, s.Close())
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("%d entries left", len(left))
	}
	if _, err := db.Shadow(t.Context(), filepath.Join(dir, "missing"), 1<<30); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestRoom: a disk that is too full is told with its numbers before anything is copied.
func TestRoom(t *testing.T) {
	for _, test := range []struct {
		free  int64
		known bool
		want  string
	}{
		{1000, true, ""}, {999, true, "database too large for a shadow copy: 999 bytes free in /tmp, needs 1000"}, {0, false, ""},
	} {
		err := room(func(string) (int64, bool) { return test.free, test.known }, "/tmp/copies", 1000)
		if (err == nil) != (test.want == "") || err != nil && (!errors.Is(err, ErrTooLarge) || err.Error() != test.want) {
			t.Errorf("%+v: %v", test, err)
		}
	}
}
