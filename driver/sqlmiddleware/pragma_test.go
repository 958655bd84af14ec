package sqlmiddleware

import (
	"errors"
	"testing"
)

// A SELECT from the table of PRAGMA optimize runs ANALYZE.
func TestPragmaTablesDoNotWrite(t *testing.T) {
	path := file(t)
	run(t, open(t, path), "CREATE INDEX ia ON t(a)")
	db := open(t, path, Guard(GuardConfig{Forbid: Write}))
	for _, query := range []string{"SELECT * FROM pragma_optimize(65534)", "SELECT 1 WHERE (SELECT count(*) FROM \"Pragma_Optimize\"(65534)) = 0"} {
		if rows, err := db.Query(query); !errors.Is(err, ErrForbidden) {
			for err == nil && rows.Next() {
			}
			t.Errorf("%s: %v", query, err)
		}
	}
	var tables int
	if must(t, db.QueryRow("SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_stat1'").Scan(&tables)); tables != 0 {
		t.Error("ANALYZE ran")
	}
}
