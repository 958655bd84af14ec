package server

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// replays answers a request that was sent again under the same Idempotency-Key as it was answered
// the first time. https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
type replays struct {
	mu      sync.Mutex
	answers map[string]*recorded
	order   []string
}

// replaysKept bounds the answers kept.
const replaysKept = 100

// recorded is an answer that is sent again.
type recorded struct {
	req    optimizeRequest
	done   chan struct{}
	header http.Header
	status int
	body   []byte
}

func newReplays() *replays { return &replays{answers: map[string]*recorded{}} }

// once runs do, or sends the answer of the run that had the same key. Without a key it just runs.
// A run that was refused or failed changed nothing: it is answered to those who wait for it and then
// forgotten, so that the same request may succeed later.
func (p *replays) once(w http.ResponseWriter, key string, req optimizeRequest, do func(http.ResponseWriter)) {
	if key == "" {
		do(w)
		return
	}
	rec, first := p.claim(key, req)
	if !first && rec.req != req {
		problem(w, http.StatusUnprocessableEntity, "key_reused", "this Idempotency-Key was used for another request")
		return
	}
	if first {
		p.run(key, rec, do)
	}
	<-rec.done
	for name, values := range rec.header {
		w.Header()[name] = values
	}
	w.WriteHeader(max(rec.status, http.StatusOK))
	w.Write(rec.body)
}

func (p *replays) run(key string, rec *recorded, do func(http.ResponseWriter)) {
	defer func() {
		if rec.status >= http.StatusBadRequest || rec.status == 0 && rec.body == nil { // or it panicked
			p.forget(key)
		}
		close(rec.done)
	}()
	do(rec)
}

func (p *replays) forget(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.answers, key)
	p.order = slices.DeleteFunc(p.order, func(k string) bool { return k == key })
}

func (p *replays) claim(key string, req optimizeRequest) (rec *recorded, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if rec := p.answers[key]; rec != nil {
		return rec, false
	}
	if len(p.order) == replaysKept {
		delete(p.answers, p.order[0])
		p.order = p.order[1:]
	}
	rec = &recorded{req: req, done: make(chan struct{}), header: http.Header{}}
	p.answers[key], p.order = rec, append(p.order, key)
	return rec, true
}

// Header, WriteHeader and Write make a recorded answer a ResponseWriter.
func (r *recorded) Header() http.Header { return r.header }

// WriteHeader keeps the first status.
func (r *recorded) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write keeps the body.
func (r *recorded) Write(b []byte) (int, error) {
	r.body = append(r.body, b...)
	return len(b), nil
}

// pace keeps changes apart.
type pace struct {
	mu   sync.Mutex
	last time.Time
}

// between is the least time between two changes that are not an apply and its undo: nobody can
// have seen the effect of one before.
const between = time.Second

// next says how long to wait; zero means go.
func (p *pace) next(req optimizeRequest, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if wait := between - now.Sub(p.last); wait > 0 && req.Action == "apply" {
		return wait
	}
	p.last = now
	return 0
}
