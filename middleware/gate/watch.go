package gate

import "time"

// tick is how often the Gate's goroutine looks.
const tick = 10 * time.Millisecond

// A tick that comes so much too late shows that the process stood still: garbage collection, a CPU quota, a
// busy machine. What was measured meanwhile says nothing about the load.
const stall = 15 * time.Millisecond

// standingOver is what the share of time that the process stands still is averaged over.
const standingOver = 10 * time.Second

// mostVoids is how many windows in a row may be void. A process that always stands still is
// overloaded, and must be judged.
const mostVoids = 5

// stuck is after how many long windows a rejecting Gate decides by fewer samples than it wants.
const stuck = 5

// watch is the Gate's goroutine's view of the current window.
type watch struct {
	last     int64 // the last tick
	began    int64 // the window
	ticks    int
	inFlight int64 // sum over the ticks
	peak     int64
	voids    int     // in a row
	standing float64 // share of the time the process stood still, averaged
	voided   uint64  // ever
	rejected uint64  // up to the window's begin
	admitted uint64
	looked   int64 // routes were last looked at
	calm     bool  // all windows since then were in time and rejected nothing
}

func (w *watch) begin(at int64) { *w = watch{last: at, began: at, looked: at, calm: true} }

// run ticks until Close.
func (g *Gate) run() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-g.stopped:
			return
		case <-ticker.C:
			g.notify(g.tick(g.now()))
		}
	}
}

// tick looks at the window, and decides if there is enough in it.
func (g *Gate) tick(at int64) (n Notice, notable bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := &g.watch
	late := w.pass(at)
	if late && w.voids < mostVoids {
		g.void(at)
		return Notice{}, false
	}
	running := g.load()
	w.ticks++
	w.inFlight += running
	w.peak = max(w.peak, running)
	return g.decide(at)
}

// pass notes that a tick came, and says whether the process stood still before it.
func (w *watch) pass(at int64) (stood bool) {
	since := at - w.last
	w.last = at
	share := min(float64(since)/float64(standingOver), 1)
	w.standing -= w.standing * share
	if stood = since-int64(tick) >= int64(stall); stood {
		w.standing += share
	}
	return stood
}

// load is how much is in flight, in a dry run too.
func (g *Gate) load() int64 {
	if g.config.DryRun {
		return g.running.Load()
	}
	return g.inFlight.Load()
}

// void throws the window away, and the times of all that is in flight.
func (g *Gate) void(at int64) {
	g.window.take()
	g.since.Store(at)
	g.watch.voids++
	g.watch.voided++
	g.fresh(at)
}

// fresh begins a window.
func (g *Gate) fresh(at int64) {
	w := &g.watch
	w.began, w.ticks, w.inFlight, w.peak = at, 0, 0, 0
	w.rejected, w.admitted = total(&g.rejected), total(&g.admitted)
}

// decide ends the window if it has samples enough, or lasted long enough, and moves the limit.
func (g *Gate) decide(at int64) (n Notice, notable bool) {
	w, c := &g.watch, g.config
	elapsed := time.Duration(at - w.began)
	if elapsed < c.Window {
		return
	}
	samples := int(g.window.count())
	rejected := total(&g.rejected) - w.rejected
	enough := samples >= c.Samples || elapsed >= c.LongWindow && samples >= c.FewSamples ||
		elapsed >= stuck*c.LongWindow && samples > 0
	idle := !enough && elapsed >= c.LongWindow && rejected == 0 && samples < c.FewSamples
	if !enough && !idle {
		return
	}
	r := g.window.take()
	r.elapsed, r.rejected, r.peak = elapsed, rejected, w.peak
	r.standing = w.standing
	r.inFlight = float64(w.inFlight) / float64(max(w.ticks, 1))
	g.repace(total(&g.admitted)-w.admitted, elapsed)
	n, notable = g.apply(at, r, idle)
	g.learn(at, r, idle)
	w.voids = 0
	g.fresh(at)
	return n, notable
}

// apply moves the limit by a reading and logs what changed.
func (g *Gate) apply(at int64, r reading, idle bool) (n Notice, notable bool) {
	before, state, slow := g.law.limit, g.law.state, g.law.test.slow
	var why Reason
	if idle {
		why = g.law.idle(at, r)
	} else {
		why = g.law.judge(at, r)
	}
	g.bound(g.law.limit)
	g.view = view{reading: r, reason: why}
	if before != g.law.limit || state != g.law.state || slow != g.law.test.slow {
		g.log.add(decisionOf(r, why, before, &g.law))
	}
	return noticeOf(r, slow, &g.law)
}

// notify tells OnNotice.
func (g *Gate) notify(n Notice, notable bool) {
	if !notable || g.config.OnNotice == nil {
		return
	}
	defer func() { _ = recover() }() // its fault must not end the Gate
	g.config.OnNotice(n)
}
