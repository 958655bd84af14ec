package advisor

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

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
		if r.State == Applying { // the process ended meanwhile: undoing is safe either way
			r.State, r.Error = Applied, "the process ended while this was being applied: undo it if in doubt"
		}
		list = append(list, r)
	}
	return list, nil
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
		before := old[r.ID]
		if before != nil {
			r.Created = before.Created
			switch {
			case before.Updated.After(began): // applied or undone since the analysis looked
				continue
			case before.State == Applied && r.Type == "index" && slices.Equal(before.Statements, r.Statements):
				// The name would be taken if the index were still there.
				if err := a.audit(ctx, "advisor", string(Undone), r.ID, "its index is gone: "+r.Title); err != nil {
					return err
				}
			case before.State == Applied:
				continue
			case before.State == Undone || before.State == Failed:
				r.State, r.Error, r.Live = before.State, before.Error, before.Live
			}
		}
		if err := a.put(ctx, r); err != nil {
			return err
		}
		if before == nil || before.State != r.State {
			if err := a.audit(ctx, "advisor", string(r.State), r.ID, r.Title); err != nil {
				return err
			}
		}
	}
	for _, r := range old {
		if r.Database == database && r.State.open() && !found[r.ID] && r.Updated.Before(began) {
			a.drop(ctx, r)
		}
	}
	return nil
}

// Dropped is the state under which the history keeps advice that no longer holds.
const dropped State = "dropped"

func (a *Advisor) drop(ctx context.Context, r *Recommendation) {
	a.mu.Lock()
	delete(a.recs, r.ID)
	a.mu.Unlock()
	a.log("store recommendation", a.saveDropped(ctx, r))
	a.feed.publish("gap", struct{}{})
}

// saveDropped notes that r no longer holds, unless another process that shares the history, such as the
// command line, has applied it meanwhile.
func (a *Advisor) saveDropped(ctx context.Context, r *Recommendation) error {
	saved, err := a.store.Recommendations(ctx)
	if err != nil {
		return err
	}
	for _, s := range saved {
		if s.ID == r.ID && s.State != string(r.State) {
			return nil
		}
	}
	gone := *r
	gone.State = dropped
	return save(ctx, a.store, &gone)
}

// put takes over a recommendation, tells of it and stores it. What cannot be stored, on a full disk say,
// holds all the same. r is not changed afterwards.
func (a *Advisor) put(ctx context.Context, r *Recommendation) error {
	r.Updated = time.Now().UTC()
	a.mu.Lock()
	a.recs[r.ID] = r
	a.mu.Unlock()
	a.feed.publish("recommendation", r)
	return save(ctx, a.store, r)
}

func save(ctx context.Context, store *history.Store, r *Recommendation) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return store.SaveRecommendation(ctx, r.ID, string(r.State), body)
}

func (a *Advisor) audit(ctx context.Context, actor, action, subject, detail string) error {
	_, err := a.store.Audit(ctx, history.Entry{Actor: actor, Action: action, Subject: subject, Detail: detail})
	return err
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
		if r.State != Applied || r.Live == nil {
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
	return list, nil
}

// Recommendation finds one piece of advice, or returns nil.
func (a *Advisor) Recommendation(id string) *Recommendation {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.recs[id]
}
