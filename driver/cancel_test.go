package driver

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestInterruptedConnectionsLeaveThePool compares a file, whose connection goes, with a database in
// memory, whose connection is the database and stays.
func TestInterruptedConnectionsLeaveThePool(t *testing.T) {
	const endless = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT "
	for _, dsn := range []string{"DIR/app.db", ":memory:"} {
		for name, run := range map[string]func(*transcript, context.Context, *sql.DB){
			"query": func(s *transcript, ctx context.Context, db *sql.DB) {
				s.query(ctx, db, endless+"sum(cancel_now()) FROM c")
			},
			"exec":     func(s *transcript, ctx context.Context, db *sql.DB) { s.exec(ctx, db, endless+"cancel_now() FROM c") },
			"deadline": func(s *transcript, ctx context.Context, db *sql.DB) { s.query(ctx, db, endless+"count(*) FROM c") },
			"rows":     func(s *transcript, ctx context.Context, db *sql.DB) { s.query(ctx, db, endless+"i FROM c LIMIT 3") },
			"prepared": func(s *transcript, ctx context.Context, db *sql.DB) {
				st, err := db.Prepare(endless + "sum(cancel_now()) FROM c")
				s.notef("prepare %s", failure(err))
				defer st.Close()
				rows, err := st.QueryContext(ctx)
				s.rows("prepared", rows, err)
			},
		} {
			t.Run(name+" "+dsn, func(t *testing.T) {
				everyConfig(t, func(t *testing.T, open opener, dir string) []string {
					var s transcript
					db := open(t, strings.ReplaceAll(dsn, "DIR", dir))
					db.SetMaxOpenConns(1)
					ctx, cancel := context.WithCancel(context.Background())
					if name == "deadline" {
						ctx, cancel = context.WithTimeout(context.Background(), 20*time.Millisecond)
					}
					cancelNow = cancel
					run(&s, ctx, db)
					if name != "deadline" { // which may pass before the query begins
						s.notef("%d connections are left", db.Stats().OpenConnections)
					}
					cancel()
					s.query(context.Background(), db, "SELECT 1")
					if name != "rows" && !slices.ContainsFunc(s.lines, func(line string) bool { return strings.Contains(line, "context") }) {
						t.Errorf("nothing was interrupted: %q", s.lines)
					}
					return s.lines
				})
			})
		}
	}
}
