package async

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thejerf/suture/v4"
)

func newSupervisor(t testing.TB, c SupervisorConfig) *Supervisor {
	t.Helper()
	s, err := NewSupervisor(c)
	must(t, err)
	return s
}

// TestSupervisorRestarts notes when a component that fails at once is begun.
func TestSupervisorRestarts(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error":    func() error { return errBroken },
		"panic":    func() error { panic(errBroken) },
		"goexit":   func() error { runtime.Goexit(); return nil },
		"sentinel": func() error { return suture.ErrTerminateSupervisorTree }, // is an order to suture, and none here
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []ComponentFailure
				s := newSupervisor(t, SupervisorConfig{Restarts: 3, OnFailure: func(f ComponentFailure) { told = append(told, f) }})
				start := time.Now()
				var at []time.Duration
				must(t, s.Add("feed", func(context.Context) error { at = append(at, time.Since(start)); return fail() }))
				must(t, s.Add("clock", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }))
				time.Sleep(time.Hour)
				synctest.Wait()
				if fmt.Sprint(at) != "[0s 100ms 300ms 700ms]" {
					t.Errorf("begun at %v", at)
				}
				if len(told) != 4 || !told[3].GivenUp || told[2].GivenUp || told[0].Component != "feed" {
					t.Errorf("told %+v", told)
				}
				stats := s.Stats()
				if feed := stats[1]; feed.State != "failed" || feed.Restarts != 3 || feed.Failures != 4 || feed.LastError == "" {
					t.Errorf("%+v", feed)
				}
				if clock := stats[0]; clock.State != "running" || clock.Restarts != 0 || clock.LastError != "" {
					t.Errorf("%+v", clock)
				}
				must(t, s.Close(t.Context()))
				if s := s.Stats()[0]; s.State != "closed" || s.LastError != "" {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// TestSupervisorOnPurpose restarts components that run, wait, are done and were given up.
func TestSupervisorOnPurpose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSupervisor(t, SupervisorConfig{Restarts: 1, Backoff: time.Minute, MaxWait: time.Minute})
		var runs, fails, dones atomic.Int64
		must(t, s.Add("runs", func(ctx context.Context) error { runs.Add(1); <-ctx.Done(); return ctx.Err() }))
		must(t, s.Add("fails", func(context.Context) error { fails.Add(1); return errBroken }))
		must(t, s.Add("done", func(context.Context) error { dones.Add(1); return nil }))
		expect := func(r, f, d int64) {
			t.Helper()
			synctest.Wait()
			if runs.Load() != r || fails.Load() != f || dones.Load() != d {
				t.Errorf("begun %d, %d and %d times; want %d, %d and %d", runs.Load(), fails.Load(), dones.Load(), r, f, d)
			}
		}
		all := func() {
			for _, name := range []string{"runs", "fails", "done"} {
				must(t, s.Restart(name))
			}
		}
		expect(1, 1, 1)
		all() // "fails" waits
		expect(2, 2, 2)
		time.Sleep(time.Hour)
		expect(2, 3, 2) // and is given up
		all()
		expect(3, 4, 3)
		if got := s.Stats()[2]; got.Asked != 2 || got.Restarts != 2 || got.Failures != 0 || got.State != "running" {
			t.Errorf("%+v", got)
		}
		wants(t, s.Restart("nobody"), ErrNoSuch)
		if s.Add("runs", nothing) == nil || s.Add("none", nil) == nil {
			t.Error("added twice, or without a function")
		}
		must(t, s.Remove("runs"))
		wants(t, s.Remove("runs"), ErrNoSuch)
		must(t, s.Close(t.Context()))
		expect(3, 4, 3)
	})
}

// TestNoRestartAfterClose guards against suture's restarting a component that panics while the supervisor stops.
func TestNoRestartAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSupervisor(t, SupervisorConfig{Name: "feeds"})
		var begun atomic.Int64
		must(t, s.Add("stubborn", func(ctx context.Context) error {
			begun.Add(1)
			<-ctx.Done()
			time.Sleep(time.Minute)
			panic("at the end")
		}))
		must(t, s.Add("waits", func(ctx context.Context) error { return errBroken }))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := s.Close(ctx)
		if e, ok := errors.AsType[*CloseError](err); !ok || e.Left[0] != (Left{"supervisor", "feeds", 0, 1}) {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		must(t, s.Close(t.Context()))
		if begun.Load() != 1 {
			t.Errorf("begun %d times", begun.Load())
		}
		wants(t, s.Restart("stubborn"), ErrClosed)
		wants(t, s.Add("new", nothing), ErrClosed)
	})
}
