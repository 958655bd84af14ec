package driver

import (
	"context"
	"database/sql"
	"os"
	"strings"
	"testing"

	"github.com/ngrok/sqlmw"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// configurations are those under which an application must see what it sees without us.
var configurations = []struct {
	name   string
	config Config
	traced bool
}{
	{name: "plain"},
	{name: "no counters", config: Config{NoCounters: true, NoCallers: true}},
	{name: "an interceptor", config: Config{Interceptors: []sqlmw.Interceptor{sqlmw.NullInterceptor{}}}},
	{name: "two interceptors", config: Config{Interceptors: []sqlmw.Interceptor{sqlmw.NullInterceptor{}, Interceptor(nothing{})}}},
	{name: "traced", traced: true},
	{name: "two statements kept", config: Config{StatementCache: 2}},
	{name: "100 statements kept", config: Config{StatementCache: 100}},
	{name: "kept under interceptors", config: Config{StatementCache: 2, Interceptors: []sqlmw.Interceptor{sqlmw.NullInterceptor{}, sqlmw.NullInterceptor{}}}},
	{name: "values", config: Config{Parameters: ParametersValues, StatementCache: 3, NoCounters: true}},
	{name: "to a sink", config: Config{Parameters: ParametersHash, Sink: nothing{}}},
}

// nothing is a sink that keeps nothing.
type nothing struct{}

func (nothing) Record(Event) {}

// testTracer finds the spans it has put into contexts.
type testTracer struct{}

type testSpan struct{}

func (testTracer) Of(ctx context.Context) *capture.Trace {
	span, _ := ctx.Value(testSpan{}).(*capture.Trace)
	return span
}

func (testTracer) Into(ctx context.Context, t *capture.Trace) context.Context {
	return context.WithValue(ctx, testSpan{}, t)
}

// traceAll sets a tracer for the time of the test.
func traceAll(t *testing.T) {
	t.Helper()
	capture.SetTracer(testTracer{})
	t.Cleanup(func() { capture.SetTracer(nil) })
}

func TestConfigOutOfRangeIsRefusedByTheFirstConnect(t *testing.T) {
	for name, c := range map[string]Config{
		"negative cache": {StatementCache: -1}, "large cache": {StatementCache: mostCached + 1}, "parameters": {Parameters: 3},
	} {
		t.Run(name, func(t *testing.T) {
			db := Open(":memory:", c)
			defer db.Close()
			if err := db.Ping(); err == nil || !strings.HasPrefix(err.Error(), "sqlite-perf: ") {
				t.Errorf("Ping returns %v", err)
			}
		})
	}
}

func TestConfigFromTheEnvironment(t *testing.T) {
	for _, test := range []struct {
		parameters, cache string
		want              Config
	}{
		{"", "", Config{}},
		{"types", "0", Config{}},
		{"hash", "1", Config{Parameters: ParametersHash, StatementCache: 1}},
		{"values", "10000", Config{Parameters: ParametersValues, StatementCache: 10_000}},
		{"Values", "10001", Config{}},
		{"all", "-1", Config{}},
		{" hash", "x", Config{}},
	} {
		t.Setenv("SQLITE_PERF_PARAMETERS", test.parameters)
		t.Setenv("SQLITE_PERF_STATEMENT_CACHE", test.cache)
		got := configFromEnv()
		if got.Parameters != test.want.Parameters || got.StatementCache != test.want.StatementCache {
			t.Errorf("%q and %q: parameters %d, cache %d", test.parameters, test.cache, got.Parameters, got.StatementCache)
		}
	}
	must(t, os.Unsetenv("SQLITE_PERF_PARAMETERS"))
	t.Setenv("SQLITE_PERF_STATEMENT_CACHE", "7")
	db, err := sql.Open(Name, ":memory:")
	must(t, err)
	defer db.Close()
	raw(t, single(t, db), func(dc any) {
		if cache := dc.(*conn).session.cache; cache == nil || cache.limit != 7 {
			t.Errorf("sql.Open keeps %+v", cache)
		}
	})
}
