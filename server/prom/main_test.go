package prom

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/sqliteperf/sqliteperf/advisor"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// asked is an Advisor as it is asked.
type asked struct{ databases []advisor.DatabaseInfo }

func (a asked) Counts() capture.Counts {
	return capture.Counts{Recorded: 12, Drained: 7, Dropped: 3, Pending: 2}
}
func (a asked) Databases() []advisor.DatabaseInfo { return a.databases }

var (
	lookup  = &capture.Statement{Digest: 11, Fingerprint: "SELECT total FROM orders WHERE id = ?", Summary: "SELECT orders", ReadOnly: true}
	update  = &capture.Statement{Digest: 12, Fingerprint: "UPDATE orders SET total = ?", Summary: "UPDATE orders", Changes: true}
	shop    = capture.SourceOf("/data/shop.db", "shop.db")
	shopTwo = capture.SourceOf("/elsewhere/shop.db", "shop.db")
)

func statement(change func(*capture.Event)) capture.Event {
	ev := capture.Event{Total: 20 * time.Microsecond, Rows: 1, Source: shop, Statement: lookup, Conn: 1}
	if change != nil {
		change(&ev)
	}
	return ev
}

func request(name string, status uint16) capture.Event {
	scope := capture.NewScope()
	scope.SetName(name)
	return capture.Event{Kind: capture.KindRequest, Status: status, Total: time.Millisecond, Scope: scope}
}

// gather is what a registry with c alone has, by name and labels.
func gather(t *testing.T, c *Collector) map[string]*dto.Metric {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := map[string]*dto.Metric{}
	for _, f := range families {
		for _, m := range f.Metric {
			name := f.GetName()
			for _, l := range m.Label {
				name += " " + l.GetName() + "=" + l.GetValue()
			}
			series[name] = m
		}
	}
	return series
}

// serve serves c as applications do.
func serve(t *testing.T, c prometheus.Collector) (srv *httptest.Server, client *http.Client) {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	srv = httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}))
	t.Cleanup(srv.Close)
	return srv, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}
