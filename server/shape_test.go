package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// conform reports where got differs in form from want, which is JSON whose texts are types: string,
// number, bool, time, =constant or "a|b" for one of them, each nullable with a "?" in the end. An array
// holds the form of its elements and is never null. A key that ends in "?" may be null; the key "*"
// stands for any.
func conform(t *testing.T, at string, got any, want any) {
	t.Helper()
	switch want := want.(type) {
	case string:
		if err := scalar(got, want); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	case []any:
		list, ok := got.([]any)
		if !ok {
			t.Errorf("%s: %v, want an array", at, got)
		}
		for i, element := range list {
			conform(t, fmt.Sprintf("%s[%d]", at, i), element, want[0])
		}
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s: %v, want an object", at, got)
			return
		}
		if each, ok := want["*"]; ok {
			for key, value := range object {
				conform(t, at+"."+key, value, each)
			}
			return
		}
		known := map[string]bool{}
		for key, form := range want {
			key, nullable := strings.CutSuffix(key, "?")
			known[key] = true
			value, present := object[key]
			switch {
			case !present:
				t.Errorf("%s: %s is missing", at, key)
			case value != nil || !nullable:
				conform(t, at+"."+key, value, form)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(object)) {
			if !known[key] {
				t.Errorf("%s: %s is not in the contract", at, key)
			}
		}
	}
}

func scalar(got any, want string) error {
	kind, nullable := strings.CutSuffix(want, "?")
	if got == nil && nullable {
		return nil
	}
	constant, fixed := strings.CutPrefix(kind, "=")
	var ok bool
	switch {
	case fixed:
		ok = got == constant
	case strings.Contains(kind, "|"):
		text, isText := got.(string)
		ok = isText && slices.Contains(strings.Split(kind, "|"), text)
	case kind == "string":
		_, ok = got.(string)
	case kind == "number":
		_, ok = got.(float64)
	case kind == "bool":
		_, ok = got.(bool)
	case kind == "time":
		text, isText := got.(string)
		_, err := time.Parse(time.RFC3339Nano, text)
		ok = isText && err == nil && strings.HasSuffix(text, "Z")
	}
	if !ok {
		return fmt.Errorf("%v, want %s", got, want)
	}
	return nil
}

// form parses a form.
func form(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// forms is the contract of the GET endpoints.
var forms = map[string]string{
	"/stats": `{"schema": "=sqlite-perf/stats/v1", "generated": "time",
		"range": {"from": "time", "to": "time", "seconds": "number", "interval_seconds": "number"},
		"capture": {"recorded": "number", "drained": "number", "dropped": "number", "pending": "number"},
		"totals": {"queries": "number", "writes": "number", "transactions": "number", "requests": "number", "errors": "number",
			"busy": "number", "rows": "number", "queries_per_second": "number", "writes_per_second": "number", "requests_per_second": "number", "p50_ms": "number", "p95_ms": "number", "p99_ms": "number", "attributed": "number"},
		"series": {"t": ["number"], "queries_per_second": ["number"], "writes_per_second": ["number"], "requests_per_second": ["number"],
			"errors": ["number"], "busy": ["number"], "p50_ms": ["number?"], "p95_ms": ["number?"], "p99_ms": ["number?"]},
		"queries": [` + queryForm + `],
		"requests": [{"route": "string", "calls": "number", "calls_per_second": "number", "errors": "number", "mean_ms": "number",
			"p50_ms": "number", "p95_ms": "number", "p99_ms": "number", "statements_per_request": "number", "sql_share": "number"}],
		"databases": [{"name": "string", "path": "string", "size_bytes": "number", "wal_bytes": "number",
			"pragmas": [{"name": "string", "value": "string"}],
			"pool": {"max_open": "number", "open": "number", "in_use": "number", "idle": "number", "wait_count": "number", "wait_ms": "number"},
			"connections": {"open": "number", "in_use": "number", "opened": "number", "checkouts": "number", "hand_offs": "number",
				"held_ms": "number", "cache_hits": "number", "cache_misses": "number", "cache_hit_ratio": "number?"},
			"open_rows": [{"statement": "string", "connection": "number", "age_ms": "number", "route": "string", "caller": "string"}]}],
		"transactions": {"commits": "number", "rollbacks": {"*": "number"}, "upgraded": "number", "lock_wait_ms": "number",
			"mean_ms": "number", "p50_ms": "number", "p95_ms": "number", "p99_ms": "number"},
		"coverage": {"attributed": "number", "late": "number", "unattributed": [` + callerForm + `]},
		"markers": [{"t": "number", "action": "applied|undone", "id": "string", "title": "string"}]}`,
	"/recommendations": `{"schema": "=sqlite-perf/recommendations/v1", "generated": "time",
		"analysis": {"running": "bool", "phase": "string", "last": "time?", "statements": "number",
			"skipped": [{"digest": "string", "fingerprint": "string", "reason": "string"}]},
		"recommendations": [` + recommendationForm + `]}`,
	"/alerts": `{"schema": "=sqlite-perf/alerts/v1", "generated": "time", "alerts": [{"code": "string", "fingerprint": "string", "level": "info|warning|critical|emergency",
		"subject": "string", "title": "string", "detail": "string", "value": "number", "threshold": "number", "unit": "string",
		"window_ns?": "number", "link?": "string", "runbook?": "string", "state": "firing|resolved", "first_seen": "time", "last_seen": "time", "count": "number", "silence?": "string"}]}`,
	"/audit": `{"schema": "=sqlite-perf/audit/v1", "entries": [{"seq": "number", "at": "time", "actor": "dashboard|cli|advisor|api|auto",
		"action": "string", "subject": "string", "detail": "string", "data?": ` + stepForm + `}]}`,
}

const queryForm = `{"digest": "string", "database": "string", "fingerprint": "string", "summary": "string", "calls": "number",
	"calls_per_second": "number", "total_ms": "number", "share": "number", "mean_ms": "number", "p50_ms": "number", "p95_ms": "number",
	"p99_ms": "number", "rows": "number", "affected": "number", "errors": "number", "busy": "number", "read_only": "bool",
	"routes": [{"route": "string", "calls": "number"}], "recommendations": ["string"],
	"work": {"counted_calls": "number", "cached_calls": "number", "vm_steps": "number", "full_scan_rows": "number", "auto_index_rows": "number",
		"sorts": "number", "reprepares": "number", "lock_retries": "number", "lock_wait_ms": "number"},
	"errors_by_class": {"*": "number"}, "late": "number", "parameters": ["string"], "callers": [` + callerForm + `]}`

const callerForm = `{"function": "string", "file": "string", "line": "number", "calls": "number", "unattributed_calls": "number"}`

const quantilesForm = `{"p50_ms": "number", "p50_low_ms": "number", "p50_high_ms": "number", "p95_ms": "number", "p95_low_ms": "number", "p95_high_ms": "number"}`

// stepForm is what a program reads of an entry of the ledger that moved a recommendation.
const stepForm = `{"from": "string", "to": "string", "file": "string", "statements?": ["string"], "mark": "string", "watch?": ` + watchForm + `}`

const watchForm = `{"verdict": "watching|kept|undone", "reason": "string", "baseline": "string", "looks": "number", "next": "time",
	"until": "time", "slot_seconds": "number", "controls": "number", "suspect": "bool",
	"statements": [{"digest": "string", "fingerprint": "string", "role": "target|other|write", "calls_before": "number", "calls_after": "number",
		"p50_before_ms": "number", "p50_after_ms": "number", "p95_before_ms": "number", "p95_after_ms": "number", "ratio": "number",
		"p": "number", "verdict": "faster|same|slower|too little traffic"}]}`

const recommendationForm = `{"id": "string", "code": "string", "type": "index|drop_index|pragma|statistics|pool|transaction|query|schema|storage", "component": "=database",
	"database": "string", "file": "string", "table": "string", "columns": ["string"], "title": "string", "why": "string", "risk": "string",
	"level": "info|warning|critical", "state": "proposed|proved|estimated|rejected|inconclusive|applying|applied|kept|undoing|undone|failed", "was": "string",
	"facts": [{"name": "string", "value": "number", "unit": "string", "text": "string"}],
	"rewrite?": {"before": "string", "after": "string", "checked": "bool", "speedup": "number"},
	"basis": "replay|experiment|estimate|rule", "applicable": "bool", "statements": ["string"], "undo": ["string"], "manual": "string",
	"plan_hash": "string", "digests": ["string"],
	"evidence?": {"verdict": "proved|estimated|rejected|inconclusive", "reasons": ["string"], "parameters": "captured|trace|drawn|synthetic", "samples": "number",
		"shadow_bytes": "number", "took_ms": "number",
		"queries": [{"digest": "string", "fingerprint": "string", "role": "target|other", "samples": "number",
			"before": ` + quantilesForm + `, "after": ` + quantilesForm + `, "speedup": "number", "speedup_low": "number", "speedup_high": "number",
			"same_rows": "bool", "rows": "number", "plan_before": ["string"], "plan_after": ["string"],
			"verdict": "faster|same|slower|inconclusive|unchanged plan"}],
		"unchanged": "number", "build_ms": "number", "bytes": "number",
		"write": {"source": "captured|synthetic|none", "statement": "string", "before_us": "number", "after_us": "number", "added_us": "number"}},
	"live?": {"began": "time", "applied_at": "time", "watch?": ` + watchForm + `, "before_p95_ms": "number", "after_p95_ms": "number", "before_calls": "number", "after_calls": "number"},
	"error": "string", "created": "time", "updated": "time"}`

// reviewForm is the answer of POST optimize to a review.
const reviewForm = `{"schema": "=sqlite-perf/optimize/v1", "id": "string", "action": "=review", "state": "string", "plan_hash": "string",
	"statements": ["string"], "undo": ["string"], "locks": "string", "expected_ms": "number"}`
