package gate

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
)

func BenchmarkPermit(b *testing.B) {
	b.Run("timed", func(b *testing.B) {
		g := unticked(b, Config{})
		for b.Loop() {
			p, _ := g.Acquire(background, Ordinary)
			p.Release(Done)
		}
	})
	b.Run("at a million per second", func(b *testing.B) {
		g := unticked(b, Config{})
		g.repace(100_000, g.config.Window)
		for b.Loop() {
			p, _ := g.Acquire(background, Ordinary)
			p.Release(Done)
		}
	})
	b.Run("cancelable context", func(b *testing.B) {
		g := started(b, Config{})
		ctx, cancel := context.WithCancel(background)
		defer cancel()
		for b.Loop() {
			p, _ := g.Acquire(ctx, Ordinary)
			p.Release(Done)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		g := started(b, Config{})
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if p, err := g.Acquire(background, Ordinary); err == nil {
					p.Release(Done)
				}
			}
		})
	})
	b.Run("failsafe-go", func(b *testing.B) {
		l := adaptivelimiter.NewWithDefaults[any]()
		for b.Loop() {
			p, _ := l.TryAcquirePermit()
			p.Record()
		}
	})
}

func BenchmarkRejection(b *testing.B) {
	g := unticked(b, Config{Max: 1})
	acquire(b, g, Ordinary)
	for b.Loop() {
		_, _ = g.Acquire(background, Ordinary)
	}
}

type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header         { return n.header }
func (n nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n nowhere) WriteHeader(int)             {}

func BenchmarkHTTP(b *testing.B) {
	inner := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	g := unticked(b, Config{Objective: objective})
	full := unticked(b, Config{Max: 1})
	acquire(b, full, Ordinary)
	for name, h := range map[string]http.Handler{"raw": inner, "gated": g.HTTP(inner), "rejected": full.HTTP(inner)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r := httptest.NewRequest("GET", "/x", nil)
			r.Pattern = "GET /x"
			w := nowhere{http.Header{}}
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}
