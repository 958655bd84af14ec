package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/spf13/cobra"
	"github.com/sqliteperf/sqliteperf/advisor"
	"github.com/sqliteperf/sqliteperf/driver"
	"github.com/sqliteperf/sqliteperf/internal/demo"
	"github.com/sqliteperf/sqliteperf/middleware"
	"github.com/sqliteperf/sqliteperf/server"
)

func demoCommand() *cobra.Command {
	var addr string
	var duration time.Duration
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a small slow shop with traffic and its dashboard",
		Long: `Makes a database of 340,000 rows without the indexes it needs in a temporary directory, serves a
small shop on it, keeps it busy, and prints the address of the dashboard. Ctrl-C ends it, with exit
code 0; everything is removed at the end. With OTEL_EXPORTER_OTLP_ENDPOINT in the environment it
also sends spans and metrics to OpenTelemetry.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if duration > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, duration)
				defer cancel()
			}
			return runDemo(ctx, cmd.OutOrStdout(), addr)
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:8420", "loopback address to listen on; port 0 picks a free one")
	cmd.Flags().DurationVar(&duration, "duration", 0, "end by itself after this long; default: run until interrupted")
	return cmd
}

// runDemo runs until ctx ends. The listener comes first: a taken port should not cost a wait.
func runDemo(ctx context.Context, out io.Writer, addr string) (err error) {
	listener, err := listenLoopback(ctx, addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	dir, err := os.MkdirTemp("", "sqliteperf-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	db, err := openShop(ctx, filepath.Join(dir, "shop.db"))
	if err != nil {
		if ctx.Err() != nil {
			return nil // ended while filling: nothing to show, nothing wrong
		}
		return err
	}
	defer db.Close()
	adv, err := advisor.Open(advisor.Config{
		History: filepath.Join(dir, "advisor.db"), ShadowDir: dir, Interval: 2 * time.Second, Every: 5 * time.Second,
		Watch: advisor.Watching{Least: time.Minute, Most: 10 * time.Minute}, // nobody watches a demo for a day
	})
	if err != nil {
		return err
	}
	stop := func() error { return nil }
	defer func() { err = errors.Join(err, adv.Close(), stop()) }()
	if err := adv.Watch("shop", db); err != nil {
		return err
	}
	if stop, err = exportSpans(ctx, out, adv, db); err != nil {
		stop = func() error { return nil }
		return err
	}
	return serveShop(ctx, out, listener, db, adv)
}

// openShop makes and fills the database. The shop allows parameter values to be kept, so that
// proofs replay what its customers really asked for.
func openShop(ctx context.Context, path string) (*sql.DB, error) {
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_txlock=immediate"
	if err := fillShop(ctx, dsn); err != nil {
		return nil, err
	}
	db := sql.OpenDB(driver.NewConnector(dsn, driver.Config{Parameters: driver.ParametersValues}))
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	return db, nil
}

// fillShop uses the bare driver: filling is not what the shop does all day.
func fillShop(ctx context.Context, dsn string) error {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return err
	}
	return errors.Join(demo.Fill(ctx, db), db.Close())
}

// serveShop serves the shop and the dashboard, and runs the customers.
func serveShop(ctx context.Context, out io.Writer, listener net.Listener, db *sql.DB, adv *advisor.Advisor) error {
	e := echo.New()
	e.HideBanner = true
	e.Use(middleware.Echo())
	(&demo.Shop{DB: db}).Mount(e)
	defer mountMetrics(e, adv).Close()
	admin := server.Mount(e.Group("/performance"), adv)
	srv := &http.Server{Handler: e, ReadHeaderTimeout: 5 * time.Second}
	srv.RegisterOnShutdown(admin.Close)
	base := "http://" + listener.Addr().String()
	fmt.Fprintf(out, "shop       %s\ndashboard  %s/performance/dashboard#token=%s\nmetrics    %s/metrics\n", base, base, admin.Token(), base)

	var wg sync.WaitGroup
	traffic, stop := context.WithCancel(ctx)
	wg.Go(func() { demo.Traffic{Base: base}.Run(traffic) })
	failed := make(chan error, 1)
	wg.Go(func() { failed <- srv.Serve(listener) })
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stop()
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	err = errors.Join(err, srv.Shutdown(shutdown))
	wg.Wait()
	return err
}

// listenLoopback refuses addresses that other machines can reach: the demo has no users to tell
// apart.
func listenLoopback(ctx context.Context, addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, coded{fmt.Errorf("--addr %s: %w", addr, err), exitUsage}
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, coded{fmt.Errorf("--addr %s: only loopback addresses, such as 127.0.0.1:8420", addr), exitUsage}
	}
	var l net.ListenConfig
	return l.Listen(ctx, "tcp", addr)
}
