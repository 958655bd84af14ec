package history

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	"github.com/sqliteperf/sqliteperf/internal/sketch"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		os.Exit(appendForAsk(path))
	}
	goleak.VerifyTestMain(m)
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// open opens a history in a new directory until the test ends.
func open(t testing.TB, c Config) *Store {
	t.Helper()
	if c.Path == "" {
		c.Path = filepath.Join(t.TempDir(), "advisor.db")
	}
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func app() *capture.Source {
	return &capture.Source{ID: 3, Path: "/data/app.db", DSN: "file:app.db?secret=1"}
}

// batch sums up calls of n statements, a request and a commit, times drawn anew at each seed.
func batch(source *capture.Source, n, calls int, seed uint64) []*digest.Summary {
	random := rand.New(rand.NewPCG(seed, 1))
	table := digest.NewTable(digest.Config{})
	for i := range n {
		text := fmt.Sprintf("SELECT c%d, 'ü' FROM orders WHERE id = ?", i)
		st := &capture.Statement{Digest: math.MaxUint64 - uint64(i), Fingerprint: text, Summary: "SELECT orders", ReadOnly: i%2 == 0, Text: "secret"}
		for c := range calls {
			scope := capture.NewScope()
			scope.SetName(fmt.Sprint("GET /", c%3))
			total := time.Duration(1e5 * math.Exp(random.NormFloat64()/2))
			ev := capture.Event{Source: source, Statement: st, Scope: scope, First: total / 2, Total: total, Start: capture.Instant(c) - 50, Rows: 3, Affected: 1, Error: capture.ErrorClass(c % 2)}
			addWork(&ev, c)
			table.Add([]capture.Event{ev})
		}
	}
	request := capture.NewScope()
	request.SetName("GET /orders/:id")
	table.Add([]capture.Event{
		{Kind: capture.KindRequest, Scope: request, Total: 5e6, Rows: 4, Status: 500},
		{Kind: capture.KindTransaction, Source: source, Mode: capture.ModeCommit, Total: 1e6},
		{Kind: capture.KindTransaction, Source: source, Mode: capture.ModeRollback, End: capture.EndDeadline, Flags: capture.FlagUpgraded},
	})
	return table.Take()
}

// addWork gives an event what SQLite and the stack say of it.
func addWork(ev *capture.Event, n int) {
	ev.Site = capture.SiteOf(capture.Site{Function: "app.Handler", File: "/src/ü.go", Line: n % 3})
	ev.Flags = capture.FlagCounted | capture.Flags(n%2)*capture.FlagLate
	ev.Work = capture.Work{LockWait: 7, Steps: 4e9, FullScan: 3, AutoIndex: 2, Sorts: 1, Reprepares: 5, Retries: 6}
	ev.Params.Classes.Set(n%capture.ClassesKept, capture.ClassTextLong)
}

// fill appends n intervals of length each, from start on.
func fill(t testing.TB, s *Store, start time.Time, n int, each time.Duration, summaries []*digest.Summary) {
	t.Helper()
	for i := range n {
		at := start.Add(time.Duration(i) * each)
		in := Interval{Start: at, End: at.Add(each), Counts: capture.Counts{Recorded: 10, Drained: 9, Dropped: 1}}
		if err := s.Append(t.Context(), in, summaries); err != nil {
			t.Fatal(err)
		}
	}
}

func all(t testing.TB, s *Store) []Record {
	t.Helper()
	records, err := s.Range(t.Context(), time.UnixMilli(0), noon.AddDate(10, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// compare leaves out what is not stored: the text as written and the DSN.
var compare = cmp.Options{
	cmpopts.IgnoreFields(capture.Statement{}, "Text", "Samples"),
	cmpopts.IgnoreUnexported(capture.Statement{}),
	cmp.Comparer(func(a, b capture.Source) bool { return a.ID == b.ID && a.Path == b.Path }),
	cmp.Comparer(func(a, b sketch.Histogram) bool {
		left, _ := a.AppendBinary(nil)
		right, _ := b.AppendBinary(nil)
		return bytes.Equal(left, right)
	}),
}

func sorted(summaries []*digest.Summary) []*digest.Summary {
	t := digest.Totals{}
	t.Add(summaries)
	return t.Sorted()
}

func TestReadsWhatWasAppended(t *testing.T) {
	s := open(t, Config{})
	src := app()
	appended := batch(src, 20, 30, 1)
	in := Interval{Start: noon, End: noon.Add(10 * time.Second), Counts: capture.Counts{Recorded: 9, Drained: 7, Dropped: 2}}
	if err := s.Append(t.Context(), in, appended); err != nil {
		t.Fatal(err)
	}
	empty := Interval{Start: in.End, End: in.End.Add(10 * time.Second)}
	if err := s.Append(t.Context(), empty, nil); err != nil {
		t.Fatal(err)
	}
	records := all(t, s)
	if len(records) != 2 || len(records[1].Summaries) != 0 {
		t.Fatalf("%d records, want 2, the last without summaries", len(records))
	}
	if diff := cmp.Diff([]Interval{in, empty}, []Interval{records[0].Interval, records[1].Interval}); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(sorted(appended), sorted(records[0].Summaries), compare); diff != "" {
		t.Error(diff)
	}
	for _, sum := range records[0].Summaries {
		if sum.Statement != nil && sum.Statement.Text != "" {
			t.Errorf("text as written %q was stored", sum.Statement.Text)
		}
	}
}

func TestTotalsMergeExactly(t *testing.T) {
	s := open(t, Config{})
	src := app()
	want := digest.Totals{}
	for i := range 7 {
		summaries := batch(src, 5, 40, uint64(i))
		fill(t, s, noon.Add(time.Duration(i)*10*time.Second), 1, 10*time.Second, summaries)
		if i < 6 {
			want.Add(summaries)
		}
	}
	got, err := s.Totals(t.Context(), noon, noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Sorted(), got, compare); diff != "" {
		t.Error(diff)
	}
}

func TestSourcesAreReadBackByPath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a ?#%b.db")
	s, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	memory, other := &capture.Source{ID: 8, DSN: "file:a?mode=memory&key=hunter2"}, &capture.Source{ID: 9, DSN: ":memory:"}
	fill(t, s, noon, 1, time.Second, slices.Concat(batch(app(), 1, 2, 1), batch(memory, 1, 2, 1), batch(other, 1, 2, 2)))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal"} {
		if content, _ := os.ReadFile(path + suffix); bytes.Contains(content, []byte("hunter2")) || bytes.Contains(content, []byte("secret")) {
			t.Errorf("a DSN or a text as written was stored in %s", path+suffix)
		}
	}

	s = open(t, Config{Path: path})
	live := app()
	live.ID = 77
	s.Bind(live)
	calls := map[string]uint64{}
	for _, sum := range all(t, s)[0].Summaries {
		if sum.Database == nil {
			if sum.Kind != capture.KindRequest || sum.Key.Source != 0 {
				t.Errorf("%+v has no database", sum.Key)
			}
			continue
		}
		if sum.Key.Source != sum.Database.ID || sum.Database.DSN != "" && sum.Database != live {
			t.Errorf("key %+v of database %+v", sum.Key, *sum.Database)
		}
		if sum.Kind == capture.KindStatement {
			calls[fmt.Sprint(sum.Database.Name(), " live:", sum.Database == live)] += sum.Calls
		}
	}
	if diff := cmp.Diff(map[string]uint64{"app.db live:true": 2, ":memory: live:false": 4}, calls); diff != "" {
		t.Error(diff)
	}
}

func TestScanStopsAtTheFirstError(t *testing.T) {
	s := open(t, Config{})
	fill(t, s, noon, 3, time.Second, batch(app(), 2, 2, 1))
	calls := 0
	err := s.Scan(t.Context(), noon, noon.Add(time.Hour), func(Record) error { calls++; return context.Canceled })
	if err != context.Canceled || calls != 1 {
		t.Errorf("%d calls, error %v, want 1 and the callback's error", calls, err)
	}
	if err := s.Scan(t.Context(), noon.Add(time.Second), noon.Add(2*time.Second), func(r Record) error {
		calls++
		return nil
	}); err != nil || calls != 2 {
		t.Errorf("%d calls, error %v, want one more for a range of one interval", calls-1, err)
	}
}

func TestRecommendationsAreReplaced(t *testing.T) {
	s := open(t, Config{})
	for _, r := range []struct{ id, state, body string }{{"IX01-1", "open", `{"a":1}`}, {"IX02-2", "open", `{}`}, {"IX01-1", "applied", `{"a":2}`}} {
		if err := s.SaveRecommendation(t.Context(), Saved{ID: r.id, State: r.state, Body: []byte(r.body)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SaveRecommendation(t.Context(), Saved{ID: "IX03-1", State: "open", Body: []byte("{")}); err == nil {
		t.Error("a body that is not JSON was saved")
	}
	saved, err := s.Recommendations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]string{}
	for _, r := range saved {
		states[r.ID] = r.State + string(r.Body)
	}
	if diff := cmp.Diff(map[string]string{"IX01-1": `applied{"a":2}`, "IX02-2": "open{}"}, states); diff != "" {
		t.Error(diff)
	}
}

func TestAuditIsAppendOnly(t *testing.T) {
	s := open(t, Config{})
	for i, action := range []string{"apply", "undo", "login"} {
		seq, err := s.Audit(t.Context(), Entry{At: noon.Add(time.Duration(i) * time.Second), Actor: "ann", Action: action, Subject: "IX01-1"})
		if err != nil || seq != int64(i+1) {
			t.Fatalf("Audit = %d, %v, want %d", seq, err, i+1)
		}
	}
	for _, query := range []string{
		"UPDATE audit SET actor = 'eve'",
		"DELETE FROM audit",
		"INSERT OR REPLACE INTO audit VALUES(1, 0, 'eve', 'none', '', '', '')",
		"UPDATE OR REPLACE audit SET seq = 2 WHERE seq = 1",
	} {
		if _, err := s.db.ExecContext(t.Context(), query); err == nil {
			t.Errorf("%s succeeded", query)
		}
	}
	entries, err := s.Entries(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	want := []Entry{
		{Seq: 3, At: noon.Add(2 * time.Second), Actor: "ann", Action: "login", Subject: "IX01-1"},
		{Seq: 2, At: noon.Add(time.Second), Actor: "ann", Action: "undo", Subject: "IX01-1"},
	}
	if diff := cmp.Diff(want, entries); diff != "" {
		t.Error(diff)
	}
}

// BenchmarkRange reads an hour of 10 s intervals with 50 statements each.
func BenchmarkRange(b *testing.B) {
	s := open(b, Config{})
	fill(b, s, noon, 360, 10*time.Second, batch(app(), 50, 200, 1))
	bytes, err := s.Bytes()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if len(all(b, s)) != 360 {
			b.Fatal("intervals are missing")
		}
	}
	b.ReportMetric(float64(bytes)/360/53, "bytes/summary")
}

func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{50, 2000} {
		b.Run(fmt.Sprint("statements=", n), func(b *testing.B) {
			s := open(b, Config{})
			summaries := batch(app(), n, 20, 1)
			for b.Loop() {
				fill(b, s, noon, 1, time.Second, summaries)
			}
		})
	}
}
