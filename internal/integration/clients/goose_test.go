package clients

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"testing"

	"github.com/pressly/goose/v3"
)

var gooseClient = client{
	script:   gooseLife,
	captured: []string{"CREATE TABLE track", "CREATE TRIGGER track_title", "DROP TABLE track", "INSERT INTO goose_db_version"},
	// The version table, two up and two down are committed, the broken one is not.
	commits: 5, rollbacks: 1,
}

//go:embed migrations/*.sql
var migrations embed.FS

func gooseLife(t *testing.T, a *app) {
	ctx := t.Context()
	files, err := fs.Sub(migrations, "migrations")
	must(t, err)
	provider, err := goose.NewProvider(goose.DialectSQLite3, a.open(t), files)
	must(t, err)

	gooseStatus(ctx, t, a, provider)
	_, err = provider.UpTo(ctx, 2)
	must(t, err)
	gooseStatus(ctx, t, a, provider)

	_, err = provider.Up(ctx)
	var partial *goose.PartialError
	a.see("broken", errors.As(err, &partial))
	a.fail("broken", partial.Err)
	gooseStatus(ctx, t, a, provider)

	for range 2 {
		result, err := provider.Down(ctx)
		must(t, err)
		a.see("down", result.Source.Version, result.Direction)
	}
	_, err = provider.Down(ctx)
	a.fail("down at the bottom", err)
	gooseStatus(ctx, t, a, provider)
}

func gooseStatus(ctx context.Context, t *testing.T, a *app, provider *goose.Provider) {
	t.Helper()
	statuses, err := provider.Status(ctx)
	must(t, err)
	for _, s := range statuses {
		a.see("status", s.Source.Path, s.State)
	}
	pending, err := provider.HasPending(ctx)
	a.see("pending", pending, err)
	version, err := provider.GetDBVersion(ctx)
	a.see("version", version, err)
}
