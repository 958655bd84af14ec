package sqlmiddleware

import (
	"context"
	"database/sql/driver"
	"errors"
	"testing"
)

// scripted is a connection whose every answer comes from a function.
type scripted struct{ answer func() error }

func (s *scripted) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	if err := s.answer(); err != nil {
		return nil, err
	}
	return driver.RowsAffected(1), nil
}

func (s *scripted) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) {
	return nil, s.answer()
}

// busyError is a SQLITE_BUSY of SQLite's own.
func busyError(t testing.TB) error {
	t.Helper()
	path := file(t)
	defer lock(t, path, "IMMEDIATE")()
	_, err := open(t, path).Exec("INSERT INTO t(a) VALUES (3)")
	if !isBusy(err) {
		t.Fatal(err)
	}
	return err
}

// TestBudget: while one statement is within its retry, the retry of another is over budget.
func TestBudget(t *testing.T) {
	busy := busyError(t)
	retry := Retry(RetryConfig{Delay: -1, BudgetRate: 1e-9, BudgetMin: 1})
	calls := 0
	_, err := retry.ConnExecContext(background, &scripted{func() error {
		if calls++; calls == 1 {
			return busy
		}
		_, other := retry.ConnExecContext(background, &scripted{func() error { return busy }}, "SELECT 1", nil)
		if other != busy {
			t.Errorf("over budget: %v, want the busy error", other)
		}
		return nil
	}}, "SELECT 1", nil)
	must(t, err)
	if s := retry.Stats(); s != (RetryStats{Retries: 1, Recovered: 1, Exhausted: 1}) {
		t.Errorf("%+v", s)
	}
}

func TestOtherErrorsEndRetries(t *testing.T) {
	busy, other := busyError(t), errors.New("constraint")
	answers := []error{busy, busy, other}
	retry := Retry(RetryConfig{Delay: -1})
	_, err := retry.ConnExecContext(background, &scripted{func() (err error) {
		err, answers = answers[0], answers[1:]
		return err
	}}, "SELECT 1", nil)
	if s := retry.Stats(); err != other || s != (RetryStats{Retries: 2, Recovered: 1}) {
		t.Errorf("%v and %+v", err, s)
	}
	for _, err := range []error{driver.ErrSkip, driver.ErrBadConn, other} {
		if _, got := retry.ConnExecContext(background, &scripted{func() error { return err }}, "SELECT 1", nil); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}

func TestPanickingCallbackIsIgnored(t *testing.T) {
	path := file(t)
	unlock := lock(t, path, "IMMEDIATE")
	retry := Retry(RetryConfig{Delay: -1, OnRetry: func(context.Context, RetryEvent) { unlock(); panic("mine") }})
	run(t, open(t, path, retry), "INSERT INTO t(a) VALUES (3)")
	if n := count(t, path); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
}

// TestPanickingAttempt: the panic of an interceptor below reaches whoever is above, and the budget is as before.
func TestPanickingAttempt(t *testing.T) {
	busy := busyError(t)
	retry := Retry(RetryConfig{Delay: -1, BudgetRate: 1e-9, BudgetMin: 1})
	for range 3 {
		calls := 0
		panicked := func() (value any) {
			defer func() { value = recover() }()
			retry.ConnExecContext(background, &scripted{func() error {
				if calls++; calls > 1 {
					panic("below")
				}
				return busy
			}}, "SELECT 1", nil)
			return nil
		}()
		if panicked != "below" {
			t.Errorf("panicked with %v", panicked)
		}
	}
	if s := retry.Stats(); s != (RetryStats{Retries: 3}) {
		t.Errorf("%+v", s)
	}
}

// TestSuccessAfterTheContextEnded: a BEGIN that took effect reaches database/sql even if the context is done by
// then, or nobody would end the transaction.
func TestSuccessAfterTheContextEnded(t *testing.T) {
	busy, calls := busyError(t), 0
	ctx, cancel := context.WithCancel(background)
	retry := Retry(RetryConfig{Delay: -1})
	_, tx, err := retry.ConnBeginTx(ctx, &scripted{func() error {
		if calls++; calls == 1 {
			return busy
		}
		cancel()
		return nil
	}}, driver.TxOptions{})
	if err != nil || tx == nil {
		t.Errorf("%v and %v", tx, err)
	}
}
