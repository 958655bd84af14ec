// Package demo is a small shop on SQLite that somebody forgot to index, with customers that keep
// it busy. It shows what sqlite-perf sees in an application like any other.
//
// Everything is bounded: the data, the rate of requests, and the time.
package demo

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Sizes of the generated tables.
const (
	Customers = 20_000
	Products  = 2_000
	Orders    = 120_000
	Items     = 200_000
)

const tables = `
CREATE TABLE customers(id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT NOT NULL, country TEXT NOT NULL);
CREATE TABLE products(id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, name TEXT NOT NULL, price_cents INTEGER NOT NULL, stock INTEGER NOT NULL);
CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id), status TEXT NOT NULL,
	total_cents INTEGER NOT NULL, created_at INTEGER NOT NULL);
CREATE TABLE order_items(id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders(id),
	product_id INTEGER NOT NULL REFERENCES products(id), quantity INTEGER NOT NULL);
CREATE INDEX customers_country ON customers(country);
CREATE INDEX customers_country_name ON customers(country, name);
`

var countries = []string{"DE", "US", "FR", "GB", "IT", "ES", "NL", "PL", "SE", "AT"}

// skewed draws from 1 to n so that few numbers are common and most are rare, as customers and
// products are: the logarithm of the number is uniform.
func skewed(r *rand.Rand, n int) int {
	return min(n, int(math.Exp(r.Float64()*math.Log(float64(n)+1))))
}

// status is mostly "done": a column whose common value no index helps with and whose rare ones do.
func status(r *rand.Rand) string {
	switch p := r.Float64(); {
	case p < 0.002:
		return "new"
	case p < 0.01:
		return "packed"
	case p < 0.03:
		return "sent"
	}
	return "done"
}

// content is what the tables are filled with, in order: one prepared INSERT each, run for every id.
var content = []struct {
	insert string
	rows   int
	row    func(r *rand.Rand, id int) []any
}{
	{"INSERT INTO customers VALUES (?, ?, ?, ?)", Customers, customer},
	{"INSERT INTO products VALUES (?, ?, ?, ?, ?)", Products, product},
	{"INSERT INTO orders VALUES (?, ?, ?, ?, ?)", Orders, order},
	{"INSERT INTO order_items VALUES (?, ?, ?, ?)", Items, item},
}

// source is where the content is drawn from: the same numbers each time.
func source() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// Fill makes the tables and their rows, the same ones each time.
func Fill(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, tables); err != nil {
		return fmt.Errorf("make tables: %w", err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	r := source()
	for _, c := range content {
		if err := insert(ctx, tx, c.insert, c.rows, func(id int) []any { return c.row(r, id) }); err != nil {
			return fmt.Errorf("fill tables: %w", err)
		}
	}
	return tx.Commit()
}

// insert runs one prepared INSERT n times with the arguments that row makes.
func insert(ctx context.Context, tx *sql.Tx, text string, n int, row func(id int) []any) error {
	stmt, err := tx.PrepareContext(ctx, text)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for id := 1; id <= n; id++ {
		if _, err := stmt.ExecContext(ctx, row(id)...); err != nil {
			return err
		}
	}
	return nil
}

func customer(r *rand.Rand, id int) []any {
	return []any{id, email(id), fmt.Sprintf("Customer %d", id), countries[skewed(r, len(countries))-1]}
}

func email(id int) string { return fmt.Sprintf("customer%d@example.com", id) }

func product(r *rand.Rand, id int) []any {
	return []any{id, fmt.Sprintf("SKU-%05d", id), fmt.Sprintf("Product %d", id), 100 + r.IntN(20_000), r.IntN(500)}
}

// opened is when the shop opened: an order was made every five minutes since.
var opened = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

func order(r *rand.Rand, id int) []any {
	return []any{id, 1 + (skewed(r, Customers)*7919)%Customers, status(r), 500 + r.IntN(50_000), opened.Unix() + int64(id)*300}
}

func item(r *rand.Rand, id int) []any {
	return []any{id, 1 + r.IntN(Orders), skewed(r, Products), 1 + r.IntN(4)}
}
