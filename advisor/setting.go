package advisor

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/sqlite"
)

// settingRules advise on settings of connections, of the file and of the pool, and on statistics.
var settingRules = []rule{
	noStatistics{}, staleStatistics{}, optimizePragma{},
	journalMode{}, synchronous{}, busyTimeout{}, pragmaByExec{}, foreignKeys{},
	cacheSize{}, mmapSize{}, tempStore{}, walGrowth{}, walLimit{},
	pageSize{}, autoVacuum{}, fragmentation{},
	poolChurn{}, singlePool{}, poolStarved{}, manyWriters{},
	growth{}, diskHeadroom{},
}

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

// storageAdvice starts advice on the file that a person must follow.
func storageAdvice(p *pass, code, title, manual string) *Recommendation {
	r := p.recommendation(code, "storage", "", code)
	r.Title, r.Manual = title, manual
	return r
}

// number is a setting's value, 0 if it is unknown.
func (p *pass) number(name string) int64 {
	n, _ := strconv.ParseInt(p.pragmas[name], 10, 64)
	return n
}

// fileBytes is the size of the database file by its pages.
func (p *pass) fileBytes() int64 { return p.number("page_count") * p.number("page_size") }

// cacheBytes is the page cache of one connection. A negative setting is in KiB.
// https://sqlite.org/pragma.html#pragma_cache_size
func (p *pass) cacheBytes() int64 {
	if n := p.number("cache_size"); n > 0 {
		return n * p.number("page_size")
	}
	return -p.number("cache_size") << 10
}

// wal says whether the database is in WAL mode.
func (p *pass) wal() bool { return strings.EqualFold(p.pragmas["journal_mode"], "wal") }

// writes says whether the workload writes.
func (p *pass) writes() bool {
	for _, q := range p.queries {
		if !q.ReadOnly {
			return true
		}
	}
	return false
}

// outgrown is the size below which a file is not worth a setting of its own: all of it is in the
// operating system's cache, and it is four times SQLite's default of cache of 2 MB.
const outgrown = 8 << 20

// count, size and note make facts.
func count(name string, n int64, unit string) Fact {
	return Fact{Name: name, Value: float64(n), Unit: unit}
}

func size(name string, bytes int64) Fact {
	return Fact{Name: name, Value: float64(bytes), Unit: "bytes"}
}

func note(name, text string) Fact { return Fact{Name: name, Text: text} }

// mebibytes writes a size for people.
func mebibytes(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

// engine is the database as internal/sqlite has it, nil if it is another.
func (p *pass) engine() *sqlite.DB {
	if d, ok := p.db.(sqliteDatabase); ok {
		return d.DB
	}
	return nil
}
