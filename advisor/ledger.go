package advisor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/history"
)

// restore loads recommendations from the history.
func (a *Advisor) restore(ctx context.Context) error {
	recs, err := loadRecommendations(ctx, a.store)
	if err != nil {
		return err
	}
	for _, r := range recs {
		a.recs[r.ID] = r
	}
	return nil
}

func loadRecommendations(ctx context.Context, store *history.Store) ([]*Recommendation, error) {
	saved, err := store.Recommendations(ctx)
	if err != nil {
		return nil, err
	}
	var list []*Recommendation
	for _, s := range saved {
		if s.State == string(dropped) {
			continue
		}
		r := &Recommendation{}
		if err := json.Unmarshal(s.Body, r); err != nil {
			return nil, fmt.Errorf("recommendation %s: %w", s.ID, err)
		}
		list = append(list, r)
	}
	return list, nil
}

// loadRecommendation loads one, nil if the history has none with this ID.
func loadRecommendation(ctx context.Context, store *history.Store, id string) (*Recommendation, error) {
	list, err := loadRecommendations(ctx, store)
	if i := slices.IndexFunc(list, func(r *Recommendation) bool { return r.ID == id }); i >= 0 {
		return list[i], err
	}
	return nil, err
}

// adopt takes over the outcome of an analysis. What was applied stays as it is; advice that was
// undone stays undone, with fresh evidence; open advice that was not found again is dropped.
//
// No change is made meanwhile, so that none is overwritten by what was true before it.
func (a *Advisor) adopt(ctx context.Context, database string, report *Report, began time.Time) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	a.mu.Lock()
	old := maps.Clone(a.recs)
	a.mu.Unlock()
	found := map[string]bool{}
	for _, r := range report.Recommendations {
		found[r.ID] = true
		if err := a.settle(ctx, r.ID, a.adoptOne(ctx, old[r.ID], r, began)); err != nil {
			return err
		}
	}
	for _, r := range old {
		if r.Database == database && r.State.open() && !found[r.ID] && r.Updated.Before(began) && !mayReturn(r, capture.Instant(0).Time(), began) {
			a.log("store recommendation", a.settle(ctx, r.ID, a.drop(ctx, r)))
		}
	}
	return nil
}

func (a *Advisor) adoptOne(ctx context.Context, before, r *Recommendation, began time.Time) error {
	from := unknown
	if before != nil {
		from, r.Created = before.State, before.Created
	}
	switch {
	case before == nil:
	case before.Updated.After(began), from.underWay(): // applied or undone since the analysis looked
		return nil
	case from.made() && r.Type == "index" && slices.Equal(before.Statements, r.Statements):
		// The name would be taken if the index were still there.
		gone := *before
		gone.State, from = Undone, Undone
		if err := advance(ctx, a.store, before.State, &gone, words{"advisor", string(Undone), "its index is gone: " + r.Title}, step{}); err != nil {
			return err
		}
	case from.made():
		return nil
	case from == Undone || from == Failed:
		r.State, r.Error, r.Live = from, before.Error, before.Live
	}
	if from == r.State {
		return a.put(ctx, r)
	}
	err := advance(ctx, a.store, from, r, words{"advisor", string(r.State), r.Title}, step{})
	if !errors.Is(err, history.ErrMoved) {
		a.show(r) // what cannot be stored, on a full disk say, holds all the same
	}
	return err
}

// settle takes the history's word for a recommendation that another process that shares it, such as the
// command line, has moved meanwhile.
func (a *Advisor) settle(ctx context.Context, id string, err error) error {
	if !errors.Is(err, history.ErrMoved) {
		return err
	}
	r, err := loadRecommendation(ctx, a.store, id)
	if r != nil && err == nil {
		a.show(r)
	}
	return err
}

func (a *Advisor) drop(ctx context.Context, r *Recommendation) error {
	a.mu.Lock()
	delete(a.recs, r.ID)
	a.mu.Unlock()
	a.feed.publish("gap", struct{}{})
	gone := *r
	gone.State = dropped
	return advance(ctx, a.store, r.State, &gone, words{"advisor", string(dropped), "no longer holds: " + r.Title}, step{})
}

// show takes over a recommendation and tells of it. r is not changed afterwards.
func (a *Advisor) show(r *Recommendation) {
	a.mu.Lock()
	a.recs[r.ID] = r
	a.mu.Unlock()
	a.feed.publish("recommendation", r)
}

// put takes over a recommendation that stays in its state, or a new one, and stores it. What cannot be
// stored, on a full disk say, holds all the same. r is not changed afterwards.
func (a *Advisor) put(ctx context.Context, r *Recommendation) error {
	r.Updated = time.Now().UTC()
	a.show(r)
	saved, err := savedOf(r)
	if err != nil {
		return err
	}
	return a.store.SaveRecommendation(ctx, saved, string(unknown), string(r.State))
}

// Audit returns the last entries of the audit trail, the newest first.
func (a *Advisor) Audit(ctx context.Context, limit int) ([]AuditEntry, error) {
	return a.store.Entries(ctx, limit)
}

// AuditEntry is one line of the audit trail.
type AuditEntry = history.Entry

// Analysis says what the background is doing.
func (a *Advisor) Analysis() Analysis {
	a.mu.Lock()
	defer a.mu.Unlock()
	an := a.analysis
	an.Skipped = slices.Clone(an.Skipped)
	return an
}

// Recommendations lists all advice, the most valuable first, applied advice with what live traffic
// says about it.
func (a *Advisor) Recommendations(ctx context.Context) ([]*Recommendation, error) {
	a.mu.Lock()
	list := slices.Collect(maps.Values(a.recs))
	a.mu.Unlock()
	for i, r := range list {
		if !r.State.made() || r.Live == nil {
			continue
		}
		fresh := *r
		var err error
		if fresh.Live, err = a.liveAfter(ctx, r); err != nil {
			return nil, err
		}
		list[i] = &fresh
	}
	sortRecommendations(list)
	slices.SortStableFunc(list, func(a, b *Recommendation) int { return cmp.Compare(a.State.rank(), b.State.rank()) })
	return list, nil
}

// Recommendation finds one piece of advice, or returns nil.
func (a *Advisor) Recommendation(id string) *Recommendation {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.recs[id]
}
