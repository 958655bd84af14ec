package advisor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	"github.com/sqliteperf/sqliteperf/internal/sketch"
)

// Live compares live traffic before and after an applied change: the statements that the change is for,
// all together, and in Watch each one that it touches.
type Live struct {
	Began       time.Time `json:"began"` // the change; AppliedAt is when it was done
	AppliedAt   time.Time `json:"applied_at"`
	BeforeP95MS float64   `json:"before_p95_ms"`
	AfterP95MS  float64   `json:"after_p95_ms"`
	BeforeCalls uint64    `json:"before_calls"`
	AfterCalls  uint64    `json:"after_calls"`
	Watch       *Watch    `json:"watch"`
}

// Watch is how far watching an applied change has come, and in the end what was decided and why.
type Watch struct {
	Verdict    string    `json:"verdict"`  // watching, kept or undone
	Reason     string    `json:"reason"`   // of the verdict, or what is being waited for
	Baseline   string    `json:"baseline"` // directly before, a day before or a week before; "" before the first look
	Looks      int       `json:"looks"`
	Next       time.Time `json:"next"`  // look
	Until      time.Time `json:"until"` // when it ends at the latest
	Slot       float64   `json:"slot_seconds"`
	Controls   int       `json:"controls"` // statements that the change does not touch
	Suspect    bool      `json:"suspect"`  // the last look saw harm; while watching, the next must confirm it
	Statements []Watched `json:"statements"`
}

// Watched is one statement before and after a change. Percentiles are medians over slots of time.
type Watched struct {
	Digest      string  `json:"digest"`
	Fingerprint string  `json:"fingerprint"`
	Role        string  `json:"role"` // target, other or write
	CallsBefore uint64  `json:"calls_before"`
	CallsAfter  uint64  `json:"calls_after"`
	P50Before   float64 `json:"p50_before_ms"`
	P50After    float64 `json:"p50_after_ms"`
	P95Before   float64 `json:"p95_before_ms"`
	P95After    float64 `json:"p95_after_ms"`
	Ratio       float64 `json:"ratio"`   // after by before, what happened to other statements divided out; 0 if unknown
	P           float64 `json:"p"`       // chance of such a ratio without an effect
	Verdict     string  `json:"verdict"` // faster, same, slower or too little traffic
}

// compared is how much traffic before a change, and how much after it, live figures rest on.
const compared = 15 * time.Minute

// liveBefore reads what the statements of r cost until now.
func (a *Advisor) liveBefore(ctx context.Context, r *Recommendation) (*Live, error) {
	now := time.Now()
	h, err := a.measured(ctx, r, now.Add(-compared), now)
	if err != nil {
		return nil, err
	}
	p95, _ := h.Quantile(0.95)
	return &Live{Began: now.UTC(), AppliedAt: now.UTC(), BeforeP95MS: float64(p95) / 1e6, BeforeCalls: h.Count()}, nil
}

// liveAfter adds what they cost since r was applied. An interval that began before counts as before.
func (a *Advisor) liveAfter(ctx context.Context, r *Recommendation) (*Live, error) {
	live := *r.Live
	h, err := a.measured(ctx, r, live.AppliedAt, live.AppliedAt.Add(compared))
	if err != nil {
		return nil, err
	}
	p95, _ := h.Quantile(0.95)
	live.AfterP95MS, live.AfterCalls = float64(p95)/1e6, h.Count()
	return &live, nil
}

// measured merges the times of r's statements over the intervals that began in [from, to).
func (a *Advisor) measured(ctx context.Context, r *Recommendation, from, to time.Time) (*sketch.Histogram, error) {
	var h sketch.Histogram
	err := a.scan(ctx, from, to, func(_, _ time.Time, summaries []*digest.Summary) {
		for _, s := range summaries {
			if on(r.File, s) && slices.Contains(r.Digests, fmt.Sprintf("%016x", s.Digest)) {
				h.Merge(&s.Time)
			}
		}
	})
	return &h, err
}

// on says whether s sums up a statement on the database file.
func on(file string, s *digest.Summary) bool {
	return s.Kind == capture.KindStatement && s.Database != nil && s.Database.Path == file
}
