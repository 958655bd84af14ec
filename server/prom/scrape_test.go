package prom

import (
	"database/sql"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/sqliteperf/sqliteperf/advisor"
	"github.com/sqliteperf/sqliteperf/driver"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// application has a database, of which two statements were captured and drained.
func application(t *testing.T) (c *Collector, adv *advisor.Advisor) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	adv, err := advisor.Open(advisor.Config{History: filepath.Join(t.TempDir(), "advisor.db"), Every: -1})
	must(err)
	t.Cleanup(func() { adv.Close() })
	c = NewCollector(adv, Config{})
	t.Cleanup(c.Close)
	db := sql.OpenDB(driver.NewConnector("file:"+filepath.Join(t.TempDir(), "app.db"), driver.Config{}))
	t.Cleanup(func() { db.Close() })
	must(adv.Watch("app", db))
	_, err = db.ExecContext(t.Context(), "CREATE TABLE orders(id INTEGER PRIMARY KEY)")
	must(err)
	_, err = db.ExecContext(t.Context(), "INSERT INTO orders VALUES (1), (2)")
	must(err)
	must(adv.Close())
	return c, adv
}

// scrape asks for metrics in one format and reads them all.
func scrape(client *http.Client, url, accept string) (map[string]*dto.MetricFamily, error) {
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	families := map[string]*dto.MetricFamily{}
	d := expfmt.NewDecoder(res.Body, expfmt.ResponseFormat(res.Header))
	for {
		f := &dto.MetricFamily{}
		if err := d.Decode(f); err == io.EOF {
			return families, nil
		} else if err != nil {
			return nil, err
		}
		families[f.GetName()] = f
	}
}

const (
	asText     = "text/plain;version=0.0.4"
	asProtobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)

// A real service is scraped over HTTP, as text and as protobuf, which alone has native histograms.
func TestScrape(t *testing.T) {
	c, _ := application(t)
	srv, client := serve(t, c)
	for format, accept := range map[string]string{"text": asText, "protobuf": asProtobuf} {
		t.Run(format, func(t *testing.T) {
			families, err := scrape(client, srv.URL, accept)
			if err != nil {
				t.Fatal(err)
			}
			verbs := map[string]bool{}
			for _, m := range families["sqlite_perf_statement_duration_seconds"].GetMetric() {
				h := m.Histogram
				verbs[m.Label[1].GetValue()] = h.GetSampleCount() == 1 && m.Label[0].GetValue() == "app.db"
				if native := len(h.PositiveSpan) > 0; native != (format == "protobuf") || len(h.Bucket) < len(buckets) {
					t.Errorf("native %v, %d classic buckets", native, len(h.Bucket))
				}
			}
			if !verbs["CREATE"] || !verbs["INSERT"] {
				t.Errorf("statements by verb: %v", verbs)
			}
			for _, name := range []string{"sqlite_perf_rows_affected_total", "sqlite_perf_pool_opened_total", "sqlite_perf_pool_checkouts_total",
				"sqlite_perf_database_size_bytes", "sqlite_perf_capture_events_total"} {
				if m := families[name].GetMetric(); len(m) == 0 || m[0].GetCounter().GetValue()+m[0].GetGauge().GetValue() == 0 {
					t.Errorf("%s: %v", name, m)
				}
			}
		})
	}
}

// Events arrive while several scrape.
func TestScrapeWhileDraining(t *testing.T) {
	c := newCollector(asked{}, Config{Digests: 5})
	srv, client := serve(t, c)
	var scrapers, drain sync.WaitGroup
	done := make(chan struct{})
	drain.Go(func() {
		for range 300 {
			sink{c}.Export(story())
			summaries := interval(5)
			sink{c}.ExportInterval(summaries[0].FirstSeen.Time(), summaries[0].LastSeen.Time(), summaries)
		}
	})
	for _, accept := range []string{asText, asProtobuf} {
		scrapers.Go(func() {
			for {
				if _, err := scrape(client, srv.URL, accept); err != nil {
					t.Error(err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	drain.Wait()
	close(done)
	scrapers.Wait()
	families, err := scrape(client, srv.URL, asText)
	if m := families["sqlite_perf_sorts_total"].GetMetric(); err != nil || len(m) != 1 || m[0].Counter.GetValue() != 1200 {
		t.Errorf("%v, %v", m, err)
	}
}

func TestClose(t *testing.T) {
	adv, err := advisor.Open(advisor.Config{History: filepath.Join(t.TempDir(), "advisor.db"), Every: -1})
	if err != nil {
		t.Fatal(err)
	}
	c := NewCollector(adv, Config{})
	c.Close()
	c.Close() // does nothing more
	ring := capture.Default.Ring()
	ring.Record(statement(nil))
	ring.Close()
	if err := adv.Close(); err != nil {
		t.Fatal(err)
	}
	for name, m := range gather(t, c) {
		if strings.Contains(name, "statement") || m.Histogram != nil {
			t.Errorf("counted after Close: %s %v", name, m)
		}
	}
}
