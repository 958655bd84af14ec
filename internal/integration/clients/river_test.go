package clients

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
)

var riverClient = client{
	script:   riverLife,
	captured: []string{"CREATE TABLE", "river_job", "river_leader", "river_queue"},
	// The fetches of jobs go by the clock, and an insert soon after another notifies nobody.
	commits: -1, rollbacks: -1, uncounted: "river_notification",
}

type sortArgs struct {
	Words []string `json:"words"`
}

func (sortArgs) Kind() string { return "sort" }

// sorter cancels a job of no words.
type sorter struct {
	river.WorkerDefaults[sortArgs]
	sorted chan []string
}

func (w *sorter) Work(_ context.Context, job *river.Job[sortArgs]) error {
	if len(job.Args.Words) == 0 {
		return river.JobCancel(errors.New("nothing to sort"))
	}
	w.sorted <- slices.Sorted(slices.Values(job.Args.Words))
	return nil
}

func riverLife(t *testing.T, a *app) {
	ctx := t.Context()
	db := a.open(t)
	db.SetMaxOpenConns(1) // as river's manual says for SQLite
	riverMigrate(ctx, t, a, db)
	work := &sorter{sorted: make(chan []string, 1)}
	client := riverOpen(t, db, work)
	ended, unsubscribe := client.Subscribe(river.EventKindJobCompleted, river.EventKindJobCancelled)
	defer unsubscribe()
	must(t, client.Start(ctx))

	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	inserted, err := client.InsertTx(ctx, tx, sortArgs{[]string{"whale", "tiger", "bear"}}, nil)
	must(t, err)
	must(t, tx.Commit())
	a.see("inserted", inserted.Job.ID, inserted.Job.State, string(inserted.Job.EncodedArgs))
	a.see("sorted", <-work.sorted)
	riverEnd(ctx, t, a, client, <-ended)

	_, err = client.Insert(ctx, sortArgs{}, nil)
	must(t, err)
	riverEnd(ctx, t, a, client, <-ended)
	must(t, client.Stop(ctx))
}

func riverMigrate(ctx context.Context, t *testing.T, a *app, db *sql.DB) {
	t.Helper()
	migrator, err := rivermigrate.New(riversqlite.New(db), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	result, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	must(t, err)
	for _, v := range result.Versions {
		a.see("migrated", v.Version, v.Name)
	}
}

func riverOpen(t *testing.T, db *sql.DB, work *sorter) *river.Client[*sql.Tx] {
	t.Helper()
	workers := river.NewWorkers()
	river.AddWorker(workers, work)
	client, err := river.NewClient(riversqlite.New(db), &river.Config{
		Logger:   slog.New(slog.DiscardHandler),
		Queues:   map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 2}},
		Workers:  workers,
		TestOnly: true, // services start at once, not spread over seconds
	})
	must(t, err)
	return client
}

func riverEnd(ctx context.Context, t *testing.T, a *app, client *river.Client[*sql.Tx], ev *river.Event) {
	t.Helper()
	job, err := client.JobGet(ctx, ev.Job.ID)
	must(t, err)
	a.see("ended", ev.Kind, job.Kind, job.State, job.Attempt, len(job.Errors), job.FinalizedAt != nil)
}
