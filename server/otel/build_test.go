package otel

import (
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// A clock that was set is followed: spans are where those of others are.
func TestClockThatWasSet(t *testing.T) {
	for _, wrong := range []time.Duration{time.Hour, -time.Hour, time.Second} {
		b := builder{set: wrong}
		if off := time.Since(b.at(capture.Now())).Abs(); off > 500*time.Millisecond {
			t.Errorf("%v wrong: spans are off by %v", wrong, off)
		}
	}
}
