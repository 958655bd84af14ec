package clients

import (
	"context"
	"errors"
	"testing"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
)

var bunClient = client{
	script: bunLife,
	captured: []string{
		"CREATE TABLE \"authors\"", "INSERT INTO \"books\"", "LEFT JOIN \"authors\"", "UPDATE \"authors\"", "DELETE FROM \"books\"",
	},
	commits: 1, rollbacks: 1,
}

type bunAuthor struct {
	bun.BaseModel `bun:"table:authors"`

	ID    int64 `bun:",pk,autoincrement"`
	Name  string
	Books []*bunBook `bun:"rel:has-many,join:id=author_id"`
}

type bunBook struct {
	bun.BaseModel `bun:"table:books"`

	ID       int64  `bun:",pk,autoincrement"`
	Title    string `bun:",unique"`
	AuthorID int64
	Author   *bunAuthor `bun:"rel:belongs-to,join:author_id=id"`
}

func bunLife(t *testing.T, a *app) {
	ctx := t.Context()
	db := bun.NewDB(a.open(t), sqlitedialect.New())
	for _, model := range []any{(*bunAuthor)(nil), (*bunBook)(nil)} {
		_, err := db.NewCreateTable().Model(model).Exec(ctx)
		must(t, err)
	}
	author := &bunAuthor{Name: "Ursula"}
	_, err := db.NewInsert().Model(author).Exec(ctx)
	must(t, err)
	books := []*bunBook{{Title: "The Dispossessed", AuthorID: author.ID}, {Title: "Tehanu", AuthorID: author.ID}}
	_, err = db.NewInsert().Model(&books).Exec(ctx)
	must(t, err)
	a.see("keys", author.ID, books[0].ID, books[1].ID)
	_, err = db.NewInsert().Model(&bunBook{Title: "Tehanu"}).Exec(ctx)
	a.fail("inserted again", err)

	bunRelations(ctx, t, a, db)
	bunTransactions(ctx, t, a, db)
}

func bunRelations(ctx context.Context, t *testing.T, a *app, db *bun.DB) {
	t.Helper()
	var books []bunBook
	must(t, db.NewSelect().Model(&books).Relation("Author").Order("bun_book.id").Scan(ctx))
	for _, b := range books {
		a.see("book", b.ID, b.Title, b.Author.Name)
	}
	var author bunAuthor
	must(t, db.NewSelect().Model(&author).Relation("Books").Where("name = ?", "Ursula").Scan(ctx))
	a.see("author", author.Name, len(author.Books))
	a.fail("nobody", db.NewSelect().Model(&author).Where("name = ?", "nobody").Scan(ctx))
}

func bunTransactions(ctx context.Context, t *testing.T, a *app, db *bun.DB) {
	t.Helper()
	must(t, db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.NewUpdate().Model((*bunAuthor)(nil)).Set("name = ?", "Le Guin").Where("id = 1").Exec(ctx)
		if err == nil {
			n, err := result.RowsAffected()
			a.see("updated", n, err)
		}
		return err
	}))
	changed := errors.New("changed their mind")
	a.fail("rolled back", db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*bunBook)(nil)).Where("1 = 1").Exec(ctx)
		return errors.Join(changed, err)
	}))
	n, err := db.NewSelect().Model((*bunBook)(nil)).Count(ctx)
	a.see("books left", n, err)
}
