package driver

import (
	"fmt"
	"os"
	"strconv"

	"github.com/ngrok/sqlmw"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// Config configures a connector. The zero value works.
type Config struct {
	// Parameters says what is kept of the values bound to statements. Default ParametersTypes.
	Parameters Parameters

	// StatementCache is how many prepared statements each connection keeps for the texts it runs by
	// Query and Exec, the least recently used going first. Default 0: none, and each call is compiled
	// anew as the bare driver does. At most 10,000; a statement takes some KiB of SQLite's memory.
	StatementCache int

	// Interceptors run around every call between the capture and SQLite, the first outermost. What
	// they do is part of what is measured. One that panics fails the call it was part of, with a
	// *PanicError, and no other.
	Interceptors []sqlmw.Interceptor

	// NoCounters leaves out SQLite's own counters and the wait for locks.
	NoCounters bool

	// NoCallers leaves out the call site.
	NoCallers bool

	// CallerSkip are import paths, or prefixes of them ending in "/", whose functions are never the
	// call site, such as an application's own data layer. database/sql and common mappers always are.
	CallerSkip []string

	// Sink gets the events in place of the process-wide recorder, which the advisor drains. A panic
	// of it is swallowed, with the event.
	Sink Sink

	// recorder is where events go; the process-wide one unless a test says otherwise.
	recorder *capture.Recorder
}

// Sink takes events on the goroutine that ran the statement. It must return at once and be safe
// for concurrent use.
type Sink = capture.Sink

// Event is one finished statement or transaction.
type Event = capture.Event

// Parameters says what is kept of bound values.
type Parameters uint8

const (
	// ParametersTypes keeps the type and, of texts and blobs, the size class of the first eight values.
	// Proofs draw values from the columns that statements compare with, and say so.
	ParametersTypes Parameters = iota
	// ParametersHash also keeps a hash of all values under a key of the process, which tells calls
	// with equal values from others.
	ParametersHash
	// ParametersValues also keeps up to 32 parameter lists per statement in memory, equally likely any
	// of those bound so far. They are replayed on shadow copies, never stored or shown.
	ParametersValues
)

// mostCached bounds Config.StatementCache.
const mostCached = 10_000

func (c Config) check() error {
	if c.StatementCache < 0 || c.StatementCache > mostCached {
		return fmt.Errorf("sqlite-perf: StatementCache of %d is not within 0 and %d", c.StatementCache, mostCached)
	}
	if c.Parameters > ParametersValues {
		return fmt.Errorf("sqlite-perf: Parameters of %d is not known", c.Parameters)
	}
	return nil
}

// configFromEnv is what sql.Open uses: SQLITE_PERF_PARAMETERS is types, hash or values, and
// SQLITE_PERF_STATEMENT_CACHE is Config.StatementCache. What is neither counts as not set: a
// measuring tool does not keep its application from starting.
func configFromEnv() Config {
	var c Config
	switch os.Getenv("SQLITE_PERF_PARAMETERS") {
	case "hash":
		c.Parameters = ParametersHash
	case "values":
		c.Parameters = ParametersValues
	}
	if n, err := strconv.Atoi(os.Getenv("SQLITE_PERF_STATEMENT_CACHE")); err == nil && n > 0 && n <= mostCached {
		c.StatementCache = n
	}
	return c
}
