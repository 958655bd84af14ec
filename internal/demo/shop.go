package demo

import (
	"database/sql"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
)

// Shop is the application.
type Shop struct{ DB *sql.DB }

// Mount adds the shop's routes.
func (s *Shop) Mount(e *echo.Echo) {
	e.GET("/customers/:id/orders", s.orders)
	e.GET("/login", s.login)
	e.GET("/orders/:id", s.order)
	e.GET("/queue/:status", s.queue)
	e.GET("/products/:id", s.product)
	e.POST("/orders", s.buy)
}

// row is one row of an answer.
type row map[string]any

// list answers with the rows of a query that runs in the request's context.
func (s *Shop) list(c echo.Context, query string, args ...any) error {
	rows, err := s.DB.QueryContext(c.Request().Context(), query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	answer := []row{}
	for rows.Next() {
		values, pointers := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			pointers[i] = &values[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			return err
		}
		one := row{}
		for i, name := range names {
			one[name] = values[i]
		}
		answer = append(answer, one)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, answer)
}

func (s *Shop) orders(c echo.Context) error {
	return s.list(c, "SELECT id, status, total_cents, created_at FROM orders WHERE customer_id = ? ORDER BY created_at DESC LIMIT 20", number(c, "id"))
}

func (s *Shop) login(c echo.Context) error {
	return s.list(c, "SELECT id, name FROM customers WHERE email = ?", c.QueryParam("email"))
}

func (s *Shop) order(c echo.Context) error {
	return s.list(c, `SELECT i.quantity, p.name, p.price_cents FROM order_items AS i
		JOIN products AS p ON p.id = i.product_id WHERE i.order_id = ?`, number(c, "id"))
}

func (s *Shop) queue(c echo.Context) error {
	return s.list(c, "SELECT id, customer_id, created_at FROM orders WHERE status = ? ORDER BY created_at LIMIT 50", c.Param("status"))
}

func (s *Shop) product(c echo.Context) error {
	return s.list(c, "SELECT sku, name, price_cents, stock FROM products WHERE id = ?", number(c, "id"))
}

// buy stores an order with one item in a transaction.
func (s *Shop) buy(c echo.Context) error {
	ctx := c.Request().Context()
	tx, err := s.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	result, err := tx.ExecContext(ctx, "INSERT INTO orders(customer_id, status, total_cents, created_at) VALUES (?, 'new', ?, ?)",
		formNumber(c, "customer"), formNumber(c, "total"), time.Now().Unix())
	if err != nil {
		return err
	}
	id, err := result.LastInsertId()
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO order_items(order_id, product_id, quantity) VALUES (?, ?, 1)", id, formNumber(c, "product")); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE products SET stock = stock - 1 WHERE id = ?", formNumber(c, "product")); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, row{"id": id})
}

func number(c echo.Context, name string) int64 {
	n, _ := strconv.ParseInt(c.Param(name), 10, 64)
	return n
}

func formNumber(c echo.Context, name string) int64 {
	n, _ := strconv.ParseInt(c.FormValue(name), 10, 64)
	return n
}
