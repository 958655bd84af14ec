// Package durable is a queue of tasks in the application's own SQLite file, for work that must survive a crash.
//
// A task that Enqueue or EnqueueTx wrote runs at least once. It runs once more when its run failed, when the process
// died before the end was written down, or when a process stood still for longer than its Lease; so a handler must bear
// that, or write what it does and its end in one transaction, by Complete. A task of a transaction that was rolled
// back never runs. After Config.Attempts runs a task is discarded, also one that kills its process each time.
//
// The queue is river's on SQLite. What this package adds: a process that died is noticed within its Lease, while
// river waits for an hour and the task's timeout; each run is an operation of an async.Optimizer, so that
// its statements are attributed to its kind; and a run that Close cuts short costs no attempt.
//
// It is a module of its own: river's brings a PostgreSQL driver, which nobody who wants the rest should have in go.sum.
package durable

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/sqliteperf/sqliteperf/middleware/async"
)

// The reasons why a call of a Queue failed. Errors wrap one of them, or async.ErrClosed.
var (
	ErrUnknown = errors.New("no such kind of task")            // neither Handle nor a method Kind names it
	ErrStarted = errors.New("already started")                 // Handle must come before Start
	ErrNoTask  = errors.New("not the context of a task")       // Complete outside of a handler
	ErrBusy    = errors.New("connections give up when locked") // no busy_timeout, and more than one connection
	errConfig  = errors.New("configuration out of range")      // Open refuses it
	errHandler = errors.New("handler cannot be registered")    // Handle refuses it
)

// Queue is a queue of tasks in a database. All methods are safe for concurrent use.
type Queue struct {
	config Config
	db     *sql.DB
	id     string // of this Queue among all that share the file
	driver *riversqlite.Driver
	insert *river.Client[*sql.Tx]
	opt    *async.Optimizer
	counts counts
	hard   atomic.Bool // Close cuts runs short

	mu      sync.Mutex
	workers *river.Workers
	kinds   map[reflect.Type]string
	types   map[string]reflect.Type
	work    *river.Client[*sql.Tx] // nil before Start
	beating sync.WaitGroup
	stop    context.CancelFunc // ends the beat
	calls   int                // Enqueues that run
	idle    chan struct{}      // closed when closed and calls is 0
	closed  bool
}

// Open makes the queue's tables in db, or brings them up to date, and returns a Queue that takes tasks. It runs them
// after Start. db stays the caller's and must outlive the Queue; its connections must wait for locks (busy_timeout),
// or be one.
func Open(ctx context.Context, db *sql.DB, c Config) (*Queue, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("durable: %w", err)
	}
	if db == nil {
		return nil, fmt.Errorf("durable: %w: no database", errConfig)
	}
	if err := patient(ctx, db); err != nil {
		return nil, fmt.Errorf("durable: %w", err)
	}
	q := &Queue{
		config: c, db: db, id: rand.Text(), driver: riversqlite.New(db), opt: c.Optimizer,
		workers: river.NewWorkers(), kinds: map[reflect.Type]string{}, types: map[string]reflect.Type{}, idle: make(chan struct{}),
	}
	if err := q.migrate(ctx); err != nil {
		return nil, fmt.Errorf("durable: migrate: %w", err)
	}
	if q.insert, err = river.NewClient(q.driver, &river.Config{Logger: c.Logger, MaxAttempts: c.Attempts}); err != nil {
		return nil, fmt.Errorf("durable: %w", err)
	}
	if q.opt == nil {
		if q.opt, err = async.New(async.Config{}); err != nil {
			return nil, fmt.Errorf("durable: %w", err)
		}
	}
	return q, nil
}

// patient refuses a pool whose connections fail at once where another one writes.
func patient(ctx context.Context, db *sql.DB) error {
	var ms int
	if err := db.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&ms); err != nil {
		return fmt.Errorf("read busy_timeout: %w", err)
	}
	if ms == 0 && db.Stats().MaxOpenConnections != 1 {
		return fmt.Errorf("%w: add _pragma=busy_timeout(5000) to the data source name, or call SetMaxOpenConns(1)", ErrBusy)
	}
	return nil
}

// migrate makes the tables in one transaction, which begins with a write, so that processes that begin together do
// it one after another.
func (q *Queue) migrate(ctx context.Context) error {
	m, err := rivermigrate.New(q.driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	if _, err := q.db.ExecContext(ctx, ownerTable); err != nil {
		return err
	}
	tx, err := q.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, bury); err != nil {
		return err
	}
	//lint:ignore SA1019 what cannot share a transaction is PostgreSQL's; TestOpenTogether fails without
	if _, err := m.MigrateTx(ctx, tx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	return tx.Commit()
}

// Start runs tasks of the kinds that have a handler; those of others wait for a process that knows them. The end of ctx
// does not stop it: Close does.
func (q *Queue) Start(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return fmt.Errorf("durable: start: %w", async.ErrClosed)
	case q.work != nil:
		return fmt.Errorf("durable: start: %w", ErrStarted)
	case len(q.kinds) == 0:
		return fmt.Errorf("durable: start: %w: there is none", errHandler)
	}
	if err := q.beat(ctx); err != nil {
		return fmt.Errorf("durable: start: %w", err)
	}
	work, err := river.NewClient(q.driver, q.config.river(q.id, q.workers))
	if err != nil {
		return fmt.Errorf("durable: start: %w", err)
	}
	if err := work.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("durable: start: %w", err)
	}
	q.work = work
	beats, stop := context.WithCancel(context.WithoutCancel(ctx))
	q.stop = stop
	q.beating.Go(func() { q.beats(beats) })
	return nil
}
