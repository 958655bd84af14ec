package server

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/sqliteperf/sqliteperf/advisor"
)

func TestIdempotencyKey(t *testing.T) {
	a := open(t, Config{}, advisor.Config{NoProof: true})
	r := a.advise()
	first := a.post(change("apply", r), "key")
	again := a.post(change("apply", r), "key")
	if first.StatusCode != 200 || again.StatusCode != 200 || string(first.body) != string(again.body) ||
		again.Header.Get("Content-Type") != "application/json" || again.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s\nagain %d %s", first.StatusCode, first.body, again.StatusCode, again.body)
	}
	if list := a.actions(); count(list, "apply") != 1 || count(list, "applied") != 1 {
		t.Errorf("audit %q", list)
	}
	a.post(change("undo", r), "key").problem(t, 422, "key_reused")
	other := change("apply", r)
	other["plan_hash"] = "other"
	a.post(other, "key").problem(t, 422, "key_reused")
	if !strings.Contains(a.plan(), "INDEX") {
		t.Error("the index is gone")
	}
}

// A refusal is not remembered: the same request may succeed later.
func TestRefusalForgotten(t *testing.T) {
	a := open(t, Config{}, advisor.Config{NoProof: true})
	r := a.advise()
	stale := change("apply", r)
	stale["plan_hash"] = "old"
	a.post(stale, "one").problem(t, 409, "stale_plan")
	res := a.post(change("apply", r), "two")
	res.problem(t, 429, "too_often")
	if res.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", res.Header.Get("Retry-After"))
	}
	a.admin.pace = &pace{}
	if res := a.post(change("apply", r), "two"); res.StatusCode != 200 {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
}

// Only so many answers are kept.
func TestAnswersBounded(t *testing.T) {
	p := newReplays()
	for i := range 3 * replaysKept {
		p.once(discard{}, string(rune('a'+i)), optimizeRequest{}, func(w http.ResponseWriter) { w.WriteHeader(200) })
	}
	if len(p.answers) != replaysKept || len(p.order) != replaysKept {
		t.Errorf("%d answers, %d in order", len(p.answers), len(p.order))
	}
}

// A handler that panics leaves nobody waiting under its key.
func TestPanicForgotten(t *testing.T) {
	p := newReplays()
	func() {
		defer func() { recover() }()
		p.once(discard{}, "key", optimizeRequest{}, func(http.ResponseWriter) { panic("no") })
	}()
	ran := false
	p.once(discard{}, "key", optimizeRequest{}, func(w http.ResponseWriter) { ran = true })
	if !ran {
		t.Error("the key is still taken")
	}
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// Of many that apply at once, one wins.
func TestConcurrentApply(t *testing.T) {
	a := open(t, Config{}, advisor.Config{NoProof: true})
	r := a.advise()
	var wg sync.WaitGroup
	answers := make([]response, 8)
	for i := range answers {
		wg.Go(func() { answers[i] = a.post(change("apply", r), string(rune('a'+i))) })
	}
	wg.Wait()
	won := 0
	for _, res := range answers {
		switch res.StatusCode {
		case 200:
			won++
		case 409, 429:
		default:
			t.Errorf("%d %s", res.StatusCode, res.body)
		}
	}
	if list := a.actions(); won != 1 || count(list, "applied") != 1 || count(list, "fail") != 0 {
		t.Errorf("%d won, audit %q", won, list)
	}
}

// While one change waits for the database, a second is refused and the same one sent again waits
// for the answer of the first.
func TestBusy(t *testing.T) {
	a := open(t, Config{}, advisor.Config{NoProof: true})
	r := a.advise()
	news := a.adv.Subscribe(0)
	defer news.Close()
	release := a.lock()
	var wg sync.WaitGroup
	var answers [2]response
	for i := range answers {
		wg.Go(func() { answers[i] = a.post(change("apply", r), "key") })
	}
	a.await(news, "job", `"phase":"apply"`)
	a.post(change("undo", r), "other").problem(t, 409, "busy")
	release()
	wg.Wait()
	for _, res := range answers {
		if res.StatusCode != 200 || string(res.body) != string(answers[0].body) {
			t.Errorf("%d %s", res.StatusCode, res.body)
		}
	}
	if n := count(a.actions(), "apply"); n != 1 {
		t.Errorf("applied %d times", n)
	}
}

// await waits for an event whose data contain text.
func (a *app) await(news *advisor.Subscription, name, text string) {
	a.Helper()
	ctx := deadline(a.T)
	for {
		select {
		case ev, ok := <-news.C:
			if !ok {
				a.Fatalf("the news ended before %s %s", name, text)
			}
			if ev.Name == name && strings.Contains(string(ev.Data), text) {
				return
			}
		case <-ctx.Done():
			a.Fatalf("no %s %s", name, text)
		}
	}
}

// A client that goes away while its change waits for the database does not stop it.
func TestDisconnect(t *testing.T) {
	a := open(t, Config{}, advisor.Config{NoProof: true})
	r := a.advise()
	news := a.adv.Subscribe(0)
	defer news.Close()
	release := a.lock()
	body := `{"action":"apply","id":"` + r.ID + `","plan_hash":"` + r.PlanHash + `"}`
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", a.base["http"]+"/optimize", strings.NewReader(body))
	a.must(err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	var wg sync.WaitGroup
	wg.Go(func() {
		res, err := client.Do(req)
		if err == nil {
			res.Body.Close()
			t.Errorf("answered with %d", res.StatusCode)
		}
	})
	a.await(news, "job", `"phase":"apply"`)
	leave()
	wg.Wait()
	release()
	a.await(news, "applied", r.ID)
	if list := a.actions(); count(list, "applied") != 1 || !strings.Contains(a.plan(), "INDEX") {
		t.Errorf("audit %q, plan %s", list, a.plan())
	}
}
