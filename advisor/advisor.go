// Package advisor turns what an application's statements cost into recommendations, proves them on
// shadow copies of the application's own database, applies and undoes them.
//
// An Advisor drains the process-wide recorder, keeps its history in a SQLite file of its own, and
// never runs a statement on the application's connections except one look at their settings in
// Watch, and one at the schema on idle ones after a change. All methods are safe for concurrent use.
package advisor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/alert"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	"github.com/sqliteperf/sqliteperf/internal/history"
	"github.com/sqliteperf/sqliteperf/internal/request"
)

// Config configures an Advisor. The zero value works.
type Config struct {
	History   string        // SQLite file for summaries, recommendations and audit; default "advisor.db"
	MaxBytes  int64         // size of that file; default 64 MiB
	Retention time.Duration // how far back it reaches; default 90 days

	Interval time.Duration // how long one summary covers; default 10s, at least 1s
	Every    time.Duration // how often to look for advice; default 1m; negative: only Analyze does
	Window   time.Duration // how much traffic advice rests on; default 24h

	ShadowDir string // where shadow copies are made; default the system's temporary directory
	MaxShadow int64  // largest database to copy, in bytes; default 1 GiB
	NoProof   bool   // never copy a database: advice stays proposed

	Watch Watching // how applied changes are watched on live traffic
	Auto  Auto     // changes that the advisor makes by itself; default none

	Logger *slog.Logger // default slog.Default()

	recorder *capture.Recorder // the process-wide one unless a test says otherwise
}

func (c Config) withDefaults() Config {
	c.History = cmp.Or(c.History, "advisor.db")
	c.Interval = max(cmp.Or(c.Interval, 10*time.Second), time.Second)
	c.Every = cmp.Or(c.Every, time.Minute)
	c.Window = cmp.Or(c.Window, 24*time.Hour)
	c.Watch, c.Auto = c.Watch.withDefaults(), c.Auto.withDefaults()
	c.Logger = cmp.Or(c.Logger, slog.Default())
	c.recorder = cmp.Or(c.recorder, capture.Default)
	return c
}

// Advisor watches databases and advises on them.
type Advisor struct {
	config Config
	store  *history.Store
	alerts *alert.Tracker
	feed   *feed
	open   atomic.Pointer[openInterval]
	found  atomic.Pointer[[]request.Finding] // of requests, as of the last second; never changed once here

	written atomic.Uint64 // closed intervals that the writer is done with

	closing context.Context // ends when Close begins, and with it what callers wait for
	cancel  context.CancelFunc
	closed  func() error // Close, once
	wg      sync.WaitGroup
	again   chan struct{} // asks for an analysis soon
	pulse   pulse

	// changing is held while the application's database is changed: one change at a time.
	changing sync.Mutex

	exporting sync.Mutex // held while exporters run
	exporters []*Exporter

	// analyzing holds one token during an analysis: one at a time.
	analyzing chan struct{}

	mu        sync.Mutex
	databases []*watched
	recs      map[string]*Recommendation // never changed once here: replaced as a whole
	analysis  Analysis
	restUntil time.Time                     // when the next analysis may begin
	texts     map[uint64]*capture.Statement // live statements by digest, whose texts can be replayed
}

// Open opens the history, attaches to the recorder and starts. It fails with capture.ErrAttached,
// wrapped, if another Advisor of the process drains the recorder already.
func Open(c Config) (*Advisor, error) {
	c = c.withDefaults()
	ctx, cancel := context.WithCancel(context.Background())
	reader, err := c.recorder.Attach()
	if err != nil {
		cancel()
		return nil, fmt.Errorf("open advisor: %w", err)
	}
	store, err := history.Open(ctx, history.Config{Path: c.History, MaxBytes: c.MaxBytes, Retention: c.Retention})
	if err != nil {
		cancel()
		reader.Detach()
		return nil, fmt.Errorf("open advisor: %w", err)
	}
	a := &Advisor{
		config: c, store: store, cancel: cancel, feed: newFeed(), alerts: &alert.Tracker{},
		recs: map[string]*Recommendation{}, texts: map[uint64]*capture.Statement{},
		analysis: Analysis{Skipped: []Skipped{}}, again: make(chan struct{}, 1),
		closing: ctx, analyzing: make(chan struct{}, 1),
	}
	if err := a.restore(ctx); err != nil {
		cancel()
		reader.Detach()
		return nil, errors.Join(fmt.Errorf("open advisor: %w", err), store.Close())
	}
	a.found.Store(&[]request.Finding{})
	a.closed = sync.OnceValue(a.shutDown)
	a.start(ctx, reader)
	return a, nil
}

// start starts the goroutines: the drain, the writer of closed intervals, and the analysis.
func (a *Advisor) start(ctx context.Context, reader *capture.Reader) {
	closed := make(chan closedInterval, 16)
	d := &drain{Advisor: a, reader: reader, table: digest.NewTable(digest.Config{}), tracker: request.NewTracker(request.Config{}), closed: closed, started: time.Now(), counted: a.config.recorder.Counts()}
	a.open.Store(&openInterval{start: d.started})
	a.wg.Go(func() { d.run(ctx) })
	a.wg.Go(func() { a.write(closed) })
	if a.config.Every > 0 {
		a.wg.Go(func() { a.analyzeEvery(ctx) })
	}
	a.wg.Go(func() { a.watchEvery(ctx) })
	if a.config.Auto.On {
		a.wg.Go(func() { a.autoEvery(ctx) })
	}
}

// Close stops the analysis and the drain, stores the open interval, and closes the history.
// A change under way is finished or rolled back first. Calling it again does nothing more.
func (a *Advisor) Close() error { return a.closed() }

func (a *Advisor) shutDown() error {
	a.cancel()
	a.wg.Wait()
	a.analyzing <- struct{}{} // a caller's Analyze has ended, and no other begins
	a.changing.Lock()
	defer a.changing.Unlock()
	a.feed.close()
	return a.store.Close()
}

// log reports what went wrong in the background.
func (a *Advisor) log(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		a.config.Logger.Error("sqlite-perf: "+what, "err", err)
	}
}
