package server

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/advisor"
)

// bodyLimit is the longest body read, in bytes.
const bodyLimit = 64 << 10

// optimizeRequest is the body of POST optimize.
type optimizeRequest struct {
	Action   string `json:"action"` // review, apply or undo
	ID       string `json:"id"`
	PlanHash string `json:"plan_hash"`
	Actor    string `json:"actor,omitempty"` // dashboard, cli or api: for the audit trail

	// To apply: wait so long for a quiet moment, and roll back what is not committed so long after. In
	// milliseconds, at most an hour; 0 means not at all, and the advisor's own limit.
	QuietMS    int64 `json:"quiet_ms,omitempty"`
	DeadlineMS int64 `json:"deadline_ms,omitempty"`
}

// longest is the longest wait that a request may ask for.
const longest = time.Hour

// when is when to make the change, and false if the request asks for what cannot be.
func (r *optimizeRequest) when() (advisor.When, bool) {
	w := advisor.When{Quiet: time.Duration(r.QuietMS) * time.Millisecond, Deadline: time.Duration(r.DeadlineMS) * time.Millisecond}
	ok := r.QuietMS >= 0 && r.DeadlineMS >= 0 && r.QuietMS <= longest.Milliseconds() && r.DeadlineMS <= longest.Milliseconds()
	return w, ok && (r.Action == "apply" || w == advisor.When{})
}

// optimizeAnswer is what POST optimize answers.
type optimizeAnswer struct {
	Schema string `json:"schema"`
	Action string `json:"action"`
	*advisor.Review
	TookMS float64 `json:"took_ms,omitempty"`
}

func (a *Admin) optimize(w http.ResponseWriter, r *http.Request) {
	req, ok := a.readChange(w, r)
	if !ok {
		return
	}
	if req.Action == "review" {
		ctx, cancel := limited(r)
		defer cancel()
		a.review(ctx, w, req)
		return
	}
	a.changes.once(w, r.Header.Get("Idempotency-Key"), req, func(w http.ResponseWriter) { a.change(w, r, req) })
}

// readChange checks authorization first, then the form of the request.
func (a *Admin) readChange(w http.ResponseWriter, r *http.Request) (req optimizeRequest, ok bool) {
	if !a.authorized(r) {
		problem(w, http.StatusForbidden, "token_required", "send the start-up token as Authorization: Bearer …")
		return req, false
	}
	if a.config.ReadOnly {
		problem(w, http.StatusForbidden, "read_only", "this server makes no changes")
		return req, false
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		problem(w, http.StatusUnsupportedMediaType, "json_required", "send Content-Type: application/json")
		return req, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		problem(w, http.StatusRequestEntityTooLarge, "too_large", "the body is longer than 64 KiB")
		return req, false
	}
	if err != nil {
		problem(w, http.StatusBadRequest, "bad_body", err.Error())
		return req, false
	}
	return req, decode(w, body, &req)
}

func decode(w http.ResponseWriter, body []byte, req *optimizeRequest) bool {
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	err := d.Decode(req)
	if _, end := d.Token(); err != nil || !errors.Is(end, io.EOF) {
		problem(w, http.StatusBadRequest, "bad_body", `send {"action": "review|apply|undo", "id": "…", "plan_hash": "…"}`)
		return false
	}
	switch req.Action {
	case "review", "apply", "undo":
		if _, ok := req.when(); !ok {
			problem(w, http.StatusBadRequest, "bad_wait", "quiet_ms and deadline_ms are for apply, from 0 to an hour")
			return false
		}
		return true
	}
	problem(w, http.StatusBadRequest, "bad_action", "action must be review, apply or undo")
	return false
}

func (a *Admin) authorized(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && subtle.ConstantTimeCompare([]byte(token), []byte(a.config.Token)) == 1
}

func (a *Admin) review(ctx context.Context, w http.ResponseWriter, req optimizeRequest) {
	v, err := a.advisor.Review(ctx, req.ID)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, optimizeAnswer{Schema: "sqlite-perf/optimize/v1", Action: req.Action, Review: v}, nil)
}

// change applies or undoes. A client that goes away does not stop it: the change is finished or
// rolled back by its own rules.
func (a *Admin) change(w http.ResponseWriter, r *http.Request, req optimizeRequest) {
	start := time.Now()
	ctx := context.WithoutCancel(r.Context())
	if wait := a.pace.next(req, start); wait > 0 {
		w.Header().Set("Retry-After", "1")
		problem(w, http.StatusTooManyRequests, "too_often", "one change at a time, please wait "+wait.Round(time.Millisecond).String())
		return
	}
	var rec *advisor.Recommendation
	var err error
	if when, _ := req.when(); req.Action == "apply" {
		rec, err = a.advisor.ApplyWhen(ctx, req.ID, req.PlanHash, actor(req), when)
	} else {
		rec, err = a.advisor.Undo(ctx, req.ID, req.PlanHash, actor(req))
	}
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, optimizeAnswer{
		Schema: "sqlite-perf/optimize/v1", Action: req.Action, TookMS: float64(time.Since(start)) / 1e6,
		Review: &advisor.Review{ID: rec.ID, State: rec.State, PlanHash: rec.PlanHash, Statements: rec.Statements, Undo: rec.Undo},
	}, nil)
}

func actor(req optimizeRequest) string {
	switch req.Actor {
	case "dashboard", "cli":
		return req.Actor
	}
	return "api"
}

// refuse answers what Review, Apply and Undo fail with.
func refuse(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, advisor.ErrUnknown):
		problem(w, http.StatusNotFound, "unknown_recommendation", err.Error())
	case errors.Is(err, advisor.ErrStale):
		problem(w, http.StatusConflict, "stale_plan", err.Error())
	case errors.Is(err, advisor.ErrBusy):
		problem(w, http.StatusConflict, "busy", err.Error())
	case errors.Is(err, advisor.ErrNotQuiet):
		problem(w, http.StatusConflict, "not_quiet", err.Error())
	case errors.Is(err, context.DeadlineExceeded):
		problem(w, http.StatusConflict, "deadline", "not done in time, and rolled back: "+err.Error())
	case errors.Is(err, advisor.ErrNotApplicable):
		problem(w, http.StatusConflict, "not_applicable", err.Error())
	default:
		problem(w, http.StatusInternalServerError, "failed", err.Error())
	}
}
