package advisor

import (
	"context"
	"strconv"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/history"
)

// recordSizes notes how large the watched databases are, through private connections.
func (a *Advisor) recordSizes(ctx context.Context) {
	for _, w := range a.watchedDatabases() {
		if fileSize(w.source.Path) == 0 {
			continue // in memory, or nothing was written yet
		}
		size, err := w.size(ctx)
		if err == nil {
			err = a.store.AppendSize(ctx, w.source, size)
		}
		a.log("record the size of "+w.name, err)
	}
}

// size is how large a watched database is now.
func (w *watched) size(ctx context.Context) (history.Size, error) {
	out := history.Size{At: time.Now(), Bytes: fileSize(w.source.Path), WAL: fileSize(w.source.Path + "-wal")}
	db, err := w.open(ctx)
	if err != nil {
		return out, err
	}
	defer db.Close()
	pragmas, err := filePragmas(ctx, db)
	for _, setting := range pragmas {
		n, _ := strconv.ParseInt(setting.Value, 10, 64)
		switch setting.Name {
		case "page_count":
			out.Pages = n
		case "freelist_count":
			out.FreePages = n
		}
	}
	return out, err
}
