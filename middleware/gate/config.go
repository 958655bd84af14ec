package gate

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// ErrConfig reports a Config that makes no sense.
var ErrConfig = errors.New("invalid gate configuration")

// Config configures a Gate. The zero value works.
type Config struct {
	// Objective is how long work may take. The Gate aims at half of it for nine of ten, so that 99 of
	// 100 make it. Default 100ms; for HTTP routes, if it is zero, only until 5 times their own healthy
	// median is known, which is then their target.
	Objective time.Duration
	// Routes are objectives of single HTTP routes, by pattern with or without method: "GET /orders/{id}".
	Routes map[string]time.Duration
	// Max bounds the limit. Default 64, or 10 times the usual number in flight where that is more.
	Max int
	// Share is what Ordinary may use of the limit, above 0 up to 1. Default 0.8.
	Share float64

	Window     time.Duration // least time between two decisions; default 100ms
	Samples    int           // least samples of a decision; default 20
	LongWindow time.Duration // after so long FewSamples are enough; default 5 windows
	FewSamples int           // default 5, or Samples if that is less

	// DryRun admits everything and counts what it would reject. Since nothing is shed, it cannot find out
	// whether shedding would help, and calls a slow dependency overload.
	DryRun bool
	// OnNotice is told when a slow dependency is found, and when it is over. It is called on the Gate's
	// goroutine: it must not wait. A panic in it is dropped.
	OnNotice func(Notice)

	// Exempt says which HTTP requests pass unseen. Default Exempt of this package.
	Exempt func(*http.Request) bool
	// ExemptPaths are exempt besides, exactly as written, or with all below if they end in "/".
	// Default DefaultExemptPaths; empty but not nil for none.
	ExemptPaths []string
	// Classify says how important an HTTP request is. Default Ordinary for all.
	Classify func(*http.Request) Class
	// RetryAfter is the least of what rejected HTTP clients are told to wait; they are spread over twice as
	// long, in whole seconds. Default 1s.
	RetryAfter time.Duration
}

func (c Config) withDefaults() Config {
	c.Share, c.RetryAfter = cmp.Or(c.Share, 0.8), cmp.Or(c.RetryAfter, time.Second)
	c.Window, c.Samples = cmp.Or(c.Window, 100*time.Millisecond), cmp.Or(c.Samples, 20)
	c.LongWindow = cmp.Or(c.LongWindow, 5*c.Window)
	c.FewSamples = cmp.Or(c.FewSamples, min(5, c.Samples))
	if c.Exempt == nil {
		c.Exempt = Exempt
	}
	if c.ExemptPaths == nil {
		c.ExemptPaths = DefaultExemptPaths()
	}
	if c.Classify == nil {
		c.Classify = func(*http.Request) Class { return Ordinary }
	}
	return c
}

// objective is the Gate's own.
func (c Config) objective() time.Duration { return cmp.Or(c.Objective, 100*time.Millisecond) }

// Bounds of what makes sense: the watch ticks every 10ms, and nobody waits for an hour.
const (
	leastObjective = 100 * time.Microsecond
	mostObjective  = time.Hour
	mostLimit      = 1 << 20
	leastWindow    = 2 * tick
	mostWindow     = time.Minute
	mostSamples    = 1 << 20
)

// check finds the first field that makes no sense.
func (c Config) check() error {
	d := c.withDefaults()
	for _, f := range []struct {
		name string
		ok   bool
		got  any
		want string
	}{
		{"Objective", within(c.objective(), leastObjective, mostObjective), c.Objective, "100µs to 1h"},
		{"Max", c.Max >= 0 && c.Max <= mostLimit, c.Max, "1 to 1048576, or 0 for the default"},
		{"Share", d.Share > 0 && d.Share <= 1, c.Share, "above 0 up to 1"},
		{"Window", within(d.Window, leastWindow, mostWindow), c.Window, "20ms to 1m"},
		{"LongWindow", within(d.LongWindow, d.Window, 5*mostWindow), c.LongWindow, "Window to 5m"},
		{"Samples", within(d.Samples, 1, mostSamples), c.Samples, "1 to 1048576"},
		{"FewSamples", within(d.FewSamples, 1, d.Samples), c.FewSamples, "1 to Samples"},
		{"RetryAfter", within(d.RetryAfter, 0, mostObjective), c.RetryAfter, "up to 1h"},
	} {
		if !f.ok {
			return fmt.Errorf("%w: %s is %v, want %s", ErrConfig, f.name, f.got, f.want)
		}
	}
	for name, objective := range c.Routes {
		if !within(objective, leastObjective, mostObjective) {
			return fmt.Errorf("%w: objective of route %q is %v, want 100µs to 1h", ErrConfig, name, objective)
		}
	}
	return nil
}

func within[T cmp.Ordered](v, least, most T) bool { return v >= least && v <= most }
