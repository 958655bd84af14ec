package otel

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// rule decides what becomes a span.
type rule struct {
	slow   time.Duration // what takes as long does, and what failed; negative: what failed; 0: neither
	below  uint64        // traces do whose ID ends in 63 bits below it
	parent bool          // where there is a parent, its decision holds
}

// ruleOf is the rule of the Config, or the sampler's if the environment names one.
func ruleOf(c Config, sampler, arg string) (rule, error) {
	if sampler == "" {
		return rule{slow: c.Slow, below: bound(c.Ratio)}, nil
	}
	kind, parent := strings.CutPrefix(strings.ToLower(sampler), "parentbased_")
	r := rule{parent: parent}
	switch kind {
	case "always_on":
		r.below = bound(1)
	case "always_off":
	case "traceidratio":
		ratio, err := strconv.ParseFloat(arg, 64)
		if arg == "" {
			ratio, err = 1, nil
		}
		if err != nil || !(ratio >= 0 && ratio <= 1) {
			return r, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG=%s: not a number from 0 to 1", arg)
		}
		r.below = bound(ratio)
	default:
		return r, fmt.Errorf("OTEL_TRACES_SAMPLER=%s: no such sampler", sampler)
	}
	return r, nil
}

// bound is the SDK's, so that services with the same ratio choose the same traces.
func bound(ratio float64) uint64 {
	return uint64(min(max(ratio, 0), 1) * (1 << 63))
}

// trace says whether the trace is chosen by its ID.
func (r rule) trace(id [16]byte) bool { return r.tail(binary.BigEndian.Uint64(id[8:])) }

// tail is trace for the last eight bytes of an ID.
func (r rule) tail(id uint64) bool { return id>>1 < r.below }

// under says whether spans of t are chosen by their trace. Of what another service or the application
// itself began, t.Sampled is what was decided there.
func (r rule) under(t *capture.Trace, begun bool) bool {
	if r.parent && begun {
		return t.Sampled
	}
	return r.trace(t.TraceID)
}

// remarkable says whether ev is exported for what it is.
func (r rule) remarkable(ev *capture.Event) bool {
	return r.slow != 0 && (r.slow > 0 && ev.Total >= r.slow || ev.Failed())
}

// none says that nothing can ever be chosen.
func (r rule) none() bool { return r.slow == 0 && r.below == 0 && !r.parent }
