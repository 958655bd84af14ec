package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/sqliteperf/sqliteperf/advisor"
)

// Bounds of the range of statistics.
const (
	defaultRange = 5 * time.Minute
	maxRange     = 90 * 24 * time.Hour
)

func (a *Admin) stats(w http.ResponseWriter, r *http.Request) {
	d := defaultRange
	if text := r.URL.Query().Get("range"); text != "" {
		var err error
		if d, err = time.ParseDuration(text); err != nil || d < time.Second || d > maxRange {
			problem(w, http.StatusBadRequest, "bad_range", fmt.Sprintf("range must be a duration from 1s to %s, such as 15m", maxRange))
			return
		}
	}
	ctx, cancel := limited(r)
	defer cancel()
	stats, err := a.advisor.Stats(ctx, d)
	answer(w, stats, err)
}

func (a *Admin) recommendations(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := limited(r)
	defer cancel()
	list, err := a.advisor.Recommendations(ctx)
	if list == nil {
		list = []*advisor.Recommendation{}
	}
	answer(w, map[string]any{
		"schema": "sqlite-perf/recommendations/v1", "generated": time.Now().UTC(),
		"analysis": a.advisor.Analysis(), "recommendations": list,
	}, err)
}

func (a *Admin) alerts(w http.ResponseWriter, _ *http.Request) {
	list := a.advisor.Alerts()
	if list == nil {
		list = []advisor.Alert{}
	}
	answer(w, map[string]any{"schema": "sqlite-perf/alerts/v1", "generated": time.Now().UTC(), "alerts": list}, nil)
}

// auditShown is how many entries of the audit trail one answer holds.
const auditShown = 200

func (a *Admin) audit(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := limited(r)
	defer cancel()
	list, err := a.advisor.Audit(ctx, auditShown)
	if list == nil {
		list = []advisor.AuditEntry{}
	}
	answer(w, map[string]any{"schema": "sqlite-perf/audit/v1", "entries": list}, err)
}

// answer writes body as JSON, or the error.
func answer(w http.ResponseWriter, body any, err error) {
	if err != nil {
		problem(w, http.StatusInternalServerError, "internal", err.Error())
		return
	}
	text, err := json.Marshal(body)
	if err != nil {
		problem(w, http.StatusInternalServerError, "internal", err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(append(text, '\n'))
}

// problem writes an error as RFC 9457 has it, with a stable code.
func problem(w http.ResponseWriter, status int, code, detail string) {
	text, err := json.Marshal(map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status, "code": code, "detail": detail,
	})
	if err != nil {
		text = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	w.Write(append(text, '\n'))
}

func notFound(w http.ResponseWriter, r *http.Request) {
	problem(w, http.StatusNotFound, "not_found", "there is nothing at "+r.Method+" "+r.URL.Path)
}

func marshal(body any) (string, error) {
	text, err := json.Marshal(body)
	return string(text), err
}
