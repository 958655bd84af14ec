package advisor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/predicate"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// busy is a workload whose analysis takes a while in every phase.
func busy(t *testing.T) (path string, workload []Query) {
	path = create(t, `CREATE TABLE events(id INTEGER PRIMARY KEY, a INT, b INT, c TEXT, d TEXT, e REAL);
		CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT, team INT);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
		INSERT INTO events SELECT i, i * 7919 % 1000, i * 31 % 5003, 'kind ' || i % 37, 'some text of number ' || i, i % 997 FROM n;
		INSERT INTO people SELECT id, c || id, a FROM events WHERE id <= 50000`)
	var texts []string
	for i, column := range []string{"a", "b", "c", "e", "d"} {
		for _, tail := range []string{"", " ORDER BY b DESC LIMIT 20", " AND b > 100 ORDER BY a"} {
			texts = append(texts, fmt.Sprintf("SELECT * FROM events WHERE %s = %d%s", column, i+1, tail))
		}
	}
	return path, traced(t, statements(append(texts,
		"SELECT p.name, count(*) FROM people p JOIN events e ON e.a = p.team WHERE p.name > 'kind 3' GROUP BY p.name",
		"UPDATE events SET e = 0 WHERE b = 7", "DELETE FROM people WHERE team = 9",
		endless)...)...)
}

// endless takes minutes. It reads a table, so that it is advised on.
const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT count(*) FROM n, people p WHERE p.team = 3 AND p.id = n.i"

// promptly is how long a cancelled analysis may go on.
const promptly = time.Second

// cancelled analyzes until when cancels, and checks that it ends soon and leaves nothing.
func cancelled(t *testing.T, path string, workload []Query, when func(cancel func()) func(phase, detail string, done float64)) {
	t.Helper()
	before, shadows := files(t, filepath.Dir(path)), t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var at time.Time
	report, err := Analyze(ctx, path, workload, Options{ShadowDir: shadows, Progress: when(func() {
		if at.IsZero() {
			at = time.Now()
			stop()
		}
	})})
	if took := time.Since(at); !at.IsZero() && took > promptly {
		t.Errorf("went on for %v", took)
	}
	if (err != nil || report == nil) && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left := files(t, shadows); len(left) != 0 {
		t.Errorf("left behind: %q", slices.Sorted(maps.Keys(left)))
	}
	if !maps.Equal(before, files(t, filepath.Dir(path))) {
		t.Error("files changed")
	}
}

// TestCancelInEachPhase cancels when a phase begins, and some time after.
func TestCancelInEachPhase(t *testing.T) {
	path, workload := busy(t)
	for _, phase := range []string{"prepare", "shadow", "prune", "replay"} {
		for _, after := range []time.Duration{0, 150 * time.Millisecond} {
			if underRace && (after > 0 || phase == "replay") {
				continue
			}
			t.Run(fmt.Sprintf("%s after %v", phase, after), func(t *testing.T) {
				told := false
				cancelled(t, path, workload, func(cancel func()) func(string, string, float64) {
					return func(now, _ string, _ float64) {
						if now != phase || told {
							return
						}
						told = true
						time.Sleep(after)
						cancel()
					}
				})
				if !told {
					t.Errorf("there is no phase %s", phase)
				}
			})
		}
	}
}

// TestCancelAtRandom cancels while something runs that tells nobody.
func TestCancelAtRandom(t *testing.T) {
	path, workload := busy(t)
	random := rand.New(rand.NewPCG(4, 2))
	times := 6
	if underRace {
		times = 1
	}
	for range times {
		after := time.Duration(random.Int64N(int64(8 * time.Second)))
		t.Run(after.String(), func(t *testing.T) {
			var timer *time.Timer
			cancelled(t, path, workload, func(cancel func()) func(string, string, float64) {
				timer = time.AfterFunc(after, cancel)
				return func(string, string, float64) {}
			})
			timer.Stop()
		})
	}
}

// TestEndless: a statement that never ends holds up neither the ranking nor the search.
func TestEndless(t *testing.T) {
	texts := []string{"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n, orders o WHERE o.id = n.i"}
	for i := range heaviest {
		texts = append(texts, fmt.Sprintf("SELECT total AS total_%d FROM orders WHERE id = 3", i))
	}
	often := `{"sql": ` + quoteJSON(byCustomer) + `, "weight": 1e6}`
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	report, err := Analyze(ctx, create(t, orders), traced(t, append(statements(texts...), often)...), Options{ShadowDir: t.TempDir()})
	if err != nil || len(report.Recommendations) == 0 || report.Recommendations[0].State != Proved {
		t.Errorf("%+v, %v", report, err)
	}
}

// slowCopies run each statement until the context ends, or at once.
type slowCopies struct {
	shadow
	replayer
	wait bool
	runs int
}

func (s *slowCopies) Before() replayer { return s }
func (s *slowCopies) After() replayer  { return s }

func (s *slowCopies) Run(ctx context.Context, _ trial.Call) (trial.Outcome, error) {
	s.runs++
	if s.wait {
		<-ctx.Done()
		return trial.Outcome{}, ctx.Err()
	}
	return trial.Outcome{CPU: time.Millisecond, Wall: time.Millisecond}, nil
}

// TestReplayed: a replay is given up after its time, and what was compared under the same plans is not compared
// again.
func TestReplayed(t *testing.T) {
	copies := &slowCopies{wait: true}
	s := &setProof{pass: &pass{shadow: copies}, random: rand.New(rand.NewPCG(1, 2)), budget: time.Second, left: 9, limit: time.Millisecond, known: map[string]trial.Comparison{}}
	read := &query{Query: Query{ReadOnly: true}, read: &predicate.Statement{}, calls: []trial.Call{{}}}
	if _, err := s.replayed(t.Context(), read, "plan", false); err == nil || err.Error() != "it takes more than 1ms" {
		t.Errorf("got %v", err)
	}
	copies.wait, s.limit = false, time.Minute
	for _, test := range []struct {
		plans string
		reads bool
		again bool
	}{{"plan", true, true}, {"plan", true, false}, {"other", true, true}, {"write", false, true}, {"write", false, true}} {
		read.ReadOnly, copies.runs = test.reads, 0
		_, err := s.replayed(t.Context(), read, test.plans, false)
		if must(t, err); (copies.runs > 0) != test.again {
			t.Errorf("%+v: %d runs", test, copies.runs)
		}
	}
}
