package advisor

import (
	"context"
	"database/sql"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// refreshLimit bounds how long connections are looked at after a change. Each takes some 50 µs.
const refreshLimit = 100 * time.Millisecond

// refresh lets the idle connections of the application's pool see a change of the schema now. SQLite
// notices it at the next statement that runs, but EXPLAIN does not look, and the first statement of a
// request would pay for reading the schema again. https://sqlite.org/fileformat2.html#schema_cookie
//
// Only connections that are idle are taken, for as long as the rest of them takes: the pool hands out
// the same one again otherwise. What the application takes in between is refreshed by its own use.
func (w *watched) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(capture.Mute(ctx), refreshLimit)
	defer cancel()
	var taken []*sql.Conn
	defer func() {
		for _, conn := range taken {
			conn.Close()
		}
	}()
	for n := w.db.Stats().Idle; n > 0 && w.db.Stats().Idle > 0; n-- {
		conn, err := w.db.Conn(ctx)
		if err != nil {
			return
		}
		taken = append(taken, conn)
		var one int
		// An empty schema has no row, and an error is the application's to meet.
		_ = conn.QueryRowContext(ctx, "SELECT 1 FROM sqlite_schema").Scan(&one)
	}
}
