package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// ErrNothingToRepeat reports a load of which no statement can be run again and again.
var ErrNothingToRepeat = errors.New("no statement of the workload can be repeated")

// Load is what callers ask of a database at the same time.
type Load struct {
	Reads, Writes []trial.Call
	WriteShare    float64 // of all calls; a transaction counts as one
	Callers       int
	PerTx         int           // writes of one transaction; 0: each is one of its own
	Hold          time.Duration // the caller's own work in a transaction, once it has written
	Each          time.Duration // how long one round lasts
	Rounds        int           // of each configuration
}

// Pools is through which connections they ask.
type Pools struct {
	Settings url.Values    // of the data source name, such as _synchronous
	Busy     time.Duration // busy_timeout
	MaxOpen  int           // as sql.DB has it; of the writers if there are Readers
	MaxIdle  int
	Readers  int // connections of a second pool, for reads; 0: one pool for all
}

// Round is what one configuration did, medians over its rounds.
type Round struct {
	PerSecond float64 // calls
	P50, P99  time.Duration
	Busy      float64 // share of calls that failed for a lock
	Opened    float64 // connections a round
}

// Contended compares two configurations.
type Contended struct {
	Present, Proposed Round
	// Comparison is by rounds: Speedup is the ratio of calls per second, Before and After are the
	// 99th percentiles of what a caller waited.
	Comparison trial.Comparison
}

// Contend runs the load on a third copy through pools as they are and as proposed, by turns. Writes are
// committed there, on a copy that is deleted at the end.
func (s *Shadow) Contend(ctx context.Context, load Load, present, proposed Pools, random *rand.Rand) (_ Contended, err error) {
	v, err := s.Variant(ctx, 0)
	if err != nil {
		return Contended{}, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	if load.Reads, err = keep(ctx, load.Reads, s.plannable); err != nil {
		return Contended{}, err
	}
	if load.Writes, err = keep(ctx, load.Writes, s.plannable); err != nil {
		return Contended{}, err
	}
	if load.Writes, err = keep(ctx, load.Writes, v.Replayer.repeatable); err != nil {
		return Contended{}, err
	}
	if len(load.Reads) == 0 && load.WriteShare < 1 || len(load.Writes) == 0 && load.WriteShare > 0 {
		return Contended{}, ErrNothingToRepeat
	}
	if err := v.Replayer.close(); err != nil {
		return Contended{}, err
	}
	v.Replayer = nil
	a, b := &contender{path: v.path, load: load, pools: present}, &contender{path: v.path, load: load, pools: proposed}
	one := trial.Case{Calls: []trial.Call{{}}}
	c, err := trial.Compare(ctx, a, b, one, trial.Budget{Samples: load.Rounds, Time: time.Duration(4*load.Rounds) * load.Each}, random)
	return Contended{Present: median(a.rounds), Proposed: median(b.rounds), Comparison: c}, err
}

// plannable says whether a call compiles where the application's functions are refused: see
// denyFunctions.
func (s *Shadow) plannable(ctx context.Context, c trial.Call) bool {
	_, err := s.Before.Explain(ctx, c.SQL, c.Args)
	return err == nil
}

// repeatable says whether a write can be committed twice: an INSERT with its key cannot.
func (r *Replayer) repeatable(ctx context.Context, c trial.Call) bool {
	for range 2 {
		if _, err := r.conn.ExecContext(ctx, c.SQL, c.Args...); err != nil {
			return false
		}
	}
	return true
}

// keep keeps the calls that are ok, each of which is asked about once however often it is there.
func keep(ctx context.Context, calls []trial.Call, ok func(context.Context, trial.Call) bool) (list []trial.Call, err error) {
	known := map[string]bool{}
	for _, c := range calls {
		key := fmt.Sprintf("%q%#v", c.SQL, c.Args)
		if _, asked := known[key]; !asked {
			known[key] = ok(ctx, c)
		}
		if known[key] {
			list = append(list, c)
		}
	}
	return list, ctx.Err()
}
