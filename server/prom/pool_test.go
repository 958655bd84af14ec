package prom

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sqliteperf/sqliteperf/advisor"
)

// Databases that are watched count towards the bound also before a statement of theirs was seen.
func TestManyWatchedDatabases(t *testing.T) {
	var list []advisor.DatabaseInfo
	for i := range 50 {
		list = append(list, advisor.DatabaseInfo{Path: fmt.Sprintf("/data/tenant%d.db", i), Size: 100})
	}
	sizes := 0.0
	databases := map[string]bool{}
	for name, m := range gather(t, newCollector(asked{list}, Config{Databases: 10})) {
		if strings.HasPrefix(name, "sqlite_perf_database_size_bytes ") {
			databases[name] = true
			sizes += m.Gauge.GetValue()
		}
	}
	if len(databases) != 11 || sizes != 5000 {
		t.Errorf("%d databases of %v bytes, want 10 and other of 5000", len(databases), sizes)
	}
}

// A file that is watched under two names has its size once.
func TestFileWatchedTwice(t *testing.T) {
	list := []advisor.DatabaseInfo{{Name: "one\n\"", Path: "/data/shop.db", Size: 100, WAL: 10}, {Name: "\xff", Path: "/data/shop.db", Size: 100, WAL: 10},
		{Name: "three", Path: "/elsewhere/shop.db", Size: 1, WAL: 2}}
	series := gather(t, newCollector(asked{list}, Config{}))
	for name, want := range map[string]float64{"sqlite_perf_database_size_bytes": 101, "sqlite_perf_wal_size_bytes": 12} {
		if got := series[name+" database=shop.db"].GetGauge().GetValue(); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}
