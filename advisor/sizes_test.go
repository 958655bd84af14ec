package advisor

import (
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/history"
)

// TestSizesAreRecorded of watched databases, once an hour, and an analysis sees them.
func TestSizesAreRecorded(t *testing.T) {
	app := launch(t, create(t, orders))
	a := app.advisor
	defer func() { must(t, a.Close()); app.news.Close() }()
	a.recordSizes(t.Context())
	a.recordSizes(t.Context())
	w := a.watchedDatabases()[0]
	list, err := a.store.Sizes(t.Context(), w.source, time.Now().Add(-time.Minute))
	must(t, err)
	if len(list) != 1 || list[0].Bytes != fileSize(w.source.Path) || list[0].Pages < 10 || list[0].FreePages != 0 {
		t.Errorf("%+v", list)
	}
	must(t, a.Analyze(t.Context()))
}

// TestForecast: the median of the slopes, which a VACUUM does not sway.
func TestForecast(t *testing.T) {
	list := make([]history.Size, 240)
	for i := range list {
		list[i] = history.Size{At: time.Unix(int64(i)*3600, 0), Bytes: int64(1000 * i)}
		if i > 200 {
			list[i].Bytes -= 100_000
		}
	}
	if perDay, ok := forecast(list); !ok || perDay != 24_000 {
		t.Errorf("%v bytes a day, %v", perDay, ok)
	}
	for name, few := range map[string][]history.Size{"none": nil, "few": list[:20], "of a short time": list[:30]} {
		if _, ok := forecast(few); ok {
			t.Errorf("%s: a forecast", name)
		}
	}
}
