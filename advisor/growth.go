package advisor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/history"
)

// growth is SZ01: how large the file will be, by the median of the slopes between all pairs of
// sizes, which one import or one VACUUM does not sway (Theil 1950, Sen 1968).
// https://en.wikipedia.org/wiki/Theil%E2%80%93Sen_estimator
type growth struct{}

const (
	growthWindow = 28 * 24 * time.Hour // sizes that count: four weeks, so that weekends do
	growthSpan   = 72 * time.Hour      // the least they must cover: three nights
	growthAhead  = 30 * 24 * time.Hour // how far is looked
	leastSizes   = 24
	// growthWorth is a size from which on doubling within growthAhead is worth a thought: a shadow copy
	// of it takes seconds.
	growthWorth = 256 << 20
)

func (growth) code() string { return "SZ01" }

func (rule growth) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	if p.traffic == nil {
		return nil, nil
	}
	perDay, ok := forecast(p.traffic.sizes)
	file := p.fileBytes()
	ahead := int64(perDay * growthAhead.Hours() / 24)
	free, known := p.freeBytes()
	full := known && ahead > free
	if !ok || perDay <= 0 || !full && (file < growthWorth || ahead < file) {
		return nil, nil
	}
	r := storageAdvice(p, rule.code(), fmt.Sprintf("Plan for growth: %s more in %d days", mebibytes(ahead), int(growthAhead.Hours()/24)),
		"Delete or move old rows in time, or provide the disk space.")
	r.Why = fmt.Sprintf("The file has %s and grew by %s a day.", mebibytes(file), mebibytes(int64(perDay)))
	r.Risk = "A forecast: growth that was steady may stop."
	r.Facts = append(r.Facts, size("file", file), Fact{Name: "growth", Value: perDay, Unit: "bytes a day"},
		count("sizes it rests on", int64(len(p.traffic.sizes)), "hours"))
	if full {
		r.Level = "warning"
		days := float64(free) / perDay
		r.Why += fmt.Sprintf(" The disk is full in %.0f days.", days)
		r.Facts = append(r.Facts, size("free on the disk", free), Fact{Name: "disk full in", Value: days, Unit: "days"})
	}
	return []*Recommendation{r}, nil
}

// forecast is the growth of the file in bytes a day. ok is false where the sizes are too few or of too
// short a time.
func forecast(sizes []history.Size) (perDay float64, ok bool) {
	if len(sizes) < leastSizes || sizes[len(sizes)-1].At.Sub(sizes[0].At) < growthSpan {
		return 0, false
	}
	var slopes []float64
	for i, a := range sizes { // four weeks are 672 sizes and 225,000 pairs
		for _, b := range sizes[i+1:] {
			if days := b.At.Sub(a.At).Hours() / 24; days > 0 {
				slopes = append(slopes, float64(b.Bytes-a.Bytes)/days)
			}
		}
	}
	slices.Sort(slopes)
	return slopes[len(slopes)/2], true
}

// freeBytes is what may still be written to the database's disk.
func (p *pass) freeBytes() (int64, bool) {
	if d, ok := p.db.(interface{ FreeBytes() (int64, bool) }); ok {
		return d.FreeBytes()
	}
	return 0, false
}
