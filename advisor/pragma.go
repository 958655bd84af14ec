package advisor

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// settingRules advise on settings of connections, of the file and of the pool, and on statistics.
var settingRules = []rule{journalMode{}, synchronous{}, busyTimeout{}, cacheSize{}}

// pragmaAdvice starts advice on a connection setting that a person must put into the data source
// name: a PRAGMA run on one connection of a pool leaves the others as they were.
func pragmaAdvice(p *pass, code, name, value string) *Recommendation {
	r := p.recommendation(code, "pragma", "", name)
	r.Columns = []string{name}
	r.Title = fmt.Sprintf("Set %s to %s", name, value)
	r.Manual = fmt.Sprintf("Add _pragma=%s(%s) to the data source name, so that every connection of the pool has it.", name, value)
	r.Risk = "None known for the data; it takes effect with the next connections."
	r.subject = name + "=" + p.pragmas[name]
	return r
}

// journalMode is PR01: outside WAL mode a writer blocks every reader and each commit syncs more
// often. BenchmarkAutocommitInsert of internal/sqlite, November 2026, two shared cores: 3.0–3.5 ms
// an insert with a rollback journal, 0.2–0.6 ms in WAL mode. https://sqlite.org/wal.html
type journalMode struct{}

func (journalMode) code() string { return "PR01" }

func (rule journalMode) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	mode := strings.ToLower(p.pragmas["journal_mode"])
	switch mode {
	case "delete", "truncate", "persist":
	default:
		return nil, nil
	}
	r := pragmaAdvice(p, rule.code(), "journal_mode", "wal")
	r.Level, r.Manual = "warning", ""
	r.Why = "In " + mode + " mode a writer blocks all readers, and each commit waits for the disk more often than in WAL mode."
	r.Risk = "The database gains two files beside it, -wal and -shm, and must not lie on a network file system. " +
		"Undo needs every connection to it closed."
	r.Statements, r.Undo = []string{"PRAGMA journal_mode = wal"}, []string{"PRAGMA journal_mode = " + mode}
	r.Applicable = true
	return []*Recommendation{r}, nil
}

// synchronous is PR02: in WAL mode NORMAL is consistent after a crash and syncs at checkpoints
// only; FULL syncs at every commit. The same benchmark: 0.2–0.6 ms with FULL, 0.016 ms with NORMAL.
// https://sqlite.org/pragma.html#pragma_synchronous
type synchronous struct{}

func (synchronous) code() string { return "PR02" }

func (rule synchronous) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	if !p.live || !strings.EqualFold(p.pragmas["journal_mode"], "wal") || p.pragmas["synchronous"] != "2" {
		return nil, nil
	}
	r := pragmaAdvice(p, rule.code(), "synchronous", "normal")
	r.Why = "In WAL mode FULL waits for the disk at every commit. NORMAL does so at checkpoints and is as consistent."
	r.Risk = "After a power failure, not after a crash of the process, the last commits may be missing."
	return []*Recommendation{r}, nil
}

// busyTimeout is PR03: without a busy timeout a statement that meets a lock fails at once.
// https://sqlite.org/pragma.html#pragma_busy_timeout
type busyTimeout struct{}

func (busyTimeout) code() string { return "PR03" }

func (rule busyTimeout) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	if !p.live || p.pragmas["busy_timeout"] != "0" {
		return nil, nil
	}
	r := pragmaAdvice(p, rule.code(), "busy_timeout", "5000")
	r.Level = "critical"
	r.Why = "busy_timeout is 0: a statement that meets another connection's lock fails at once with SQLITE_BUSY."
	r.Risk = "A statement may now wait up to 5 seconds where it failed before."
	return []*Recommendation{r}, nil
}

// cacheSize is PR06: a page cache smaller than what the statements read makes SQLite ask the
// operating system for pages again. Whether that costs anything depends on the statements, so it is
// only advised where replay with the larger cache proves it.
type cacheSize struct{}

const (
	largeCacheKiB  = 64 << 10 // the cache proposed
	cacheWorthFile = 4        // the file must be this many times the cache for a larger one to be tried
)

func (cacheSize) code() string { return "PR06" }

func (rule cacheSize) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	pages, _ := strconv.ParseInt(p.pragmas["page_count"], 10, 64)
	pageSize, _ := strconv.ParseInt(p.pragmas["page_size"], 10, 64)
	size, err := strconv.ParseInt(p.pragmas["cache_size"], 10, 64)
	if err != nil || !p.live || p.options.NoProof || len(p.queries) == 0 {
		return nil, nil
	}
	cache := -size << 10
	if size > 0 {
		cache = size * pageSize
	}
	if cache >= largeCacheKiB<<10 || pages*pageSize < cacheWorthFile*cache {
		return nil, nil
	}
	value := strconv.Itoa(-largeCacheKiB)
	r := pragmaAdvice(p, rule.code(), "cache_size", value)
	r.Basis = "replay"
	r.Why = fmt.Sprintf("The page cache of a connection holds %d KiB of a file of %d KiB.", cache>>10, pages*pageSize>>10)
	r.Risk = fmt.Sprintf("Each connection may use up to %d MiB of memory.", largeCacheKiB>>10)
	r.Statements, r.Undo = []string{"PRAGMA cache_size = " + value}, []string{"PRAGMA cache_size = " + p.pragmas["cache_size"]}
	for _, q := range p.queries[:min(len(p.queries), 5)] {
		r.Digests = append(r.Digests, q.hex())
	}
	return []*Recommendation{r}, nil
}
