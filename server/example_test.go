package server_test

import (
	"database/sql"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/labstack/echo/v4"
	"github.com/sqliteperf/sqliteperf/advisor"
	_ "github.com/sqliteperf/sqliteperf/driver" // registers "sqlite-perf"
	"github.com/sqliteperf/sqliteperf/middleware"
	"github.com/sqliteperf/sqliteperf/server"
)

// A service whose statements and requests are captured, with the admin interface beside its own
// routes.
func Example() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	db, err := sql.Open("sqlite-perf", filepath.Join(dir, "app.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	adv, err := advisor.Open(advisor.Config{History: filepath.Join(dir, "advisor.db")})
	if err != nil {
		log.Fatal(err)
	}
	defer adv.Close()
	if err := adv.Watch("app", db); err != nil {
		log.Fatal(err)
	}
	e := echo.New()
	e.Use(middleware.Echo())
	e.GET("/hello/:name", func(c echo.Context) error {
		var greeting string
		err := db.QueryRowContext(c.Request().Context(), "SELECT 'hello ' || ?", c.Param("name")).Scan(&greeting)
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, greeting)
	})
	server.Mount(e.Group("/performance"), adv)

	for _, path := range []string{"/hello/gopher", "/performance/alerts"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
		r.RemoteAddr = "127.0.0.1:1" // reading the admin interface is open to this machine only
		e.ServeHTTP(w, r)
		fmt.Println(path, w.Code)
	}
	// Output:
	// /hello/gopher 200
	// /performance/alerts 200
}
