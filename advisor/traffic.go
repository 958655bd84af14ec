package advisor

import (
	"context"
	"database/sql"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	"github.com/sqliteperf/sqliteperf/internal/history"
	"github.com/sqliteperf/sqliteperf/internal/request"
)

// traffic is what a watched database was seen doing within the window that advice rests on.
type traffic struct {
	window       time.Duration     // how far back the summaries reach
	statements   []*digest.Summary // of this database, the costliest first
	transactions []*digest.Summary // commits and rollbacks
	connections  capture.Pool      // since the process started
	pool         sql.DBStats       // of the application's sql.DB, now
	rows         []*capture.OpenRows
	walBytes     int64                                 // size of the write-ahead log, now
	running      time.Duration                         // since the process started
	sizes        []history.Size                        // once an hour, the oldest first
	long         func(context.Context) (*weeks, error) // of the history; nil without one
	texts        map[uint64]uint32                     // texts seen of each digest, of statements that are live
	findings     []request.Finding                     // of requests on this database
}

// statement finds the summary of a query, or nil.
func (t *traffic) statement(q *query) *digest.Summary {
	if t == nil {
		return nil
	}
	for _, s := range t.statements {
		if s.Digest == q.Digest {
			return s
		}
	}
	return nil
}
