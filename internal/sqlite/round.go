package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"sync"
	"time"

	"modernc.org/sqlite"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// contender is one configuration, as a trial.Runner whose run is a round.
type contender struct {
	path   string
	load   Load
	pools  Pools
	rounds []Round
}

// Run gives the time per call as processor time, and the 99th percentile as wall time.
func (c *contender) Run(ctx context.Context, _ trial.Call) (out trial.Outcome, err error) {
	round, calls, err := c.round(ctx)
	if err != nil {
		return out, err
	}
	if calls == 0 {
		return out, fmt.Errorf("%w within %v", ErrNothingToRepeat, c.load.Each)
	}
	c.rounds = append(c.rounds, round)
	return trial.Outcome{CPU: time.Duration(1e9 / round.PerSecond), Wall: round.P99}, nil
}

// round opens the pools, lets the callers call for a while and closes them.
func (c *contender) round(ctx context.Context) (_ Round, calls int, err error) {
	writer, err := c.open(c.pools.Settings, c.pools.MaxOpen, c.pools.MaxIdle)
	if err != nil {
		return Round{}, 0, err
	}
	defer func() { err = errors.Join(err, writer.Close()) }()
	reader := writer
	if c.pools.Readers > 0 {
		settings := maps.Clone(c.pools.Settings)
		settings.Add("_pragma", "query_only(1)")
		if reader, err = c.open(settings, c.pools.Readers, c.pools.Readers); err != nil {
			return Round{}, 0, err
		}
		defer func() { err = errors.Join(err, reader.Close()) }()
	}
	// Who sleeps for a lock at the end of the round would sleep on for up to a second: such calls are cut
	// and count as long as they took.
	within, cancel := context.WithTimeout(ctx, 2*c.load.Each)
	defer cancel()
	callers := make([]caller, c.load.Callers)
	start := time.Now()
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() { callers[i].call(ctx, within, c.load, writer, reader, start) })
	}
	wg.Wait()
	if ctx.Err() != nil {
		return Round{}, 0, ctx.Err()
	}
	opened := opens(writer)
	if reader != writer {
		opened += opens(reader)
	}
	return sum(callers, time.Since(start), opened)
}

func (c *contender) open(settings url.Values, maxOpen, maxIdle int) (*sql.DB, error) {
	query := url.Values{"mode": {"rw"}, "_txlock": {"immediate"}}
	for name, list := range settings {
		query[name] = slices.Clone(list)
	}
	db, err := open(c.path, query, c.pools.Busy)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(maxOpen)
	db.SetMaxIdleConns(maxIdle)
	return db, nil
}

// opens is how many connections a pool has opened at least.
func opens(db *sql.DB) int64 {
	s := db.Stats()
	return int64(s.OpenConnections) + s.MaxIdleClosed
}

// caller is one of those who call at the same time.
type caller struct {
	took []time.Duration
	busy int
	cut  int // 1 if the last call was not finished
	err  error
}

// call calls until the round is over or the context ends, once at least: the first call is never cut.
func (c *caller) call(ctx, within context.Context, load Load, writer, reader *sql.DB, start time.Time) {
	for c.err == nil && ctx.Err() == nil && (len(c.took) == 0 || time.Since(start) < load.Each) {
		var err error
		began := time.Now()
		switch writes := rand.Float64() < load.WriteShare; {
		case writes && load.PerTx > 0:
			err = transact(ctx, writer, load)
		case writes:
			err = drain(ctx, writer, load.Writes[rand.IntN(len(load.Writes))])
		default:
			err = drain(ctx, reader, load.Reads[rand.IntN(len(load.Reads))])
		}
		c.took = append(c.took, time.Since(began))
		ctx = within
		code := 0
		var failed *sqlite.Error
		if errors.As(err, &failed) {
			code = failed.Code() & 0xff
		}
		switch {
		case code == codeBusy:
			c.busy++
		case code == codeConstraint: // as it was for the application, sooner or later
		case ctx.Err() != nil && err != nil:
			c.cut++
		default:
			c.err = err
		}
	}
}

// transact writes in one transaction and commits it.
func transact(ctx context.Context, db *sql.DB, load Load) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for range load.PerTx {
		if err := drain(ctx, tx, load.Writes[rand.IntN(len(load.Writes))]); err != nil {
			return err
		}
	}
	if load.Hold > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(load.Hold):
		}
	}
	return tx.Commit()
}

// drain runs a statement and reads its rows.
func drain(ctx context.Context, db querier, call trial.Call) error {
	rows, err := db.QueryContext(ctx, call.SQL, call.Args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

// sum makes a round of what the callers saw.
func sum(callers []caller, took time.Duration, opened int64) (Round, int, error) {
	var all []time.Duration
	var errs []error
	busy, cut := 0, 0
	for _, c := range callers {
		all, busy, cut, errs = append(all, c.took...), busy+c.busy, cut+c.cut, append(errs, c.err)
	}
	if err := errors.Join(errs...); err != nil {
		return Round{}, 0, fmt.Errorf("%w: %w", ErrNothingToRepeat, err)
	}
	if len(all) == 0 {
		return Round{}, 0, nil
	}
	slices.Sort(all)
	n := len(all)
	return Round{
		PerSecond: float64(n-busy-cut) / took.Seconds(), P50: all[(n-1)/2], P99: all[(n-1)*99/100],
		Busy: float64(busy) / float64(n), Opened: float64(opened),
	}, n - busy - cut, nil
}

// median takes each figure's median over the rounds.
func median(rounds []Round) Round {
	return Round{
		PerSecond: middle(rounds, func(r Round) float64 { return r.PerSecond }),
		P50:       middle(rounds, func(r Round) time.Duration { return r.P50 }),
		P99:       middle(rounds, func(r Round) time.Duration { return r.P99 }),
		Busy:      middle(rounds, func(r Round) float64 { return r.Busy }),
		Opened:    middle(rounds, func(r Round) float64 { return r.Opened }),
	}
}

func middle[T cmp.Ordered](rounds []Round, of func(Round) T) (m T) {
	list := make([]T, len(rounds))
	for i, r := range rounds {
		list[i] = of(r)
	}
	if len(list) == 0 {
		return m
	}
	slices.Sort(list)
	return list[(len(list)-1)/2]
}
