package advisor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/sqlite"
)

// ErrNotCaptured reports a database that was not opened with the sqlite-perf driver.
var ErrNotCaptured = errors.New(`the database was not opened with sql.Open("sqlite-perf", …)`)

// watched is a database of the application.
type watched struct {
	name    string
	source  *capture.Source
	db      *sql.DB
	pragmas []sqlite.Pragma // of one of the application's connections, when Watch was called

	// Of the last analysis, for deciding whether another would find anything new, and what costs too much
	// to read each time. Guarded by Advisor.analyzing.
	seen  string
	since time.Time
	weeks *weeks // as last read
}

// lookAtConnection bounds how long Watch waits for a connection of the application's pool.
const lookAtConnection = 5 * time.Second

// Watch names a database, reads the settings of one of its connections, concludes what a killed process
// left half told in the history, and from then on advises on it and shows its pool. Statements are captured without it too, under the file's name. A database
// in memory is shown but not advised on: no private connection can reach it.
func (a *Advisor) Watch(name string, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(capture.Mute(context.Background()), lookAtConnection)
	defer cancel()
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("watch %s: %w", name, err)
	}
	defer conn.Close()
	w := &watched{name: name, db: db}
	err = conn.Raw(func(inner any) error {
		captured, ok := inner.(interface{ Source() *capture.Source })
		if !ok {
			return ErrNotCaptured
		}
		w.source = captured.Source()
		return nil
	})
	if err != nil {
		return fmt.Errorf("watch %s: %w", name, err)
	}
	if w.pragmas, err = sqlite.Pragmas(ctx, conn); err != nil {
		return fmt.Errorf("watch %s: %w", name, err)
	}
	a.store.Bind(w.source)
	a.mu.Lock()
	a.databases = slices.DeleteFunc(a.databases, func(old *watched) bool { return old.name == name })
	a.databases = append(a.databases, w)
	a.mu.Unlock()
	if w.source.Path != "" {
		a.log("watch "+name, a.resumeAll(ctx, w)) // if it is locked now, later
	}
	return nil
}

// watchedDatabases is a copy of the list.
func (a *Advisor) watchedDatabases() []*watched {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.databases)
}

// nameOf is the name under which a source is shown.
func nameOf(list []*watched, s *capture.Source) string {
	if s == nil {
		return ""
	}
	for _, w := range list {
		if w.source == s {
			return w.name
		}
	}
	return s.Name()
}

// settings are the watched connection's pragmas, with those that the file decides read afresh.
func (w *watched) settings(ctx context.Context, db database) ([]sqlite.Pragma, error) {
	list := slices.Clone(w.pragmas)
	fresh, err := filePragmas(ctx, db)
	if err != nil {
		return nil, err
	}
	for i := range list {
		switch list[i].Name {
		case "journal_mode", "page_size", "page_count", "freelist_count", "auto_vacuum", "user_version", "application_id":
			list[i].Value = fresh[i].Value
		}
	}
	return list, nil
}
