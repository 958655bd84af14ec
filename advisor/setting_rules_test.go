package advisor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	"github.com/sqliteperf/sqliteperf/internal/history"
)

// lookAt is the pass of an analysis of a file, as a rule is asked in it. Settings replace those that the
// file tells; any make it live.
func lookAt(t *testing.T, path string, workload []Query, live map[string]string, seen *traffic, o Options) *pass {
	t.Helper()
	db, err := openDatabase(t.Context(), path)
	must(t, err)
	if o.ShadowDir == "" {
		o.ShadowDir = t.TempDir()
	}
	o = o.withDefaults()
	p := &pass{name: "app", db: db, options: o, report: o.Progress, live: live != nil, traffic: seen, pragmas: map[string]string{}}
	p.schema, err = db.Schema(t.Context())
	must(t, err)
	list, err := filePragmas(t.Context(), db)
	must(t, err)
	for _, setting := range list {
		p.pragmas[setting.Name] = setting.Value
	}
	for name, value := range live {
		p.pragmas[name] = value
	}
	must(t, p.prepareAll(t.Context(), workload, &Report{}))
	t.Cleanup(func() {
		if p.shadow != nil {
			must(t, p.shadow.Close())
		}
		must(t, db.Close())
		if left := files(t, o.ShadowDir); len(left) != 0 {
			t.Errorf("%d entries left where the copies were", len(left))
		}
	})
	return p
}

// ran is the summary of a statement that ran.
func ran(text string, calls uint64, change ...func(*digest.Summary)) *digest.Summary {
	verb, _, _ := strings.Cut(text, " ")
	s := &digest.Summary{
		Key: digest.Key{Kind: capture.KindStatement, Digest: calls}, Calls: calls, Total: time.Duration(calls) * 100 * time.Microsecond,
		Statement: &capture.Statement{Digest: calls, Fingerprint: text, ReadOnly: verb == "SELECT"},
		LastSeen:  capture.Instant(100 * time.Second),
	}
	for _, f := range change {
		f(s)
	}
	return s
}

// seen is traffic with some connections opened and statements run.
func seen(opened uint64, statements ...*digest.Summary) *traffic {
	return &traffic{window: time.Hour, running: time.Hour, statements: statements, connections: capture.Pool{Opened: opened}}
}

// large are settings of a file of 400 MB.
func large(more ...string) map[string]string {
	m := map[string]string{"journal_mode": "wal", "page_size": "4096", "page_count": "100000", "freelist_count": "0", "cache_size": "-2000",
		"wal_autocheckpoint": "1000", "journal_size_limit": "-1"}
	for i := 0; i < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	return m
}

const references = "CREATE TABLE a(id INTEGER PRIMARY KEY); CREATE TABLE b(id INTEGER PRIMARY KEY, a INT REFERENCES a)"

// TestRules: what each rule on settings and the file triggers on, and what it is silent on.
func TestRules(t *testing.T) {
	const mb = 1 << 20
	rows := &capture.OpenRows{Statement: &capture.Statement{Fingerprint: "SELECT * FROM t"}, Start: capture.Now() - capture.Instant(time.Minute)}
	young := &capture.OpenRows{Statement: rows.Statement, Start: capture.Now()}
	log := func(bytes int64, rows ...*capture.OpenRows) *traffic { return &traffic{walBytes: bytes, rows: rows} }
	sizes := func(n int, each time.Duration, grow func(i int) int64) *traffic {
		t := &traffic{}
		for i := range n {
			t.sizes = append(t.sizes, history.Size{At: time.Unix(0, 0).Add(time.Duration(i) * each), Bytes: grow(i), FreePages: int64(i)})
		}
		return t
	}
	for _, c := range []struct {
		name   string
		rule   rule
		schema string
		live   map[string]string
		seen   *traffic
		want   string // in the title of what is advised, "" for silence
	}{
		{"no WAL", journalMode{}, "", large("journal_mode", "delete"), nil, "journal_mode to wal"},
		{"truncate", journalMode{}, "", large("journal_mode", "TRUNCATE"), nil, "journal_mode to wal"},
		{"WAL", journalMode{}, "", large(), nil, ""},
		{"journal in memory, as somebody chose", journalMode{}, "", large("journal_mode", "memory"), nil, ""},
		{"full", synchronous{}, "", large("synchronous", "2"), nil, "synchronous to normal"},
		{"normal", synchronous{}, "", large("synchronous", "1"), nil, ""},
		{"full without WAL", synchronous{}, "", large("journal_mode", "delete", "synchronous", "2"), nil, ""},
		{"of a file", synchronous{}, "", nil, nil, ""},
		{"no timeout", busyTimeout{}, "", large("busy_timeout", "0"), seen(1), "busy_timeout to 5000"},
		{"a timeout", busyTimeout{}, "", large("busy_timeout", "100"), nil, ""},
		{"of a file", busyTimeout{}, "", nil, nil, ""},

		{"set once on many", pragmaByExec{}, "", large(), seen(8, ran("PRAGMA busy_timeout = 5000", 1)), "busy_timeout in the data source name"},
		{"as a call", pragmaByExec{}, "", large(), seen(2, ran("PRAGMA main.cache_size(-2000)", 1)), "cache_size in the data source name"},
		{"set on each", pragmaByExec{}, "", large(), seen(8, ran("PRAGMA busy_timeout = 5000", 8)), ""},
		{"one connection", pragmaByExec{}, "", large(), seen(1, ran("PRAGMA busy_timeout = 5000", 1)), ""},
		{"asked", pragmaByExec{}, "", large(), seen(8, ran("PRAGMA busy_timeout", 1)), ""},
		{"of the file", pragmaByExec{}, "", large(), seen(8, ran("PRAGMA user_version = 3", 1)), ""},
		{"no pragma", pragmaByExec{}, "", large(), seen(8, ran("SELECT a = 1", 1)), ""},

		{"not enforced", foreignKeys{}, references, large("foreign_keys", "0"), nil, "foreign keys"},
		{"here and there", foreignKeys{}, references, large("foreign_keys", "1"), seen(4, ran("PRAGMA foreign_keys = ON", 1)), "foreign keys"},
		{"enforced", foreignKeys{}, references, large("foreign_keys", "1"), seen(4), ""},
		{"set on each", foreignKeys{}, references, large("foreign_keys", "1"), seen(4, ran("PRAGMA foreign_keys = ON", 4)), ""},
		{"none declared", foreignKeys{}, "CREATE TABLE a(id)", large("foreign_keys", "0"), nil, ""},
		{"of a file", foreignKeys{}, references, nil, nil, ""},

		{"rows left open", walGrowth{}, "", large(), log(48*mb, rows), "write-ahead log"},
		{"a long transaction", walGrowth{}, "", large(), func() *traffic {
			tx := &digest.Summary{Name: "commit", Calls: 1}
			tx.Time.Add(int64(time.Minute))
			return &traffic{walBytes: 48 * mb, transactions: []*digest.Summary{tx}}
		}(), "write-ahead log"},
		{"a short query", walGrowth{}, "", large(), log(48*mb, young), ""},
		{"small", walGrowth{}, "", large(), log(4*mb, rows), ""},
		{"as large as asked for", walGrowth{}, "", large("wal_autocheckpoint", "100000"), log(48*mb, rows), ""},
		{"no log", walGrowth{}, "", large("journal_mode", "delete"), log(48*mb, rows), ""},
		{"of a file", walGrowth{}, "", nil, nil, ""},

		{"left from a burst", walLimit{}, "", large(), log(48 * mb), "journal_size_limit"},
		{"never", walLimit{}, "", large("wal_autocheckpoint", "0"), log(48 * mb), "wal_autocheckpoint"},
		{"limited", walLimit{}, "", large("journal_size_limit", "1000000"), log(48 * mb), ""},
		{"small", walLimit{}, "", large(), log(5 * mb), ""},
		{"never, but small", walLimit{}, "", large("wal_autocheckpoint", "0"), log(mb), ""},
		{"a reader", walLimit{}, "", large(), log(48*mb, rows), ""},

		{"never run", autoVacuum{}, "", large("auto_vacuum", "2", "freelist_count", "20000"), seen(1), "incremental_vacuum"},
		{"too seldom", autoVacuum{}, "", large("auto_vacuum", "2", "freelist_count", "20000"), func() *traffic {
			t := sizes(50, time.Hour, func(int) int64 { return 400 * mb })
			t.statements = []*digest.Summary{ran("PRAGMA incremental_vacuum(10)", 1)}
			return t
		}(), "incremental_vacuum"},
		{"run", autoVacuum{}, "", large("auto_vacuum", "2", "freelist_count", "20000"), seen(1, ran("PRAGMA incremental_vacuum", 1)), ""},
		{"none", autoVacuum{}, "", large("auto_vacuum", "0", "freelist_count", "20000"), seen(1), ""},
		{"few", autoVacuum{}, "", large("auto_vacuum", "2", "freelist_count", "2000"), seen(1), ""},
		{"tiny", autoVacuum{}, "", large("auto_vacuum", "2", "page_count", "100", "freelist_count", "90"), seen(1), ""},

		{"free pages", fragmentation{}, "", large("freelist_count", "30000"), nil, "VACUUM"},
		{"few", fragmentation{}, "", large("freelist_count", "29000"), nil, ""},
		{"tiny", fragmentation{}, "", large("page_count", "100", "freelist_count", "90"), nil, ""},
		{"incremental", fragmentation{}, "", large("auto_vacuum", "2", "freelist_count", "30000"), nil, ""},

		{"doubles in a month", growth{}, "", large(), sizes(96, time.Hour, func(i int) int64 { return int64(i) * mb }), "Plan for growth"},
		{"tiny", growth{}, "", large("page_count", "1000"), sizes(96, time.Hour, func(i int) int64 { return int64(i) * mb }), ""},
		{"steady", growth{}, "", large(), sizes(96, time.Hour, func(int) int64 { return 400 * mb }), ""},
		{"one import", growth{}, "", large(), sizes(96, time.Hour, func(i int) int64 { return int64(min(max(i-40, 0), 1)) * 400 * mb }), ""},
		{"a day", growth{}, "", large(), sizes(24, time.Hour, func(i int) int64 { return int64(i) * mb }), ""},
		{"two sizes", growth{}, "", large(), sizes(2, 96*time.Hour, func(i int) int64 { return int64(i) * 400 * mb }), ""},
		{"of a file", growth{}, "", nil, nil, ""},
	} {
		t.Run(fmt.Sprintf("%s %s", c.rule.code(), c.name), func(t *testing.T) {
			p := lookAt(t, create(t, c.schema), nil, c.live, c.seen, Options{NoProof: true})
			list, err := c.rule.check(t.Context(), p)
			must(t, err)
			wellFormed(t, c.rule, list)
			if got := titles(list); c.want == "" && len(list) != 0 || c.want != "" && (len(list) != 1 || !strings.Contains(got, c.want)) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func titles(list []*Recommendation) string {
	var all []string
	for _, r := range list {
		all = append(all, r.Title)
	}
	return strings.Join(all, "; ")
}

// wellFormed is what holds of all advice.
func wellFormed(t *testing.T, rule rule, list []*Recommendation) {
	t.Helper()
	for _, r := range list {
		if r.Code != rule.code() || r.Title == "" || r.Why == "" || r.Risk == "" || r.Manual == "" == (len(r.Statements) == 0) && !strings.HasPrefix(r.Type, "pragma") {
			t.Errorf("%+v", r)
		}
		if r.Applicable && len(r.Undo) == 0 || r.Type != "pragma" && !r.settled() || r.Evidence == nil && r.Basis != "rule" {
			t.Errorf("%+v", r)
		}
	}
}

// onDisk is a database on a disk with little free.
type onDisk struct {
	database
	free int64
}

func (d onDisk) FreeBytes() (int64, bool) { return d.free, d.free >= 0 }

// TestDisk: the forecast and the headroom by what the disk has free.
func TestDisk(t *testing.T) {
	const mb = 1 << 20
	grows := &traffic{}
	for i := range 96 {
		grows.sizes = append(grows.sizes, history.Size{At: time.Unix(int64(i)*3600, 0), Bytes: int64(i) * mb / 10})
	}
	for _, c := range []struct {
		name  string
		rule  rule
		free  int64
		pages string
		want  string
	}{
		{"full in a week", growth{}, 16 * mb, "5000", "warning Plan for growth: 72.0 MiB more in 30 days"},
		{"room for years", growth{}, 16000 * mb, "5000", ""},
		{"unknown", growth{}, -1, "5000", ""},
		{"no room for VACUUM", diskHeadroom{}, 700 * mb, "100000", "warning Provide disk space"},
		{"nearly full", diskHeadroom{}, 10 * mb, "100000", "critical Provide disk space"},
		{"room", diskHeadroom{}, 900 * mb, "100000", ""},
		{"unknown", diskHeadroom{}, -1, "100000", ""},
		{"tiny", diskHeadroom{}, mb, "1000", ""},
	} {
		p := lookAt(t, create(t), nil, large("page_count", c.pages), grows, Options{NoProof: true})
		p.db = onDisk{p.db, c.free}
		list, err := c.rule.check(t.Context(), p)
		must(t, err)
		wellFormed(t, c.rule, list)
		got := titles(list)
		if len(list) > 0 {
			got = list[0].Level + " " + got
		}
		if got != c.want {
			t.Errorf("%s %s: got %q, want %q", c.rule.code(), c.name, got, c.want)
		}
	}
}
