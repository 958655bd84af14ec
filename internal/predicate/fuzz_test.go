package predicate

import (
	"strings"
	"testing"
)

// hostile are texts that nest, chain or number without end.
func hostile(n int) []string {
	return []string{
		"SELECT " + strings.Repeat("(", n), "SELECT " + strings.Repeat("(", n) + "1" + strings.Repeat(")", n),
		"SELECT " + strings.Repeat("- ", n) + "1", "SELECT " + strings.Repeat("NOT ", n) + "1",
		"SELECT 1" + strings.Repeat(" OR 1", n), "SELECT 1" + strings.Repeat(" || 1", n),
		"SELECT a" + strings.Repeat(" BETWEEN 1 AND a", n), "SELECT " + strings.Repeat("CASE WHEN ", n),
		"SELECT * FROM " + strings.Repeat("(", n) + "t", strings.Repeat("SELECT * FROM (", n),
		"SELECT " + strings.Repeat("f(", n), "SELECT " + strings.Repeat("(SELECT ", n),
		"SELECT " + strings.Repeat("1 IN (", n), "SELECT CAST(1 AS " + strings.Repeat("(", n),
		strings.Repeat("WITH q AS (", n), "SELECT sum(a) OVER " + strings.Repeat("(", n),
		"SELECT ?32767", "SELECT ?" + strings.Repeat("9", n), "SELECT ?" + strings.Repeat(", ?", n),
	}
}

// TestReadBounds reads texts deeper than SQLite allows: an error, in little time and stack.
func TestReadBounds(t *testing.T) {
	for _, sql := range hostile(100_000) {
		if _, err := Read(sql); err == nil {
			t.Errorf("%.40s… is read", sql)
		}
	}
	for _, sql := range hostile(100) {
		if s, err := Read(sql); err == nil && s.Count > paramLimit {
			t.Errorf("%.40s… has %d parameters", sql, s.Count)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, list := range [][][2]string{selects, changes, refused} {
		for _, c := range list {
			f.Add(c[0])
		}
	}
	for _, sql := range hostile(5) {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		s, err := Read(sql)
		if err != nil {
			return
		}
		render(s)
		for n := range s.Params {
			if n < 1 || n > s.Count {
				t.Fatalf("parameter %d of %d in %q", n, s.Count, sql)
			}
		}
		for _, b := range s.Blocks {
			b.Walk(func(e *Expr) {
				if !strings.Contains(sql, e.Text) {
					t.Fatalf("%q is no text of %q", e.Text, sql)
				}
			})
		}
	})
}
