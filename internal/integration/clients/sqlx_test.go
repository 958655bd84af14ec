package clients

import (
	"testing"

	"github.com/jmoiron/sqlx"
)

var sqlxClient = client{
	script: sqlxLife,
	captured: []string{
		"CREATE TABLE person", "INSERT INTO person(name, age) VALUES (?, ?)", "SELECT * FROM person WHERE name = ?",
		"SELECT name FROM person WHERE age IN (", "UPDATE person SET age = age + ?", "DELETE FROM person",
	},
	commits: 1, rollbacks: 1,
}

type sqlxPerson struct {
	ID   int64   `db:"id"`
	Name string  `db:"name"`
	Age  int     `db:"age"`
	Note *string `db:"note"`
}

func sqlxLife(t *testing.T, a *app) {
	db, err := sqlx.Connect(a.driver, a.dsn)
	must(t, err)
	defer db.Close()
	_, err = db.Exec("CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, age INT, note TEXT)")
	must(t, err)

	people := []sqlxPerson{{Name: "Ada", Age: 36}, {Name: "Alan", Age: 41}, {Name: "Grace", Age: 85}}
	result, err := db.NamedExec("INSERT INTO person(name, age) VALUES (:name, :age)", people)
	must(t, err)
	changed, err := result.RowsAffected()
	a.see("inserted", changed, err)
	_, err = db.NamedExec("INSERT INTO person(name, age) VALUES (:name, :age)", people[0])
	a.fail("inserted again", err)

	sqlxRead(t, a, db)
	sqlxTransactions(t, a, db)
}

func sqlxRead(t *testing.T, a *app, db *sqlx.DB) {
	t.Helper()
	var one sqlxPerson
	must(t, db.Get(&one, "SELECT * FROM person WHERE name = ?", "Alan"))
	a.see("get", one)
	a.fail("get of nobody", db.Get(&one, "SELECT * FROM person WHERE name = ?", "nobody"))
	a.fail("get of a missing column", db.Get(&one, "SELECT 1 AS nothing"))

	query, args, err := sqlx.In("SELECT name FROM person WHERE age IN (?) ORDER BY name", []int{36, 85})
	must(t, err)
	var names []string
	must(t, db.Select(&names, db.Rebind(query), args...))
	a.see("in", query, names)

	rows, err := db.NamedQuery("SELECT * FROM person WHERE age > :age ORDER BY id", map[string]any{"age": 40})
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		must(t, rows.StructScan(&one))
		a.see("row", one)
	}
	must(t, rows.Err())
}

func sqlxTransactions(t *testing.T, a *app, db *sqlx.DB) {
	t.Helper()
	tx := db.MustBegin()
	birthday, err := tx.PrepareNamed("UPDATE person SET age = age + 1 WHERE name = :name")
	must(t, err)
	birthday.MustExec(map[string]any{"name": "Ada"})
	must(t, birthday.Close())
	must(t, tx.Commit())
	a.fail("commit again", tx.Commit())

	tx = db.MustBegin()
	tx.MustExec("DELETE FROM person")
	must(t, tx.Rollback())
	var people []sqlxPerson
	must(t, db.Select(&people, "SELECT * FROM person ORDER BY id"))
	a.see("people", people)
}
