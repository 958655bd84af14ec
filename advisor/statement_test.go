package advisor

import (
	"strings"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

const events = `CREATE TABLE event(id INTEGER PRIMARY KEY, created TEXT NOT NULL, day DATETIME, n INTEGER, kind TEXT, note TEXT, "größe x" INTEGER);
	CREATE INDEX event_created ON event(created); CREATE INDEX event_day ON event(day); CREATE INDEX event_n ON event(n);
	CREATE INDEX event_kind ON event(kind); CREATE INDEX event_size ON event("größe x");
	CREATE TABLE small(id INTEGER PRIMARY KEY, created TEXT); CREATE INDEX small_created ON small(created);`

func eventRows(n int) string {
	return filled("event", n, "i, datetime('2024-01-01', '+' || i || ' hours'), datetime('2024-01-01', '+' || i || ' hours'), i, nullif('k' || (i % 900), 'k7'), 'note ' || i, i") +
		filled("small", 50, "i, datetime('2024-01-01', '+' || i || ' hours')")
}

func TestNonSargable(t *testing.T) {
	path := create(t, events, eventRows(20_000), "CREATE TABLE code(id INTEGER PRIMARY KEY, number TEXT); CREATE INDEX code_number ON code(number)",
		filled("code", 20_000, "i, iif(i = 20000, '0' || i, i)"))
	for _, c := range []struct{ name, workload, want string }{
		{"a text and a number", "SELECT code.id FROM event CROSS JOIN code ON code.number = event.n WHERE event.id < 50", "SELECT code.id FROM event CROSS JOIN code ON code.number = CAST(event.n AS TEXT) WHERE event.id < ?"},
		{"a text that is no number's", "SELECT code.id FROM event CROSS JOIN code ON code.number = event.n WHERE event.id > 19990", ""},
		{"two texts", "SELECT code.id FROM event CROSS JOIN code ON code.number = event.kind WHERE event.id < 50", ""},
		{"a day", "SELECT * FROM event WHERE date(created) = '2024-03-01'", "SELECT * FROM event WHERE created >= date(?1) AND created < date(?1, '+1 day')"},
		{"a parameter", `{"sql": "SELECT note FROM event WHERE date(created) = ? AND n > ?", "params": ["2024-03-01", 5]}`, "SELECT note FROM event WHERE created >= date(?1) AND created < date(?1, '+1 day') AND n > ?2"},
		{"turned round, declared as a time", "SELECT note FROM event WHERE '2024-03-01' = DATE(day)", "SELECT note FROM event WHERE day >= date(?1) AND day < date(?1, '+1 day')"},
		{"from a day on", "SELECT note FROM event WHERE date(created) > '2026-03-01'", "SELECT note FROM event WHERE created >= date(?, '+1 day')"},
		{"between days", "SELECT note FROM event e WHERE date(e.created) BETWEEN '2026-03-01' AND '2026-03-03'", "SELECT note FROM event e WHERE e.created >= date(?) AND e.created < date(?, '+1 day')"},
		{"a month", "SELECT note FROM event WHERE strftime('%Y-%m', created) = '2024-03'", "SELECT note FROM event WHERE created >= date(?1 || '-01') AND created < date(?1 || '-01', '+1 month')"},
		{"a sum", "SELECT note FROM event WHERE n + 5 = 100", "SELECT note FROM event WHERE n = (?) - (?)"},
		{"a difference", "SELECT note FROM event WHERE 10000 - n > 9990", "SELECT note FROM event WHERE n < (?) - (?)"},
		{"the rowid", "SELECT note FROM event WHERE id - 3 = 100", "SELECT note FROM event WHERE id = (?) + (?)"},
		{"a cast", `SELECT note FROM event WHERE CAST("größe x" AS INTEGER) = 77`, `SELECT note FROM event WHERE "größe x" = ?`},
		{"a default", "SELECT note FROM event WHERE coalesce(kind, 'none') = 'k8'", "SELECT note FROM event WHERE (kind = ?1 OR kind IS NULL AND ?2 = ?1)"},
		{"the column itself", "SELECT note FROM event WHERE created = '2024-03-01'", ""},
		{"another function", "SELECT note FROM event WHERE lower(kind) = 'k8'", ""},
		{"no index", "SELECT note FROM event WHERE date(note) = '2024-03-01'", ""},
		{"a small table", "SELECT * FROM small WHERE date(created) = '2024-01-02'", ""},
		{"no rows to compare", "SELECT note FROM event WHERE date(created) = '1999-01-01'", ""},
		{"another index is searched", "SELECT note FROM event WHERE date(created) = '2024-03-01' AND id = 7", ""},
		{"both columns", "SELECT note FROM event WHERE n + id = 100", ""},
		{"negated", "SELECT note FROM event WHERE NOT date(created) = '2024-03-01'", ""},
		{"text in a sum", "SELECT note FROM event WHERE kind + 1 = 100", ""},
	} {
		rewrites(t, "QY01", path, c.name, c.workload, c.want)
	}
}

// rewrites compares the new form that is advised for a workload, "" for none.
func rewrites(t *testing.T, code, path, name, workload, want string) {
	t.Helper()
	list := advise(t, code, path, workload, nil)
	got := ""
	for _, r := range list {
		got += r.Rewrite.After
		if !r.Rewrite.Checked || r.Rewrite.Speedup <= 1 || r.Applicable || len(r.Facts) < 2 || r.State != Proposed {
			t.Errorf("%s: %+v, %+v", name, r, r.Rewrite)
		}
		for _, private := range []string{"2024-", "k8", "9990"} {
			if text := r.Rewrite.Before + r.Rewrite.After + r.Why + r.Manual; strings.Contains(text, private) {
				t.Errorf("%s: shows a value: %s", name, text)
			}
		}
	}
	if got != want {
		t.Errorf("%s: advised\n%s, want\n%s", name, got, want)
	}
}

// TestDatesThatAreNone: texts whose order is not that of the days they mean.
func TestDatesThatAreNone(t *testing.T) {
	for name, value := range map[string]string{
		"with an offset":  "iif(i = 19999, '2024-03-01 23:30:00-02:00', datetime('2024-01-01', '+' || i || ' hours'))",
		"seconds":         "iif(i = 19999, unixepoch('2024-03-01'), datetime('2024-01-01', '+' || i || ' hours'))",
		"a blob":          "iif(i = 19999, x'32303234', datetime('2024-01-01', '+' || i || ' hours'))",
		"nothing of that": "iif(i = 19999, NULL, datetime('2024-01-01', '+' || i || ' hours'))",
	} {
		path := create(t, "CREATE TABLE e(id INTEGER PRIMARY KEY, at TEXT); CREATE INDEX e_at ON e(at);", filled("e", 20_000, "i, "+value))
		n := len(advise(t, "QY01", path, "SELECT * FROM e WHERE date(at) = '2025-01-01'", nil))
		if want := map[bool]int{true: 1}[name == "nothing of that"]; n != want {
			t.Errorf("%s: %d pieces of advice", name, n)
		}
	}
}

func TestLeadingWildcard(t *testing.T) {
	path := create(t, events, eventRows(12_000))
	for _, c := range []struct{ name, workload, want string }{
		{"a literal", "SELECT id FROM event WHERE note LIKE '%77'", "event(note) proposed"},
		{"a parameter", `{"sql": "SELECT id FROM event WHERE note LIKE ?", "params": ["%77%"]}`, "event(note) proposed"},
		{"a prefix", "SELECT id FROM event WHERE note LIKE 'note 77%'", ""},
		{"an unknown parameter", "SELECT id FROM event WHERE note LIKE ?", ""},
		{"few rows", "SELECT id FROM small WHERE created LIKE '%77'", ""},
		{"of few rows", "SELECT id FROM event WHERE n = 5 AND note LIKE '%77'", ""},
	} {
		list := advise(t, "QY01", path, c.workload, nil)
		if got := subjects(list); got != c.want {
			t.Errorf("%s: advised on %q, want %q", c.name, got, c.want)
		}
		for _, r := range list[:min(len(list), 1)] {
			db := opened(t, "sqlite", create(t, events, eventRows(100)))
			db.SetMaxOpenConns(1)
			_, err := db.Exec(r.Rewrite.After, `"e 77"`)
			must(t, err)
			if ids := column(t, db, `SELECT rowid FROM event_note WHERE event_note MATCH '"e 77"'`); len(ids) != 1 || ids[0] != "77" {
				t.Errorf("%s: found %q", c.name, ids)
			}
		}
	}
}

func TestOffsetPaging(t *testing.T) {
	path := create(t, events, eventRows(30_000), "CREATE VIEW v AS SELECT * FROM event",
		"CREATE TABLE nullable(id INTEGER PRIMARY KEY, a); CREATE INDEX nullable_a ON nullable(a)", filled("nullable", 20_000, "i, nullif(i, 5)"),
		`CREATE TABLE pairs("a b", b, x, PRIMARY KEY("a b", b)) WITHOUT ROWID`, filled("pairs", 20_000, "i / 3, i, 'x'"))
	for _, c := range []struct{ name, workload, want string }{
		{"deep", "SELECT id, note FROM event ORDER BY created LIMIT 20 OFFSET 25000",
			"SELECT id, note FROM event WHERE (created, event.id) > (?, ?) ORDER BY created, event.id LIMIT ?"},
		{"by key", `{"sql": "SELECT note FROM event ORDER BY id DESC LIMIT ? OFFSET ?", "params": [20, 25000]}`,
			"SELECT note FROM event WHERE id < ? ORDER BY id DESC LIMIT ?"},
		{"with conditions", `{"sql": "SELECT e.note FROM event e WHERE e.n > ? OR e.n < 0 ORDER BY e.created DESC LIMIT 25000, 20", "params": [3]}`,
			"SELECT e.note FROM event e WHERE (e.n > ? OR e.n < ?) AND (e.created, e.id) < (?, ?) ORDER BY e.created DESC, e.id DESC LIMIT ?"},
		{"without rowid", `SELECT x FROM pairs ORDER BY "a b" LIMIT 20 OFFSET 19000`,
			`SELECT x FROM pairs WHERE ("a b", pairs."a b", pairs.b) > (?, ?, ?) ORDER BY "a b", pairs."a b", pairs.b LIMIT ?`},
		{"shallow", "SELECT id, note FROM event ORDER BY created LIMIT 20 OFFSET 100", ""},
		{"an unknown offset", "SELECT id, note FROM event ORDER BY created LIMIT ? OFFSET ?", ""},
		{"no order", "SELECT id, note FROM event LIMIT 20 OFFSET 25000", ""},
		{"two directions", "SELECT id, note FROM event ORDER BY created, id DESC LIMIT 20 OFFSET 25000", ""},
		{"an expression", "SELECT id, note FROM event ORDER BY lower(created) LIMIT 20 OFFSET 25000", ""},
		{"beyond the end", "SELECT id, note FROM event ORDER BY created LIMIT 20 OFFSET 99000", ""},
		{"NULL in the order", "SELECT id FROM nullable ORDER BY a LIMIT 20 OFFSET 15000", ""},
		{"a view", "SELECT id FROM v ORDER BY created LIMIT 20 OFFSET 25000", ""},
		{"a small table", "SELECT id FROM small ORDER BY created LIMIT 20 OFFSET 1000", ""},
	} {
		rewrites(t, "QY06", path, c.name, c.workload, c.want)
	}
}

func TestNotIn(t *testing.T) {
	path := create(t, "CREATE TABLE member(id INTEGER PRIMARY KEY, name TEXT, team INT)", filled("member", 40, "i, 'n', i"),
		`CREATE TABLE visit(id INTEGER PRIMARY KEY, "member id" INT NOT NULL, loose INT, holes INT, kind INT); CREATE INDEX v1 ON visit("member id"); CREATE INDEX v2 ON visit(loose); CREATE INDEX v3 ON visit(holes)`,
		filled("visit", 20_000, "i, i % 30 + 1, i % 30 + 1, nullif(i % 30 + 1, 7), i % 7"))
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
	path := create(t, events, eventRows(20_000), "CREATE TABLE tag(id INTEGER PRIMARY KEY, event INT, word TEXT, weight INT); CREATE INDEX tag_event ON tag(event); CREATE INDEX tag_word ON tag(word)",
		filled("tag", 20_000, "i, i, 'w' || i, i"))
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
	path := create(t, events, eventRows(20_000))
	report, err := Analyze(t.Context(), path, readWorkload(t, "SELECT * FROM event WHERE date(created) = '2024-03-01'\nSELECT id FROM event ORDER BY created LIMIT 20 OFFSET 15000"), Options{NoProof: true})
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

// live asks one rule about a statement of an application, as it was counted.
func live(t *testing.T, code, path, text string, change func(seen *traffic, s *digest.Summary)) []*Recommendation {
	t.Helper()
	seen := seenFor(time.Hour, text)
	change(seen, seen.statements[0])
	return advise(t, code, path, text, seen)
}

func TestInlined(t *testing.T) {
	path := create(t, events, eventRows(100))
	var varied, same strings.Builder
	for i := range 30 {
		varied.WriteString("SELECT note FROM event WHERE n = " + strings.Repeat("1", i+1) + "\n")
		same.WriteString("SELECT note FROM event WHERE n = 7\n")
	}
	for name, c := range map[string]struct{ workload, want string }{
		"a trace":    {varied.String(), "event() proposed"},
		"a constant": {same.String(), ""},
		"bound":      {strings.Repeat(`{"sql": "SELECT note FROM event WHERE n = ?", "params": [5]}`+"\n", 30), ""},
	} {
		if got := subjects(advise(t, "QY02", path, c.workload, nil)); got != c.want {
			t.Errorf("%s: advised on %q, want %q", name, got, c.want)
		}
	}
	const text = "SELECT note FROM event WHERE n = 7"
	for _, c := range []struct {
		name         string
		texts        uint32
		calls, bound uint64
		want         int
	}{{"many texts", 500, 1000, 0, 1}, {"one text", 1, 1000, 0, 0}, {"few of many calls", 500, 100_000, 0, 0}, {"bound", 500, 1000, 1, 0}} {
		n := len(live(t, "QY02", path, text, func(seen *traffic, s *digest.Summary) {
			s.Calls, seen.texts = c.calls, map[uint64]uint32{s.Digest: c.texts}
			if c.bound > 0 {
				s.Params[0].Add(capture.ClassInt)
			}
		}))
		if n != c.want {
			t.Errorf("%s: %d pieces of advice", c.name, n)
		}
	}
}

func TestReprepared(t *testing.T) {
	path := create(t, events, eventRows(100))
	const text = "SELECT note FROM event WHERE id = 7"
	quick := func(s *digest.Summary, calls uint64) {
		s.Calls = calls
		s.Time.Add(8000)
	}
	for _, c := range []struct {
		name   string
		change func(seen *traffic, s *digest.Summary)
		want   int
	}{
		{"compiled each time", func(_ *traffic, s *digest.Summary) { quick(s, 200_000) }, 1},
		{"prepared", func(_ *traffic, s *digest.Summary) { quick(s, 200_000); s.Work.Prepared = 200_000 }, 0},
		{"cached", func(_ *traffic, s *digest.Summary) { quick(s, 200_000); s.Work.Cached = 150_000 }, 0},
		{"there is a cache", func(seen *traffic, s *digest.Summary) { quick(s, 200_000); seen.connections.CacheMisses = 5 }, 0},
		{"seldom", func(_ *traffic, s *digest.Summary) { quick(s, 5000) }, 0},
		{"long", func(_ *traffic, s *digest.Summary) { s.Calls = 200_000; s.Time.Add(int64(time.Millisecond)) }, 0},
		{"the schema changes", func(_ *traffic, s *digest.Summary) { quick(s, 5000); s.Work.Reprepares = 3000 }, 1},
		{"the schema changed", func(_ *traffic, s *digest.Summary) {
			quick(s, 500_000)
			s.Work.Prepared, s.Work.Reprepares = 500_000, 2000
		}, 0},
	} {
		if n := len(live(t, "QY03", path, text, c.change)); n != c.want {
			t.Errorf("%s: %d pieces of advice", c.name, n)
		}
	}
}

func TestWideStar(t *testing.T) {
	path := create(t, counted("doc", `id INTEGER PRIMARY KEY, "a title" TEXT, body BLOB, author INT`, 400, "i, 't' || i, zeroblob(3000), i % 4"),
		counted("narrow", "id INTEGER PRIMARY KEY, title TEXT, author INT", 400, "i, 't' || i, i % 4"))
	for _, c := range []struct{ name, workload, want string }{
		{"a list", "SELECT * FROM doc WHERE author = 3", `SELECT id, "a title", author FROM doc WHERE author = ?`},
		{"one row", "SELECT * FROM doc WHERE id = 3", ""},
		{"narrow rows", "SELECT * FROM narrow WHERE author = 3", ""},
		{"named columns", "SELECT id, body FROM doc WHERE author = 3", ""},
		{"counted", "SELECT count(*) FROM doc WHERE author = 3", ""},
		{"joined", "SELECT * FROM doc JOIN narrow USING (id)", ""},
	} {
		got := ""
		for _, r := range advise(t, "QY04", path, c.workload, nil) {
			got += r.Rewrite.After
		}
		if got != c.want {
			t.Errorf("%s: advised %q, want %q", c.name, got, c.want)
		}
	}
	few := func(_ *traffic, s *digest.Summary) { s.Rows = 10 }
	if n := len(live(t, "QY04", path, "SELECT * FROM doc WHERE author = 3", few)); n != 0 {
		t.Errorf("few rows: %d pieces of advice", n)
	}
}

func TestUnboundedResult(t *testing.T) {
	path := create(t, events, eventRows(100))
	many := func(_ *traffic, s *digest.Summary) {
		s.Calls, s.Rows, s.Attributed, s.Routes = 100, 500_000, 100, []digest.Route{{Name: "GET /events", Calls: 100}}
	}
	for _, c := range []struct {
		name, text string
		change     func(seen *traffic, s *digest.Summary)
		want       int
	}{
		{"all rows", "SELECT * FROM event WHERE n > 5", many, 1},
		{"a limit", "SELECT * FROM event WHERE n > 5 LIMIT 10000", many, 0},
		{"a job", "SELECT * FROM event WHERE n > 5", func(seen *traffic, s *digest.Summary) { many(seen, s); s.Attributed = 3 }, 0},
		{"few rows", "SELECT * FROM event WHERE n > 5", func(seen *traffic, s *digest.Summary) { many(seen, s); s.Rows = 900 }, 0},
		{"seldom", "SELECT * FROM event WHERE n > 5", func(seen *traffic, s *digest.Summary) { many(seen, s); s.Calls, s.Attributed = 3, 3 }, 0},
	} {
		if n := len(live(t, "QY05", path, c.text, c.change)); n != c.want {
			t.Errorf("%s: %d pieces of advice", c.name, n)
		}
	}
}
