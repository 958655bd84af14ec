package advisor

import (
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	engine "github.com/sqliteperf/sqliteperf/internal/sqlite"
	"modernc.org/sqlite"
)

var mails atomic.Int64

func init() {
	sqlite.MustRegisterScalarFunction("send_mail", 1, func(_ *sqlite.FunctionContext, _ []driver.Value) (driver.Value, error) {
		mails.Add(1)
		return int64(1), nil
	})
}

// A replay must not call the application's functions: what they do cannot be rolled back.
func TestReplaysCallNoFunctions(t *testing.T) {
	path := create(t, orders, "CREATE TRIGGER sold AFTER UPDATE ON orders BEGIN SELECT send_mail(new.id); END")
	trace := `{"sql": "UPDATE orders SET total = 1 WHERE customer = 7"}
{"sql": "SELECT * FROM orders WHERE customer = 7", "weight": 100}`
	list, err := ReadTrace(strings.NewReader(trace), func(line int, reason string) { t.Errorf("line %d: %s", line, reason) })
	must(t, err)
	before := mails.Load()
	report, err := Analyze(t.Context(), path, list, Options{ShadowDir: t.TempDir()})
	must(t, err)
	if n := mails.Load() - before; n != 0 {
		t.Errorf("%d mails were sent", n)
	}
	if len(report.Recommendations) == 0 {
		t.Error("the other statement got no advice")
	}
}

// Times are bound in a replay as the application's data source name says.
func TestTimesAreBoundAsTheApplicationDoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "times.db")
	dsn := "file:" + path + "?_time_integer_format=unix"
	db, err := sql.Open("sqlite", dsn)
	must(t, err)
	defer db.Close()
	_, err = db.Exec("CREATE TABLE t(id INTEGER PRIMARY KEY, at INT, x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO t SELECT i, i, 'x' FROM n")
	must(t, err)
	d, err := openWith(t.Context(), engine.Config{Path: path, Live: true, DSN: dsn})
	must(t, err)
	defer d.Close()
	report, err := analyze(t.Context(), d, []Query{{
		Digest: 1, Fingerprint: "SELECT x FROM t WHERE at >= ?", Text: "SELECT x FROM t WHERE at >= ?", ReadOnly: true, Calls: 1,
		Samples: []Sample{{Text: "SELECT x FROM t WHERE at >= ?", Args: []any{time.Unix(1991, 0)}}}, Source: fromCapture,
	}}, nil, nil, Options{ShadowDir: t.TempDir()})
	must(t, err)
	for _, r := range report.Recommendations {
		if r.Type == "index" && r.Evidence.Queries[0].Rows != 10 {
			t.Errorf("the replay returned %d rows, want 10", r.Evidence.Queries[0].Rows)
		}
	}
	if len(report.Recommendations) < 2 {
		t.Errorf("%d recommendations", len(report.Recommendations))
	}
}

// Advice that was decided on is neither lost nor revived by an analysis that looked before.
func TestAdoptKeepsDecisions(t *testing.T) {
	app := launch(t, create(t, orders))
	a := app.advisor
	defer func() { must(t, a.Close()); app.news.Close() }()
	old := &Recommendation{ID: "ix01-x", Database: "app", Type: "index", State: Undone}
	must(t, a.put(t.Context(), old))
	must(t, a.adopt(t.Context(), "app", &Report{}, time.Now().Add(-time.Hour)))
	must(t, a.adopt(t.Context(), "app", &Report{}, time.Now().Add(time.Hour)))
	if r := a.Recommendation("ix01-x"); r == nil || r.State != Undone {
		t.Errorf("%+v", r)
	}
	open := &Recommendation{ID: "ix01-y", Database: "app", Type: "index", State: Proved}
	must(t, a.put(t.Context(), open))
	must(t, a.adopt(t.Context(), "app", &Report{}, time.Now().Add(time.Hour)))
	if r := a.Recommendation("ix01-y"); r != nil {
		t.Errorf("%+v", r)
	}
	list, err := loadRecommendations(t.Context(), a.store)
	must(t, err)
	if len(list) != 1 || list[0].ID != "ix01-x" {
		t.Errorf("restored %+v", list)
	}
}

// Without copies to run statements on, those called most often come first.
func TestRankWithoutCopies(t *testing.T) {
	p := &pass{options: Options{NoProof: true}.withDefaults(), report: func(string, string, float64) {}}
	for _, calls := range []float64{1, 3, 2} {
		p.queries = append(p.queries, &query{Query: Query{Calls: calls}})
	}
	must(t, p.rank(t.Context()))
	for i, want := range []float64{3, 2, 1} {
		if p.queries[i].Calls != want {
			t.Errorf("place %d has %v calls, want %v", i, p.queries[i].Calls, want)
		}
	}
}

// Advice found again while it counts as applied means that its index is gone, unless it is another index.
func TestAdoptNoticesLostIndexes(t *testing.T) {
	app := launch(t, create(t, orders))
	a := app.advisor
	defer func() { must(t, a.Close()); app.news.Close() }()
	for _, c := range []struct {
		id, again string
		want      State
	}{
		{"ix01-gone", "CREATE INDEX a ON orders(total)", Proved},
		{"ix01-there", "CREATE INDEX a_1 ON orders(total)", Applied},
	} {
		must(t, a.put(t.Context(), &Recommendation{ID: c.id, Database: "app", Type: "index", State: Applied, Statements: []string{"CREATE INDEX a ON orders(total)"}}))
		found := &Recommendation{ID: c.id, Database: "app", Type: "index", State: Proved, Statements: []string{c.again}}
		must(t, a.adopt(t.Context(), "app", &Report{Recommendations: []*Recommendation{found}}, time.Now().Add(time.Hour)))
		if r := a.Recommendation(c.id); r == nil || r.State != c.want {
			t.Errorf("%s: %+v", c.id, r)
		}
	}
}
