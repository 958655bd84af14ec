package driver

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"weak"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

func TestStatementsBelongToWhoeverRanThem(t *testing.T) {
	background := context.Background()
	request, other := capture.NewScope(), capture.NewScope()
	ctx, otherCtx := capture.WithScope(background, request), capture.WithScope(background, other)
	for name, test := range map[string]struct {
		run  func(r *recording) error
		want []*capture.Scope
	}{
		"nobody": {func(r *recording) error { _, err := r.Exec("SELECT 1"); return err }, []*capture.Scope{nil}},
		"the context's scope": {func(r *recording) error {
			_, err := r.ExecContext(ctx, "SELECT 1")
			return errors.Join(err, r.QueryRowContext(ctx, "SELECT 1").Scan(new(int)))
		}, []*capture.Scope{request, request}},
		"the context's scope, prepared without": {func(r *recording) error {
			st, err := r.Prepare("SELECT 1")
			if err != nil {
				return err
			}
			defer st.Close()
			_, err = st.ExecContext(ctx)
			return errors.Join(err, st.QueryRowContext(otherCtx).Scan(new(int)), st.QueryRow().Scan(new(int)))
		}, []*capture.Scope{request, other, nil}},
		"the transaction's scope, then nobody": {func(r *recording) error {
			r.SetMaxOpenConns(1)
			tx, err := r.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			_, err = tx.Exec("SELECT 1")
			_, otherErr := tx.ExecContext(otherCtx, "SELECT 1")
			err = errors.Join(err, otherErr, tx.QueryRow("SELECT 1").Scan(new(int)), tx.Commit())
			_, after := r.Exec("SELECT 1")
			return errors.Join(err, after)
		}, []*capture.Scope{request, other, request, request, nil}},
		"the context's scope in a transaction without": {func(r *recording) error {
			tx, err := r.Begin()
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, "SELECT 1")
			return errors.Join(err, tx.Rollback())
		}, []*capture.Scope{request, nil}},
		"the context's scope in a muted transaction": {func(r *recording) error {
			tx, err := r.BeginTx(capture.Mute(background), nil)
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, "SELECT 1")
			return errors.Join(err, tx.Rollback())
		}, []*capture.Scope{request}},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t, "", Config{})
			before := map[*capture.Scope]int64{request: request.Statements(), other: other.Statements()}
			must(t, test.run(r))
			events := r.events()
			if len(events) != len(test.want) {
				t.Fatalf("%d events, want %d", len(events), len(test.want))
			}
			for i, ev := range events {
				if ev.Scope != test.want[i] {
					t.Errorf("event %d belongs to %+v, want %+v", i, ev.Scope, test.want[i])
				}
				if ev.Scope != nil && ev.Kind == capture.KindStatement {
					before[ev.Scope]++
				}
			}
			for scope, want := range before {
				if got := scope.Statements(); got != want || got > 0 && scope.Time() <= 0 {
					t.Errorf("scope %d counts %d statements in %v, want %d", scope.ID, got, scope.Time(), want)
				}
			}
		})
	}
}

func TestConnectionsAndTransactionsAreNumbered(t *testing.T) {
	r := record(t, "", Config{})
	one, two := single(t, r.DB), single(t, r.DB)
	for range 2 {
		tx, err := one.BeginTx(context.Background(), nil)
		must(t, err)
		must(t, tx.Commit())
	}
	_, err := two.ExecContext(context.Background(), "SELECT 1")
	must(t, err)
	events := r.events()
	if len(events) != 3 {
		t.Fatalf("%d events, want 3", len(events))
	}
	first, second, third := events[0], events[1], events[2]
	if first.Conn == 0 || second.Conn != first.Conn || third.Conn <= first.Conn {
		t.Errorf("connections %d, %d and %d", first.Conn, second.Conn, third.Conn)
	}
	if first.Tx == 0 || second.Tx <= first.Tx || third.Tx != 0 {
		t.Errorf("transactions %d, %d and %d", first.Tx, second.Tx, third.Tx)
	}
}

func TestClosedConnectionsLeaveTheRecorder(t *testing.T) {
	r := record(t, "", Config{})
	var ring weak.Pointer[capture.Ring]
	c := single(t, r.DB)
	raw(t, c, func(dc any) { ring = weak.Make(dc.(*conn).ring) })
	_, err := c.ExecContext(context.Background(), "SELECT 1")
	must(t, errors.Join(err, c.Close(), r.Close()))
	if n := len(r.events()); n != 1 {
		t.Errorf("%d events after the close, want the last one", n)
	}
	if c := r.recorder.Counts(); c != (capture.Counts{Recorded: 1, Drained: 1}) {
		t.Errorf("counts %+v", c)
	}
	runtime.GC()
	if ring.Value() != nil {
		t.Error("the ring of a closed connection is kept")
	}
}
