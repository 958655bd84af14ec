package gate

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"
)

// The simulation is an open loop in virtual time. Clients send at their own times, whatever the server does, and
// latency counts from then. A client gives up after a second; what it asked for leaves the queue but not
// a worker. The gate is built without its goroutine: its ticks are events, so that they stall with the process.
const (
	objective = 100 * time.Millisecond
	patience  = time.Second
	warmup    = 10 * time.Second
	loaded    = 60 * time.Second
	capacity  = 400.0 // per second: 4 workers of 10ms
	workers   = 4
	service   = 10 * time.Millisecond
)

// scenario is what happens after the warm-up, which is 0.8 of the capacity.
type scenario struct {
	name    string
	load    float64       // of capacity, after the warm-up
	high    float64       // share of high priority
	burst   int           // requests at once each second, besides
	workers int           // after the warm-up; negative for no queue at all, ever
	service time.Duration // after the warm-up
	stalls  bool
}

// control is what decides about admission.
type control interface {
	acquire(class Class) (release func(Outcome), ok bool)
	tick(at time.Time)
}

// job is a request.
type job struct {
	sent    time.Duration
	class   Class
	release func(Outcome)
	begun   bool
	gone    bool
}

type event struct {
	at  time.Duration
	seq int
	run func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(v any)   { *e = append(*e, v.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// simulation is one run. It must be inside a synctest bubble.
type simulation struct {
	scenario
	control  control
	arrivals *rand.Rand
	work     *rand.Rand
	pauses   *rand.Rand
	start    time.Time
	now      time.Duration
	stalled  time.Duration // the process stands still until then
	events   events
	seq      int
	queue    []*job
	busy     int
	pending  map[*job]time.Duration // work in a worker, and when it ends
	score    score
}

// score is what clients saw of what they sent after the warm-up.
type score struct {
	offered, served, inTime, rejected [classes]int
	latencies                         []time.Duration
	seconds                           []int // answers in time by the second they came in
}

// simulate runs a scenario.
func simulate(sc scenario, seed uint64, c control) score {
	s := &simulation{
		scenario: sc, control: c, start: time.Now(), pending: map[*job]time.Duration{},
		arrivals: rand.New(rand.NewPCG(seed, 1)), work: rand.New(rand.NewPCG(seed, 2)), pauses: rand.New(rand.NewPCG(seed, 3)),
	}
	s.score.seconds = make([]int, int(loaded/time.Second))
	s.at(0, s.arrive)
	s.at(tick, s.tick)
	if sc.burst > 0 {
		s.at(warmup+500*time.Millisecond, s.bursts)
	}
	if sc.stalls {
		s.at(0, s.stall)
	}
	for len(s.events) > 0 {
		e := heap.Pop(&s.events).(event)
		time.Sleep(e.at - s.now)
		s.now = e.at
		e.run()
	}
	return s.score
}

func (s *simulation) at(when time.Duration, run func()) {
	s.seq++
	heap.Push(&s.events, event{max(when, s.now), s.seq, run})
}

func (s *simulation) over() bool { return s.now >= warmup+loaded }

// arrive is a client that sends, and the next one.
func (s *simulation) arrive() {
	if s.over() {
		return
	}
	load := 0.8
	if s.now >= warmup {
		load = s.load
	}
	s.send()
	s.at(s.now+time.Duration(s.arrivals.ExpFloat64()*float64(time.Second)/(load*capacity)), s.arrive)
}

func (s *simulation) bursts() {
	if s.over() {
		return
	}
	for range s.burst {
		s.send()
	}
	s.at(s.now+time.Second, s.bursts)
}

// send is one request, which a process that stands still sees when it goes on.
func (s *simulation) send() {
	j := &job{sent: s.now}
	if s.arrivals.Float64() < s.high {
		j.class = High
	}
	if s.now < s.stalled {
		s.at(s.stalled, func() { s.receive(j) })
		return
	}
	s.receive(j)
}

func (s *simulation) receive(j *job) {
	counted := j.sent >= warmup
	if counted {
		s.score.offered[j.class]++
	}
	release, ok := s.control.acquire(j.class)
	if !ok {
		if counted {
			s.score.rejected[j.class]++
		}
		return
	}
	j.release = release
	if s.busy < s.room() {
		s.begin(j)
		return
	}
	s.queue = append(s.queue, j)
	s.at(j.sent+patience, func() { s.abandon(j) })
}

// room is how many workers there are.
func (s *simulation) room() int {
	switch {
	case s.workers < 0:
		return 1 << 30
	case s.now < warmup || s.workers == 0:
		return workers
	}
	return s.workers
}

func (s *simulation) abandon(j *job) {
	if j.begun {
		return
	}
	if s.now < s.stalled {
		s.at(s.stalled, func() { s.abandon(j) })
		return
	}
	j.gone = true
	s.queue = slices.DeleteFunc(s.queue, func(q *job) bool { return q == j })
	j.release(Failed)
}

func (s *simulation) begin(j *job) {
	j.begun = true
	s.busy++
	takes := service
	if s.now >= warmup && s.service > 0 {
		takes = s.service
	}
	s.pending[j] = s.now + time.Duration(s.work.ExpFloat64()*float64(takes))
	s.at(s.pending[j], func() { s.end(j) })
}

// end is a worker that is done, unless a stall has put it off.
func (s *simulation) end(j *job) {
	if until := s.pending[j]; s.now < until {
		s.at(until, func() { s.end(j) })
		return
	}
	delete(s.pending, j)
	s.busy--
	outcome := Done
	if s.now-j.sent > patience {
		outcome = Failed
	}
	j.release(outcome)
	s.answer(j)
	for len(s.queue) > 0 && s.busy < s.room() {
		next := s.queue[0]
		s.queue = s.queue[1:]
		s.begin(next)
	}
}

// answer counts.
func (s *simulation) answer(j *job) {
	took := s.now - j.sent
	if j.sent < warmup || took > patience {
		return
	}
	s.score.served[j.class]++
	s.score.latencies = append(s.score.latencies, took)
	if took > objective {
		return
	}
	s.score.inTime[j.class]++
	if second := int((s.now - warmup) / time.Second); second < len(s.score.seconds) {
		s.score.seconds[second]++
	}
}

// tick is the gate's goroutine, until the last answer.
func (s *simulation) tick() {
	if s.over() && len(s.pending) == 0 {
		return
	}
	if s.now < s.stalled {
		s.at(s.stalled, s.tick)
		return
	}
	s.control.tick(s.start.Add(s.now))
	s.at((s.now/tick+1)*tick, s.tick)
}

// stall stops the process, on average twice a second for 20 to 150 ms, and with it all work.
func (s *simulation) stall() {
	if s.over() {
		return
	}
	pause := 20*time.Millisecond + time.Duration(s.pauses.Float64()*float64(130*time.Millisecond))
	s.stalled = s.now + pause
	for j := range s.pending {
		s.pending[j] += pause
	}
	s.at(s.stalled+time.Duration(s.pauses.ExpFloat64()*float64(500*time.Millisecond)), s.stall)
}

func sum(n [classes]int) (total int) {
	for _, v := range n {
		total += v
	}
	return total
}

// goodput is what was answered in time, of the capacity c per second.
func (s score) goodput(c float64) float64 {
	return float64(sum(s.inTime)) / (c * loaded.Seconds())
}

// worst is the second with the fewest answers in time, of the capacity.
func (s score) worst(c float64) float64 { return float64(slices.Min(s.seconds)) / c }

// p99 of what was answered, in objectives.
func (s score) p99() float64 {
	if len(s.latencies) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s.latencies))
	return float64(sorted[len(sorted)*99/100]) / float64(objective)
}

func (s score) rejectedShare() float64 { return float64(sum(s.rejected)) / float64(sum(s.offered)) }

func (s score) servedShare() float64 { return float64(sum(s.served)) / float64(sum(s.offered)) }
