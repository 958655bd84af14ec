package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Number runs a query on the copy that returns one number, such as a count.
func (r *Replayer) Number(ctx context.Context, query string, args ...any) (int64, error) {
	var n sql.NullInt64
	err := r.conn.QueryRowContext(ctx, query, args...).Scan(&n)
	return n.Int64, err
}

// Vacuum rebuilds the copy and says how long that took. https://sqlite.org/lang_vacuum.html
func (r *Replayer) Vacuum(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	_, err := r.conn.ExecContext(ctx, "VACUUM")
	return time.Since(start), err
}

// Reload makes the copy's connection read the schema and its statistics anew: it would go on with
// those of tables that it has dropped. https://sqlite.org/pragma.html#pragma_writable_schema
func (r *Replayer) Reload(ctx context.Context) error {
	return r.Set(ctx, "PRAGMA writable_schema = RESET")
}

// Count counts the rows of a table of the copy.
func (r *Replayer) Count(ctx context.Context, table string) (int64, error) {
	return r.Number(ctx, "SELECT count(*) FROM "+quote(table))
}

// FreeBytes is what may still be written to the disk that holds the database, if that is known.
func (db *DB) FreeBytes() (bytes int64, ok bool) { return freeBytes(filepath.Dir(db.path)) }

// SameDisk says whether the copies lie on the disk of the original, where that is known.
func (s *Shadow) SameDisk(db *DB) bool {
	a, okA := device(s.dir)
	b, okB := device(filepath.Dir(db.path))
	return okA && okB && a == b
}

// Variant is a third copy, rebuilt, for what cannot be tried on the other two: commits, and another
// page size.
type Variant struct {
	Replayer *Replayer
	Bytes    int64
	Took     time.Duration // to rebuild it

	path string
}

// Variant copies the copy before, with a page size, 0 for the same. The caller closes it; Shadow.Close
// removes what is left of it in any case. VACUUM INTO takes over the page size that is asked for,
// also in WAL mode. https://sqlite.org/lang_vacuum.html#vacuuminto
func (s *Shadow) Variant(ctx context.Context, pageSize int64) (_ *Variant, err error) {
	if err := room(freeBytes, s.dir, s.Bytes+headroom); err != nil {
		return nil, err
	}
	v := &Variant{path: filepath.Join(s.dir, "variant.db")}
	defer func() {
		if err != nil {
			err = errors.Join(err, v.Close())
		}
	}()
	if pageSize != 0 {
		if err := s.Before.Set(ctx, fmt.Sprintf("PRAGMA page_size = %d", pageSize)); err != nil {
			return nil, err
		}
	}
	start := time.Now()
	if _, err := s.Before.conn.ExecContext(ctx, "VACUUM INTO ?", v.path); err != nil {
		return nil, fmt.Errorf("copy the copy: %w", err)
	}
	v.Took, v.Bytes = time.Since(start), size(v.path)
	v.Replayer, err = openReplayer(ctx, v.path, nil)
	return v, err
}

// Close deletes the copy.
func (v *Variant) Close() error {
	var errs []error
	if v.Replayer != nil {
		errs = append(errs, v.Replayer.close())
	}
	return errors.Join(append(errs, removeDatabase(v.path))...)
}

// removeDatabase deletes a database and what lies beside it.
func removeDatabase(path string) error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
