package advisor

import (
	"context"
	"fmt"
	"strconv"
)

// cacheSize is PR06: a page cache smaller than what the statements read makes SQLite ask the
// operating system for pages again. Whether that costs anything depends on the statements, so it is
// only advised where replay with a larger cache proves it, and of several sizes the smallest that
// saves almost as much as the best. BenchmarkCache of internal/sqlite, November 2026, two shared cores,
// 50 rows of a range of a file of 90 MB: 55 µs with 2 MB, 45 µs with 64 MB, 38 µs with 256 MB.
type cacheSize struct{}

// cacheSizes are those tried, in KiB: a connection has one each, so that more is paid for often.
var cacheSizes = []int64{16 << 10, 64 << 10, 256 << 10}

const (
	cacheWorthFile  = 4 // the file must be this many times the cache for a larger one to be tried
	settingReplayed = 5 // statements that decide on a setting
)

func (cacheSize) code() string { return "PR06" }

func (rule cacheSize) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	cache, file := p.cacheBytes(), p.fileBytes()
	if !p.live || p.pragmas["cache_size"] == "" || cache >= cacheSizes[1]<<10 || file < cacheWorthFile*cache || file < outgrown {
		return nil, nil
	}
	var values []string
	for _, kib := range cacheSizes {
		if kib<<10 > cache && kib<<10 < cacheWorthFile*file {
			values = append(values, strconv.FormatInt(-kib, 10))
		}
	}
	value, x, err := p.trySetting(ctx, rule.code(), "cache_size", values, p.heaviest(settingReplayed, func(*query) bool { return true }))
	if x == nil || err != nil {
		return nil, err
	}
	kib, _ := strconv.ParseInt(value, 10, 64)
	r := pragmaAdvice(p, rule.code(), "cache_size", value).rest(x)
	r.Why = fmt.Sprintf("The page cache of a connection holds %s of a file of %s, and the heaviest statements are faster with more.",
		mebibytes(cache), mebibytes(file))
	r.Risk = fmt.Sprintf("Each connection may use up to %d MiB of memory.", -kib>>10)
	r.Statements, r.Undo = []string{"PRAGMA cache_size = " + value}, []string{"PRAGMA cache_size = " + p.pragmas["cache_size"]}
	r.Facts = append(r.Facts, size("page cache", cache), size("file", file), count("sizes tried", int64(len(values)), "sizes"))
	return []*Recommendation{r}, nil
}
