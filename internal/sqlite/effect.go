package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// InEffect says whether what the statements make is so in the database itself: each index created
// is there, each index dropped is not, each pragma has its value. known is false if none of them is of
// these kinds: nobody can tell by looking whether ANALYZE has run.
func InEffect(ctx context.Context, tx *sql.Tx, statements []string) (yes, known bool, err error) {
	yes = true
	for _, text := range statements {
		so, can, err := inEffect(ctx, tx, text)
		if err != nil {
			return false, false, err
		}
		known = known || can
		yes = yes && (so || !can)
	}
	return yes && known, known, nil
}

func inEffect(ctx context.Context, tx *sql.Tx, text string) (so, known bool, err error) {
	w := words(text)
	switch {
	case w.keywords("CREATE", "UNIQUE", "INDEX"):
		so, err = hasIndex(ctx, tx, w.name(3))
	case w.keywords("CREATE", "INDEX"):
		so, err = hasIndex(ctx, tx, w.name(2))
	case w.keywords("DROP", "INDEX"):
		so, err = hasIndex(ctx, tx, w.name(2))
		so = !so
	case w.keywords("PRAGMA") && len(w) == 4 && w[2] == "=":
		var got sql.NullString
		err = tx.QueryRowContext(ctx, "PRAGMA "+w[1]).Scan(&got)
		if errors.Is(err, sql.ErrNoRows) {
			return false, false, nil
		}
		so = strings.EqualFold(got.String, w[3])
	default:
		return false, false, nil
	}
	return so, true, err
}

func hasIndex(ctx context.Context, tx *sql.Tx, name string) (yes bool, err error) {
	err = tx.QueryRowContext(ctx, "SELECT count(*) > 0 FROM sqlite_schema WHERE type = 'index' AND name = ? COLLATE NOCASE", name).Scan(&yes)
	return yes, err
}

// tokens are the tokens of a statement as they are written, the first few of them.
type tokens []string

func words(text string) (list tokens) {
	for pos := 0; len(list) < 12; {
		t := sqltext.Next(text, pos)
		if t.Kind == sqltext.EOF {
			break
		}
		list, pos = append(list, t.Text(text)), t.End
	}
	if n := len(list); n > 0 && list[n-1] == ";" {
		list = list[:n-1]
	}
	return list
}

func (w tokens) keywords(want ...string) bool {
	for i, k := range want {
		if i >= len(w) || !strings.EqualFold(w[i], k) {
			return false
		}
	}
	return true
}

// name is the identifier at place i, behind IF [NOT] EXISTS and the name of the schema.
func (w tokens) name(i int) string {
	for i < len(w) && (strings.EqualFold(w[i], "IF") || strings.EqualFold(w[i], "NOT") || strings.EqualFold(w[i], "EXISTS")) {
		i++
	}
	if i+2 < len(w) && w[i+1] == "." {
		i += 2
	}
	if i >= len(w) {
		return ""
	}
	return sqltext.Name(w[i])
}

// Mark is a hash of the schema and of what ANALYZE has found: equal marks mean that neither changed.
func (db *DB) Mark(ctx context.Context) (string, error) {
	tx, err := db.read.BeginTx(ctx, nil)
	if err != nil {
		return "", fileError(db.path, err, db.busy)
	}
	defer tx.Rollback()
	return Mark(ctx, tx)
}

// Mark is DB.Mark within a transaction.
func Mark(ctx context.Context, tx *sql.Tx) (string, error) {
	h := fnv.New64a()
	add := func(scan scanner) error {
		var a, b, c string
		if err := scan(&a, &b, &c); err != nil {
			return err
		}
		fmt.Fprintf(h, "%q%q%q", a, b, c)
		return nil
	}
	if err := each(ctx, tx, "SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY 1, 2", add); err != nil {
		return "", err
	}
	for _, q := range []struct{ table, text string }{
		{"sqlite_stat1", "SELECT tbl, coalesce(idx, ''), coalesce(stat, '') FROM sqlite_stat1 ORDER BY 1, 2, 3"},
		{"sqlite_stat4", "SELECT tbl, coalesce(idx, ''), hex(sample) FROM sqlite_stat4 ORDER BY 1, 2, 3"},
	} {
		var has bool
		if err := tx.QueryRowContext(ctx, "SELECT count(*) > 0 FROM sqlite_schema WHERE name = ?", q.table).Scan(&has); err != nil {
			return "", err
		}
		if !has {
			continue
		}
		if err := each(ctx, tx, q.text, add); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%016x", h.Sum64()), nil
}
