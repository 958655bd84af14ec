package advisor

import (
	"strings"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// live asks one rule about a statement of an application, as it was counted.
func live(t *testing.T, code, path, text string, change func(seen *traffic, s *digest.Summary)) []*Recommendation {
	t.Helper()
	seen := seenFor(time.Hour, text)
	change(seen, seen.statements[0])
	return advise(t, code, path, text, seen)
}

func TestInlined(t *testing.T) {
	sequential(t)
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
	sequential(t)
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
