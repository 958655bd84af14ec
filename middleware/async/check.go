package async

import (
	"cmp"
	"fmt"
	"math"
	"time"
)

// The largest values that make sense. Beyond them a slip is likelier than a wish, such as nanoseconds given
// as a count.
const (
	maxWorkers  = 100_000
	maxQueue    = 10_000_000
	maxBatch    = 1_000_000
	maxRate     = 10_000_000 // per second: failsafe-go counts in whole nanoseconds, 100 of which are 1 % exact
	minRate     = 1e-4       // one in three hours
	maxFailures = 10_000
	maxNames    = 10_000
	maxWait     = 24 * time.Hour
)

// number is c, or def if c is 0. problem gets the first number out of 1 to most.
func number[N int | float64](problem *error, what string, c, def, least, most N) N {
	c = cmp.Or(c, def)
	if !(c >= least && c <= most) && *problem == nil { // also NaN
		*problem = fmt.Errorf("%w: %s is %v, want %v to %v, or 0 for %v", errConfig, what, c, least, most, def)
	}
	return c
}

// span is d, or def if d is 0. problem gets the first one out of a nanosecond to 24 hours.
func span(problem *error, what string, d, def time.Duration) time.Duration {
	d = cmp.Or(d, def)
	if (d < 1 || d > maxWait) && *problem == nil {
		*problem = fmt.Errorf("%w: %s is %v, want more than 0 and at most %v, or 0 for %v", errConfig, what, d, maxWait, def)
	}
	return d
}

// optional is d, whose zero means none.
func optional(problem *error, what string, d time.Duration) time.Duration {
	if (d < 0 || d > maxWait) && *problem == nil {
		*problem = fmt.Errorf("%w: %s is %v, want at most %v, or 0 for none", errConfig, what, d, maxWait)
	}
	return d
}

// choice reports an enumerated value that does not exist.
func choice[E ~uint8](problem *error, what string, e, last E) {
	if e > last && *problem == nil {
		*problem = fmt.Errorf("%w: %s is %d, want at most %d", errConfig, what, e, last)
	}
}

// finite is f as JSON can hold it.
func finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}
