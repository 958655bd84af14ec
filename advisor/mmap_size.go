package advisor

import (
	"context"
	"fmt"
	"math/bits"
	"strconv"
)

// mmapSize is PR07: pages that are mapped are read without a system call and without a copy.
// BenchmarkCache of internal/sqlite, November 2026, two shared cores: 55 µs with the default cache,
// 37 µs mapped. Only what replay proves is advised. https://sqlite.org/mmap.html
type mmapSize struct{}

// Bounds of what is mapped: the upper one is half of what SQLite allows by default.
const (
	leastMapped = 64 << 20
	mostMapped  = 1 << 30
)

func (mmapSize) code() string { return "PR07" }

func (rule mmapSize) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	file := p.fileBytes()
	if !p.live || p.pragmas["mmap_size"] != "0" || file < outgrown || file < cacheWorthFile*p.cacheBytes() {
		return nil, nil
	}
	value := strconv.Itoa(min(max(1<<bits.Len64(uint64(file)), leastMapped), mostMapped))
	_, x, err := p.trySetting(ctx, rule.code(), "mmap_size", []string{value}, p.heaviest(settingReplayed, func(*query) bool { return true }))
	if x == nil || err != nil {
		return nil, err
	}
	r := pragmaAdvice(p, rule.code(), "mmap_size", value).rest(x)
	r.Why = fmt.Sprintf("None of the file's %s is mapped into memory, and the heaviest statements are faster where it is.", mebibytes(file))
	r.Risk = "An error of the disk then ends the process with a signal instead of an SQL error, and so does another process that " +
		"truncates the file."
	r.Statements, r.Undo = []string{"PRAGMA mmap_size = " + value}, []string{"PRAGMA mmap_size = 0"}
	r.Facts = append(r.Facts, size("file", file), size("page cache", p.cacheBytes()))
	return []*Recommendation{r}, nil
}
