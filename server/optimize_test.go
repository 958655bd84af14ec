package server

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/sqliteperf/sqliteperf/advisor"
)

// The token is checked first: without it nothing is told of the rest.
func TestRefusals(t *testing.T) {
	a := open(t, Config{}, advisor.Config{NoProof: true})
	long := strings.Repeat(" ", bodyLimit+1) + "{}"
	good, kind := "Bearer "+token, "application/json"
	for _, test := range []struct {
		name, authorization, kind, body string
		status                          int
		code                            string
	}{
		{"no token", "", kind, `{"action":"review","id":"x"}`, 403, "token_required"},
		{"no token, bad form", "", "text/plain", long, 403, "token_required"},
		{"wrong token", "Bearer nope", kind, `{}`, 403, "token_required"},
		{"part of the token", "Bearer " + token[:5], kind, `{}`, 403, "token_required"},
		{"empty token", "Bearer ", kind, `{}`, 403, "token_required"},
		{"another scheme", "Basic " + token, kind, `{}`, 403, "token_required"},
		{"bare token", token, kind, `{}`, 403, "token_required"},
		{"form", good, "application/x-www-form-urlencoded", `{}`, 415, "json_required"},
		{"text", good, "text/plain", `{}`, 415, "json_required"},
		{"no type", good, "", `{}`, 415, "json_required"},
		{"wrong type and too long", good, "text/plain", long, 415, "json_required"},
		{"too long", good, kind, long, 413, "too_large"},
		{"empty", good, kind, "", 400, "bad_body"},
		{"no JSON", good, kind, "action=review", 400, "bad_body"},
		{"cut short", good, kind, `{"action":"review"`, 400, "bad_body"},
		{"array", good, kind, `[]`, 400, "bad_body"},
		{"wrong type of a field", good, kind, `{"action":1}`, 400, "bad_body"},
		{"unknown field", good, kind, `{"action":"review","id":"x","sql":"DROP TABLE orders"}`, 400, "bad_body"},
		{"two objects", good, kind, `{"action":"review","id":"x"}{}`, 400, "bad_body"},
		{"trailing brace", good, kind, `{"action":"review","id":"x"}}`, 400, "bad_body"},
		{"trailing bracket", good, kind, `{"action":"review","id":"x"}]`, 400, "bad_body"},
		{"trailing text", good, kind, `{"action":"review","id":"x"} x`, 400, "bad_body"},
		{"null", good, kind, `null`, 400, "bad_action"},
		{"no action", good, kind, `{}`, 400, "bad_action"},
		{"unknown action", good, kind, `{"action":"drop","id":"x"}`, 400, "bad_action"},
		{"negative wait", good, kind, `{"action":"apply","id":"x","quiet_ms":-1}`, 400, "bad_wait"},
		{"too long a wait", good, kind, `{"action":"apply","id":"x","deadline_ms":3600001}`, 400, "bad_wait"},
		{"a wait to review", good, kind, `{"action":"review","id":"x","quiet_ms":1}`, 400, "bad_wait"},
		{"unknown id", good, kind, `{"action":"review","id":"x"}`, 404, "unknown_recommendation"},
		{"unknown id to undo", good, kind, `{"action":"undo","id":"x","plan_hash":"y"}`, 404, "unknown_recommendation"},
		{"unknown id, with charset", good, kind + "; charset=utf-8", " {\"action\":\"review\",\"id\":\"x\"}\n ", 404, "unknown_recommendation"},
	} {
		for mount, base := range a.base {
			t.Run(test.name+" "+mount, func(t *testing.T) {
				a.send("POST", base+"/optimize", test.body, "Authorization", test.authorization, "Content-Type", test.kind).problem(t, test.status, test.code)
			})
		}
	}
	a.admin.pace = &pace{}
	a.post(map[string]string{"action": "apply", "id": "x"}, "key").problem(t, 404, "unknown_recommendation")
}

func TestReadOnly(t *testing.T) {
	a := open(t, Config{ReadOnly: true}, advisor.Config{NoProof: true})
	r := a.advise()
	a.post(change("apply", r), "").problem(t, 403, "read_only")
	a.send("POST", a.base["http"]+"/optimize", "").problem(t, 403, "token_required")
	if res := a.get("/recommendations"); res.StatusCode != 200 || strings.Contains(a.plan(), "INDEX") {
		t.Errorf("%d, plan %s", res.StatusCode, a.plan())
	}
}

// The whole life of one recommendation: reviewed, applied, undone.
func TestReviewApplyUndo(t *testing.T) {
	a := open(t, Config{}, advisor.Config{NoProof: true})
	r := a.advise()
	before := a.schema()

	res := a.post(map[string]string{"action": "review", "id": r.ID}, "")
	conform(t, "review", res.decode(t), form(t, reviewForm))
	var review advisor.Review
	a.must(json.Unmarshal(res.body, &review))
	if review.ID != r.ID || review.PlanHash != r.PlanHash || len(review.Statements) != 1 || len(review.Undo) != 1 || a.schema() != before {
		t.Errorf("review %+v", review)
	}
	stale := change("apply", r)
	stale["plan_hash"] = "0123456789abcdef"
	a.post(stale, "").problem(t, 409, "stale_plan")
	a.post(change("undo", r), "").problem(t, 409, "not_applicable")
	a.admin.pace = &pace{}

	res = a.post(change("apply", r), "")
	if got := res.decode(t); res.StatusCode != 200 || got["action"] != "apply" || got["state"] != "applied" || got["took_ms"] == nil || got["id"] != r.ID {
		t.Errorf("apply: %d %v", res.StatusCode, got)
	}
	if p := a.plan(); !strings.Contains(p, "USING") || !strings.Contains(p, "sqliteperf_") {
		t.Errorf("the application's connection still runs %s", p)
	}
	a.post(change("apply", r), "").problem(t, 429, "too_often")
	a.admin.pace = &pace{}
	a.post(change("apply", r), "").problem(t, 409, "not_applicable")

	res = a.post(change("undo", r), "")
	if got := res.decode(t); res.StatusCode != 200 || got["action"] != "undo" || got["state"] != "undone" {
		t.Errorf("undo: %d %v", res.StatusCode, got)
	}
	if after := a.schema(); after != before {
		t.Errorf("undone, the schema is\n%s\nand was\n%s", after, before)
	}
	a.post(change("undo", r), "").problem(t, 409, "not_applicable")
	want := []string{"undone", "undo", "applied", "apply", "proposed"}
	if got := a.actions(); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("audit %q, want %q", got, want)
	}
}

// actions are those of the audit trail, the newest first, without other advice than the index.
func (a *app) actions() []string {
	a.Helper()
	var trail struct{ Entries []advisor.AuditEntry }
	a.must(json.Unmarshal(a.get("/audit").body, &trail))
	var list []string
	for _, e := range trail.Entries {
		if strings.HasPrefix(e.Subject, "ix0") {
			list = append(list, e.Action)
		}
	}
	return list
}

func count(list []string, one string) (n int) {
	for _, s := range list {
		if s == one {
			n++
		}
	}
	return n
}

// A change of the schema by somebody else makes the plan stale.
func TestStaleSchema(t *testing.T) {
	a := open(t, Config{}, advisor.Config{NoProof: true})
	r := a.advise()
	_, err := a.db.ExecContext(t.Context(), r.Statements[0])
	a.must(err)
	a.post(change("apply", r), "").problem(t, 409, "stale_plan")
	if n := count(a.actions(), "apply"); n != 0 {
		t.Errorf("the audit trail has %d attempts", n)
	}
}

// Advice that a person must follow is not applied.
func TestNotApplicable(t *testing.T) {
	a := open(t, Config{}, advisor.Config{NoProof: true})
	a.advise()
	list, err := a.adv.Recommendations(t.Context())
	a.must(err)
	found := false
	for _, r := range list {
		if !r.Applicable {
			found = true
			a.admin.pace = &pace{}
			conform(t, "review of "+r.Title, a.post(change("review", r), "").decode(t), form(t, reviewForm))
			a.post(change("apply", r), "").problem(t, 409, "not_applicable")
		}
	}
	if !found {
		t.Error("every recommendation is applicable: the test shows nothing")
	}
}

// A change that fails says why, and the same request under the same key may be sent again.
func TestFailed(t *testing.T) {
	a := open(t, Config{}, advisor.Config{NoProof: true})
	r := a.advise()
	a.must(os.Chmod(a.path, 0o444))
	res := a.post(change("apply", r), "key")
	res.problem(t, 500, "failed")
	if !strings.Contains(string(res.body), "read-only") {
		t.Errorf("%s", res.body)
	}
	a.must(os.Chmod(a.path, 0o644))
	a.admin.pace = &pace{}
	if res := a.post(change("apply", r), "key"); res.StatusCode != 200 || !strings.Contains(a.plan(), "INDEX") {
		t.Errorf("%d %s, plan %s", res.StatusCode, res.body, a.plan())
	}
}

// A change that waits for a moment or a lock in vain says so, and the same request may be sent again.
func TestWaits(t *testing.T) {
	a := open(t, Config{}, advisor.Config{NoProof: true})
	r := a.advise()
	ask := func(field string) response {
		a.admin.pace = &pace{}
		return a.send("POST", a.base["http"]+"/optimize", `{"action":"apply","id":"`+r.ID+`","plan_hash":"`+r.PlanHash+`","`+field+`":50}`,
			"Authorization", "Bearer "+token, "Content-Type", "application/json", "Idempotency-Key", "key of "+field)
	}
	ask("quiet_ms").problem(t, 409, "not_quiet")
	release := a.lock()
	ask("deadline_ms").problem(t, 409, "deadline")
	release()
	if n := strings.Count(a.schema(), "sqliteperf_"); n != 0 || count(a.actions(), "applied") != 0 {
		t.Errorf("%d indexes, the trail is %q", n, a.actions())
	}
	a.admin.pace = &pace{}
	if res := a.post(change("apply", r), ""); res.StatusCode != 200 {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
}

// lock holds the database's write lock until release.
func (a *app) lock() (release func()) {
	a.Helper()
	conn, err := a.db.Conn(deadline(a.T))
	a.must(err)
	_, err = conn.ExecContext(deadline(a.T), "BEGIN IMMEDIATE")
	a.must(err)
	return func() {
		_, err := conn.ExecContext(deadline(a.T), "ROLLBACK")
		a.must(err)
		a.must(conn.Close())
	}
}
