package advisor

import (
	"strings"
	"testing"
)

func TestOffsetPaging(t *testing.T) {
	sequential(t)
	path := create(t, events, eventRows(8000), "CREATE VIEW v AS SELECT * FROM event",
		"CREATE TABLE nullable(id INTEGER PRIMARY KEY, a); CREATE INDEX nullable_a ON nullable(a)", filled("nullable", 6000, "i, nullif(i, 5)"),
		`CREATE TABLE pairs("a b", b, x, PRIMARY KEY("a b", b)) WITHOUT ROWID`, filled("pairs", 6000, "i / 3, i, 'x'"))
	for _, c := range []struct{ name, workload, want string }{
		{"deep", "SELECT id, note FROM event ORDER BY created LIMIT 20 OFFSET 7000",
			"SELECT id, note FROM event WHERE (created, event.id) > (?, ?) ORDER BY created, event.id LIMIT ?"},
		{"by key", `{"sql": "SELECT note FROM event ORDER BY id DESC LIMIT ? OFFSET ?", "params": [20, 7000]}`,
			"SELECT note FROM event WHERE id < ? ORDER BY id DESC LIMIT ?"},
		{"with conditions", `{"sql": "SELECT e.note FROM event e WHERE e.n > ? OR e.n < 0 ORDER BY e.created DESC LIMIT 7000, 20", "params": [3]}`,
			"SELECT e.note FROM event e WHERE (e.n > ? OR e.n < ?) AND (e.created, e.id) < (?, ?) ORDER BY e.created DESC, e.id DESC LIMIT ?"},
		{"without rowid", `SELECT x FROM pairs ORDER BY "a b" LIMIT 20 OFFSET 5500`,
			`SELECT x FROM pairs WHERE ("a b", pairs."a b", pairs.b) > (?, ?, ?) ORDER BY "a b", pairs."a b", pairs.b LIMIT ?`},
		{"shallow", "SELECT id, note FROM event ORDER BY created LIMIT 20 OFFSET 100", ""},
		{"an unknown offset", "SELECT id, note FROM event ORDER BY created LIMIT ? OFFSET ?", ""},
		{"no order", "SELECT id, note FROM event LIMIT 20 OFFSET 7000", ""},
		{"two directions", "SELECT id, note FROM event ORDER BY created, id DESC LIMIT 20 OFFSET 7000", ""},
		{"an expression", "SELECT id, note FROM event ORDER BY lower(created) LIMIT 20 OFFSET 7000", ""},
		{"beyond the end", "SELECT id, note FROM event ORDER BY created LIMIT 20 OFFSET 99000", ""},
		{"NULL in the order", "SELECT id FROM nullable ORDER BY a LIMIT 20 OFFSET 5000", ""},
		{"a view", "SELECT id FROM v ORDER BY created LIMIT 20 OFFSET 7000", ""},
		{"a small table", "SELECT id FROM small ORDER BY created LIMIT 20 OFFSET 1000", ""},
	} {
		rewrites(t, "QY06", path, c.name, c.workload, c.want)
	}
}

func TestNotIn(t *testing.T) {
	sequential(t)
	path := create(t, "CREATE TABLE member(id INTEGER PRIMARY KEY, name TEXT, team INT)", filled("member", 40, "i, 'n', i"),
		`CREATE TABLE visit(id INTEGER PRIMARY KEY, "member id" INT NOT NULL, loose INT, holes INT, kind INT); CREATE INDEX v1 ON visit("member id"); CREATE INDEX v2 ON visit(loose); CREATE INDEX v3 ON visit(holes)`,
		filled("visit", 6000, "i, i % 30 + 1, i % 30 + 1, nullif(i % 30 + 1, 7), i % 7"))
	for _, c := range []struct{ name, workload, want string }{
		{"NOT NULL", `SELECT name FROM member WHERE id NOT IN (SELECT "member id" FROM visit WHERE kind < 2)`,
			`SELECT name FROM member WHERE NOT EXISTS (SELECT 1 FROM visit WHERE (kind < ?) AND visit."member id" = member.id)`},
		{"without NULL now", "SELECT m.name FROM member AS m WHERE m.team > 3 AND m.id NOT IN (SELECT v.loose FROM visit v WHERE v.kind < 2)",
			"SELECT m.name FROM member AS m WHERE m.team > ? AND NOT EXISTS (SELECT 1 FROM visit v WHERE (v.kind < ?) AND v.loose = m.id)"},
		{"NULL in the list", "SELECT name FROM member WHERE id NOT IN (SELECT holes FROM visit WHERE kind < 2)", ""},
		{"IN", "SELECT name FROM member WHERE id IN (SELECT loose FROM visit WHERE kind < 2)", ""},
		{"values", "SELECT name FROM member WHERE id NOT IN (1, 2, 3)", ""},
		{"no index", "SELECT name FROM member WHERE id NOT IN (SELECT kind FROM visit)", ""},
		{"the same table", "SELECT id FROM visit WHERE id NOT IN (SELECT loose FROM visit WHERE kind < 2)", ""},
		{"with a limit", "SELECT name FROM member WHERE id NOT IN (SELECT loose FROM visit WHERE kind < 2 LIMIT 100)", ""},
	} {
		rewrites(t, "QY07", path, c.name, c.workload, c.want)
	}
}

func TestOrUnion(t *testing.T) {
	sequential(t)
	path := create(t, events, eventRows(6000), "CREATE TABLE tag(id INTEGER PRIMARY KEY, event INT, word TEXT, weight INT); CREATE INDEX tag_event ON tag(event); CREATE INDEX tag_word ON tag(word)",
		filled("tag", 6000, "i, i, 'w' || i, i"))
	for _, c := range []struct{ name, workload, want string }{
		{"two tables", "SELECT event.id, tag.weight FROM event JOIN tag ON tag.event = event.id WHERE event.n = 5 OR tag.word = 'w77'",
			"SELECT event.id, tag.weight FROM event JOIN tag ON tag.event = event.id WHERE ((event.n = ?1))" +
				" UNION ALL SELECT event.id, tag.weight FROM event JOIN tag ON tag.event = event.id WHERE ((tag.word = ?2) AND (event.n = ?1) IS NOT TRUE)"},
		{"one table, searched by each", "SELECT id FROM event WHERE n = 5 OR kind = 'k8'", ""},
		{"no index for one", "SELECT id FROM event WHERE n = 5 OR note = 'k8'", ""},
		{"sums", "SELECT count(*) FROM event JOIN tag ON tag.event = event.id WHERE event.n = 5 OR tag.word = 'w77'", ""},
		{"ordered", "SELECT event.id FROM event JOIN tag ON tag.event = event.id WHERE event.n = 5 OR tag.word = 'w77' ORDER BY 1", ""},
		{"AND", "SELECT event.id FROM event JOIN tag ON tag.event = event.id WHERE event.n = 5 AND tag.word = 'w77'", ""},
	} {
		rewrites(t, "QY07", path, c.name, c.workload, c.want)
	}
}

// TestForms: what no copy is needed for is advised by its plan alone, and what must be measured is not.
func TestFormsWithoutProof(t *testing.T) {
	path := create(t, events, eventRows(6000))
	report, err := Analyze(t.Context(), path, readWorkload(t, "SELECT * FROM event WHERE date(created) = '2024-03-01'\nSELECT id FROM event ORDER BY created LIMIT 20 OFFSET 5000"), Options{NoProof: true})
	must(t, err)
	var codes []string
	for _, r := range report.Recommendations {
		if r.Type == "query" {
			codes = append(codes, r.Code)
			if r.Rewrite.Checked || r.Basis != "rule" {
				t.Errorf("%+v", r)
			}
		}
	}
	if strings.Join(codes, " ") != "QY01 QY06" && strings.Join(codes, " ") != "QY06 QY01" {
		t.Errorf("advised %q", codes)
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]string{
		"a = ? AND b = ?":                  "a = ?1 AND b = ?2",
		"a = ?5 AND b = ? AND c = ?":       "a = ?5 AND b = ?6 AND c = ?7",
		"a = :x AND b = ? AND c = :x":      "a = :x AND b = ?2 AND c = :x",
		"a = '?' AND b = $3 AND c = ? --?": "a = '?' AND b = $3 AND c = ?4 --?",
	} {
		if got := numbered(text); got != want || numbered(got) != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}
