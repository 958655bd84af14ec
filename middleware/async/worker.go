package async

import (
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// worker runs tasks. While it is in Pool.idle it waits for wake: true to work, false to leave.
//
// As few workers are woken as possible: one at a time is on its way to the queue, and it wakes the next if it
// leaves tasks behind. So a burst of short tasks is done by a few that stay awake.
type worker struct {
	wake    chan bool
	end     capture.Instant // of its last task, and its idle time's beginning
	current queued
	busy    bool // current is running
}

// staff finds a worker for what waits: one that is idle, or more says to begin a new one. The lock is held, and
// start is to be called without it.
func (p *Pool) staff(now capture.Instant) (w *worker, more bool) {
	if p.searching || p.tasks.n == 0 {
		return nil, false
	}
	if n := len(p.idle); n > 0 && p.workers <= p.most {
		p.use.tick(now, p.workers-n, p.most)
		w = p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.searching = true
		return w, false
	}
	if p.workers < p.most {
		p.use.tick(now, p.workers-len(p.idle), p.most)
		p.workers++
		p.searching = true
		return nil, true
	}
	return nil, false
}

func (p *Pool) start(w *worker, more bool) {
	switch {
	case w != nil:
		w.wake <- true
	case more:
		go p.work(&worker{wake: make(chan bool, 1), end: capture.Now()})
	}
}

// work is a worker's life. It was begun because of a task, so it is the one that searches.
func (p *Pool) work(w *worker) {
	defer func() {
		if w.busy { // the task called runtime.Goexit, which nothing stops
			p.lost(w)
		}
	}()
	for searching := true; ; searching = false {
		if !p.next(w, searching) {
			return
		}
		start := w.end
		if start < w.current.at {
			start = capture.Now()
		}
		w.busy = true
		o, err := w.current.execute()
		w.busy = false
		p.ended(w, start, o, err)
	}
}

func (p *Pool) ended(w *worker, start capture.Instant, o outcome, err error) {
	w.end = capture.Now()
	p.meter.record(w.end, time.Duration(start-w.current.at), time.Duration(w.end-start), o)
	w.current.tell(err)
	w.current = queued{}
}

// next takes a task, waiting for one as long as the worker may stay. It is false if the worker is to leave.
func (p *Pool) next(w *worker, searching bool) bool {
	p.mu.Lock()
	for {
		if searching {
			p.searching = false
		}
		if p.workers > p.most || p.closed && p.tasks.n == 0 {
			p.leave()
			return false
		}
		if p.tasks.n > 0 {
			w.current = p.tasks.pop()
			if len(p.blocked) > 0 {
				p.admit()
			}
			other, more := p.staff(w.end)
			p.mu.Unlock()
			p.start(other, more)
			return true
		}
		if !p.park(w) {
			return false
		}
		searching = true
		w.end = capture.Now()
		p.mu.Lock()
	}
}

// park waits to be woken. The caller holds the lock; park opens it.
func (p *Pool) park(w *worker) bool {
	p.use.tick(w.end, p.workers-len(p.idle), p.most)
	p.idle = append(p.idle, w)
	if !p.reaping {
		p.reaping = true
		p.later(p.config.Idle)
	}
	p.mu.Unlock()
	return <-w.wake
}

// leave ends a worker. The caller holds the lock; leave opens it.
func (p *Pool) leave() {
	p.use.tick(capture.Now(), p.workers-len(p.idle), p.most)
	p.workers--
	p.finish()
	other, more := p.staff(capture.Now()) // it may have been woken for a task
	p.mu.Unlock()
	p.start(other, more)
}

// lost ends a worker whose goroutine ends in its task.
func (p *Pool) lost(w *worker) {
	start := max(w.end, w.current.at)
	p.ended(w, start, failed, ErrGoexit)
	p.mu.Lock()
	p.leave()
}

// retire takes the worker that has been idle longest. The lock is held, and the worker is to be told.
func (p *Pool) retire() *worker {
	p.use.tick(capture.Now(), p.workers-len(p.idle), p.most)
	w := p.idle[0]
	p.idle = slices.Delete(p.idle, 0, 1)
	p.workers--
	p.finish()
	return w
}

// later has reap called after d. The lock is held.
func (p *Pool) later(d time.Duration) {
	if p.reaper == nil {
		p.reaper = time.AfterFunc(d, p.reap)
		return
	}
	p.reaper.Reset(d)
}

// reap sends the workers away that have been idle for long enough. The timer runs while any is idle, so that
// workers need none.
func (p *Pool) reap() {
	now := capture.Now()
	var retired []*worker
	p.mu.Lock()
	for len(p.idle) > 0 && time.Duration(now-p.idle[0].end) >= p.config.Idle {
		retired = append(retired, p.retire())
	}
	p.reaping = len(p.idle) > 0
	if p.reaping {
		p.later(p.config.Idle - time.Duration(now-p.idle[0].end))
	}
	p.mu.Unlock()
	for _, w := range retired {
		w.wake <- false
	}
}

// use is the time that workers were busy, and how long they might have been: since the beginning, and since the
// beginnings of this minute and the one before.
type use struct {
	last         capture.Instant
	busy, room   time.Duration // workers times time
	this, before usePoint
}

type usePoint struct {
	at         capture.Instant
	busy, room time.Duration
}

func (u *use) begin(now capture.Instant) {
	u.last, u.this.at, u.before.at = now, now, now
}

// tick counts the time since the last tick, in which so many were busy of so many.
func (u *use) tick(now capture.Instant, busy, most int) {
	if now <= u.last {
		return
	}
	d := time.Duration(now - u.last)
	u.busy += d * time.Duration(busy)
	u.room += d * time.Duration(most)
	u.last = now
	if now-u.this.at >= capture.Instant(time.Minute) {
		u.before, u.this = u.this, usePoint{now, u.busy, u.room}
	}
}

// recent is the share of the time of the last minute or two, 0 to 1.
func (u *use) recent() float64 {
	return finite(float64(u.busy-u.before.busy) / float64(u.room-u.before.room))
}

// PoolStats is a Pool as it is, and what it did so far.
type PoolStats struct {
	Name        string  `json:"name"`
	Workers     int     `json:"workers"`     // there are now
	MaxWorkers  int     `json:"max_workers"` // may be
	Busy        int     `json:"busy"`        // work now
	Queued      int     `json:"queued"`      // tasks that wait now
	High        int     `json:"queued_high"` // of those, of high priority
	Low         int     `json:"queued_low"`  // of those, of low priority
	Capacity    int     `json:"capacity"`    // of the queue
	Blocked     int     `json:"blocked"`     // Submits that wait for room now
	Utilisation float64 `json:"utilisation"` // of the workers there may be, in the last minute or two, 0 to 1
	Throughput  float64 `json:"throughput"`  // tasks per second, in the last ten
	ErrorRate   float64 `json:"error_rate"`  // of the tasks that ran, 0 to 1
	Completed   uint64  `json:"completed"`   // without an error
	Failed      uint64  `json:"failed"`      // with an error or a panic
	Cancelled   uint64  `json:"cancelled"`   // whose context ended, or that Close left
	Rejected    uint64  `json:"rejected"`    // not taken
	Dropped     uint64  `json:"dropped"`     // for a newer one
	Waits       Times   `json:"queue_waits"` // queue wait
	Times       Times   `json:"times"`       // how long they ran
	Full        string  `json:"full_policy"` // reject, block or drop oldest
}

// Stats returns the pool as it is, and what it did so far.
func (p *Pool) Stats() PoolStats {
	now := capture.Now()
	r := p.meter.read(now)
	p.mu.Lock()
	defer p.mu.Unlock()
	busy := p.workers - len(p.idle)
	p.use.tick(now, busy, p.most)
	return PoolStats{
		Name: p.config.Name, Workers: p.workers, MaxWorkers: p.most, Busy: busy, Queued: p.tasks.n,
		High: p.tasks.by[High].n, Low: p.tasks.by[Low].n, Capacity: p.capacity, Blocked: len(p.blocked),
		Utilisation: p.use.recent(), Throughput: r.perSecond, ErrorRate: r.errorRate(),
		Completed: r.counts[succeeded], Failed: r.counts[failed], Cancelled: r.counts[cancelled],
		Rejected: p.rejected, Dropped: p.dropped, Waits: r.waits, Times: r.times, Full: p.config.Full.String(),
	}
}

func (p *Pool) report(s *Stats) { s.Pools = append(s.Pools, p.Stats()) }
