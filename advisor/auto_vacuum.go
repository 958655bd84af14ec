package advisor

import (
	"context"
	"fmt"
	"strings"
)

// autoVacuum is PR12: auto_vacuum=incremental notes which pages could be given back, and gives none
// back until PRAGMA incremental_vacuum runs. https://sqlite.org/pragma.html#pragma_incremental_vacuum
type autoVacuum struct{}

const (
	incremental = "2" // PRAGMA auto_vacuum
	// freeShare is the share of free pages that is too much for a file that could give them back at
	// any time: a third of vacuumThreshold, since it costs no rebuilding.
	freeShare = 0.1
)

func (autoVacuum) code() string { return "PR12" }

func (rule autoVacuum) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	free, pages := p.number("freelist_count"), p.number("page_count")
	if p.pragmas["auto_vacuum"] != incremental || p.fileBytes() < outgrown || float64(free) < freeShare*float64(pages) {
		return nil, nil
	}
	if p.traffic != nil && p.traffic.vacuums() && !p.traffic.freeing() {
		return nil, nil // it is given back, and what is free now comes and goes
	}
	r := storageAdvice(p, rule.code(), "Give free pages back with PRAGMA incremental_vacuum",
		fmt.Sprintf("Run PRAGMA incremental_vacuum(%d) on one connection now and then, such as after deleting much.", incrementalPages))
	r.Why = fmt.Sprintf("auto_vacuum is incremental, and %d of %d pages are free: nothing gives them back.", free, pages)
	r.Risk = "It holds the write lock for as long as it moves pages, which is why it takes a number of them."
	r.Facts = append(r.Facts, count("free pages", free, "pages"), count("pages", pages, "pages"), size("free", free*p.number("page_size")))
	return []*Recommendation{r}, nil
}

// incrementalPages is what one step gives back: 4 MB of pages of 4,096 bytes, as much as SQLite's
// own checkpoint writes at once.
const incrementalPages = 1000

// vacuums says whether the application runs PRAGMA incremental_vacuum.
func (t *traffic) vacuums() bool {
	for _, s := range t.statements {
		if s.Statement != nil && strings.HasPrefix(strings.ToLower(s.Statement.Fingerprint), "pragma incremental_vacuum") {
			return true
		}
	}
	return false
}

// freeing says whether the number of free pages grew over all sizes that were kept: more than half of
// the steps go up, and the last is the highest.
func (t *traffic) freeing() bool {
	up := 0
	for i := 1; i < len(t.sizes); i++ {
		if t.sizes[i].FreePages > t.sizes[i-1].FreePages {
			up++
		}
		if t.sizes[i].FreePages > t.sizes[len(t.sizes)-1].FreePages {
			return false
		}
	}
	return len(t.sizes) >= leastSizes && 2*up > len(t.sizes)
}
