package sqlite

import (
	"slices"
	"testing"
)

// TestStatistics: what is read renews and restores.
func TestStatistics(t *testing.T) {
	indexed := rows + "; CREATE INDEX t_k ON t(k)"
	for name, c := range map[string]struct {
		statements []string
		renew      int
	}{
		"none":         {[]string{indexed}, 1},
		"full":         {[]string{indexed, "ANALYZE"}, 3},
		"no samples":   {[]string{indexed, "ANALYZE", "DROP TABLE sqlite_stat4"}, 3},
		"odd":          {[]string{indexed, "ANALYZE", "INSERT INTO sqlite_stat1 VALUES('it''s', NULL, x'00'), (NULL, 7, 1.5)"}, 3},
		"samples only": {[]string{indexed, "ANALYZE", "DROP TABLE sqlite_stat1"}, 3},
	} {
		path := create(t, c.statements...)
		s, err := opened(t, path).Statistics(t.Context())
		must(t, err)
		if len(s.Renew) != c.renew || s.Sampled["t_k"] != (s.Stat4) {
			t.Errorf("%s: %+v", name, s)
		}
		before := statRows(t, path)
		db := opened(t, path)
		must(t, db.Change(t.Context(), s.Renew, nil))
		if renewed := statRows(t, path); slices.Equal(before, renewed) != (name == "full") {
			t.Errorf("%s: renewed to %q", name, renewed)
		}
		must(t, db.Change(t.Context(), s.Restore, nil))
		if after := statRows(t, path); !slices.Equal(before, after) {
			t.Errorf("%s: restored to %q, was %q", name, after, before)
		}
	}
}

// statRows are the objects of a database and the rows of its statistics.
func statRows(t *testing.T, path string) []string {
	list := dump(t, path)
	db := bare(t, path)
	defer db.Close()
	for table, columns := range map[string][]string{"sqlite_stat1": {"tbl", "idx", "stat"}, "sqlite_stat4": {"tbl", "idx", "neq", "nlt", "ndlt", "sample"}} {
		var n int
		must(t, db.QueryRow("SELECT count(*) FROM sqlite_schema WHERE name = ?", table).Scan(&n))
		if n == 0 {
			continue
		}
		must(t, each(t.Context(), db, insertText(table, columns...), func(scan scanner) error {
			list = append(list, "")
			return scan(&list[len(list)-1])
		}))
	}
	slices.Sort(list)
	return list
}
