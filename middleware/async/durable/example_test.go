package durable_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	_ "github.com/sqliteperf/sqliteperf/driver"
	"github.com/sqliteperf/sqliteperf/middleware/async/durable"
)

// Welcome is a letter that each new user gets.
type Welcome struct{ User string }

// A user and the letter to them are one transaction: there is never one without the other.
func Example() {
	if err := signUp(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: dear ann
}

func signUp(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "durable")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	db, err := sql.Open("sqlite-perf", "file:"+filepath.Join(dir, "app.db")+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "CREATE TABLE user(name TEXT)"); err != nil {
		return err
	}

	queue, err := durable.Open(ctx, db, durable.Config{})
	if err != nil {
		return err
	}
	sent := make(chan string)
	err = durable.Handle(queue, "welcome", func(_ context.Context, letter Welcome) error {
		sent <- "dear " + letter.User
		return nil
	})
	if err != nil {
		return err
	}
	if err := queue.Start(ctx); err != nil {
		return err
	}

	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, "INSERT INTO user VALUES ('ann')"); err != nil {
		return err
	}
	if _, err := queue.EnqueueTx(ctx, tx, Welcome{"ann"}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	fmt.Println(<-sent)
	return queue.Close(ctx)
}
