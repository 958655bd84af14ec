package gate

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var background = context.Background()

// started is a Gate with its goroutine.
func started(t testing.TB, c Config) *Gate {
	t.Helper()
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// unticked is a Gate whose ticks come from the test.
func unticked(t testing.TB, c Config) *Gate {
	t.Helper()
	g, err := build(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// acquire must be admitted.
func acquire(t testing.TB, g *Gate, class Class) Permit {
	t.Helper()
	p, err := g.Acquire(background, class)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// limit sets the limit by hand.
func limit(g *Gate, n float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.law.limit = n
	g.bound(n)
}

func ms(n int) int64 { return int64(n) * int64(time.Millisecond) }
