package advisor

import (
	"math"
	"net/url"
	"runtime"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/sqlite"
	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// demand is what the application asks of its pool.
type demand struct {
	reads, writes         float64       // calls a second
	readTime, writeTime   time.Duration // service time of one call: without lock waits
	lockWait              time.Duration // lock wait of all writes
	writeTotal            time.Duration // time of all writes, lock waits included
	writeCalls, writeBusy uint64
	perTx                 int           // statements of one transaction; 0 if most writes are in none
	hold                  time.Duration // the application's own work in a transaction
	callers               int           // that ask at the same time, when it is busiest
}

// demand reads the captured traffic.
func (t *traffic) demand() demand {
	d, seconds := demand{}, t.span().Seconds()
	var readTotal, txTotal time.Duration
	var readCalls, txCalls, txStatements uint64
	for _, s := range t.statements {
		if s.Statement == nil || s.Statement.Control != capture.ControlNone {
			continue
		}
		service := max(s.Total-s.Work.LockWait, 0)
		if s.Statement.ReadOnly {
			readTotal, readCalls = readTotal+service, readCalls+s.Calls
			continue
		}
		d.writeTime += service
		d.writeTotal += s.Total
		d.lockWait += s.Work.LockWait
		d.writeCalls, d.writeBusy = d.writeCalls+s.Calls, d.writeBusy+s.Busy
	}
	for _, tx := range t.transactions {
		d.lockWait += tx.Work.LockWait
		txCalls, txStatements, txTotal = txCalls+tx.Calls, txStatements+uint64(tx.Rows), txTotal+tx.Total-tx.Work.LockWait
	}
	d.reads, d.writes = float64(readCalls)/seconds, float64(d.writeCalls)/seconds
	d.readTime = readTotal / time.Duration(max(readCalls, 1))
	d.writeTime /= time.Duration(max(d.writeCalls, 1))
	if 2*txStatements > d.writeCalls && txCalls > 0 {
		d.perTx = int(max(txStatements/txCalls, 1))
		d.hold = min(max(txTotal/time.Duration(txCalls)-time.Duration(d.perTx)*d.writeTime, 0), mostHold)
	}
	d.callers = t.callers(d)
	return d
}

// mostHold bounds how long an experiment holds a transaction, so that a round has many of them.
const mostHold = 5 * time.Millisecond

// writeShare is the share of calls that write.
func (d demand) writeShare() float64 { return d.writes / max(d.reads+d.writes, 1e-9) }

// span is how long the traffic took: from the first call to the last, if this process made both.
func (t *traffic) span() time.Duration {
	first, last := capture.Instant(math.MaxInt64), capture.Instant(0)
	for _, s := range t.statements {
		first, last = min(first, s.FirstSeen), max(last, s.LastSeen)
	}
	if span := time.Duration(last - first); span >= time.Second && span <= t.window {
		return span
	}
	return max(t.window, time.Second)
}

const (
	leastCallers = 2
	mostCallers  = 64
)

// callers estimates how many ask at the same time when it is busiest. With a bounded pool they are its
// connections and those who wait: a caller with q others before it waits for q services, of which
// MaxOpen go on at a time, so that q = wait × MaxOpen / service. With an unbounded one they are the
// connections open now.
func (t *traffic) callers(d demand) int {
	n := max(t.connections.Open, t.connections.InUse)
	if open := t.pool.MaxOpenConnections; open > 0 && t.pool.WaitCount > 0 {
		wait := t.pool.WaitDuration.Seconds() / float64(t.pool.WaitCount)
		held := t.held().Seconds()
		n = open + int(math.Ceil(wait*float64(open)/max(held, 1e-6)))
	}
	return min(max(n, leastCallers), mostCallers)
}

// held is how long a checkout holds its connection, on average.
func (t *traffic) held() time.Duration {
	return t.connections.Held / time.Duration(max(t.connections.Checkouts, 1))
}

// severalPools says whether the application has other pools of the database than the one watched: then it
// has split them already.
func (t *traffic) severalPools() bool { return t.connections.Open > t.pool.OpenConnections }

// waits is the chance that a call finds all n servers busy, where a calls are under way on average:
// Erlang's C formula, by the recursion of his B formula. https://en.wikipedia.org/wiki/Erlang_(unit)#Erlang_C_formula
func waits(a float64, n int) float64 {
	if a >= float64(n) {
		return 1
	}
	b := 1.0
	for i := 1; i <= n; i++ {
		b = a * b / (float64(i) + a*b)
	}
	return b / (1 - a/float64(n)*(1-b))
}

// seldom is the chance of waiting for a connection that a proposed pool keeps to.
const seldom = 0.01

// readersFor is how many connections for reads keep waits seldom. By the utilisation law calls × service
// time of them are under way on average (https://en.wikipedia.org/wiki/Little%27s_law). Reads of
// cached pages are work for a processor, so that more than there are processors wait for one
// instead; two are the least, as one slow read would hold up all others.
func readersFor(reads float64, service time.Duration) int {
	most, n := max(runtime.GOMAXPROCS(0), 2), 2
	for n < most && waits(reads*service.Seconds(), n) > seldom {
		n++
	}
	return n
}

// contentionRounds are the rounds of each configuration, of contentionRound each: with the warm-up, and
// what is under way at the end of each, three to five seconds.
const (
	contentionRounds = 8
	contentionRound  = 140 * time.Millisecond
)

// load is the workload with the recorded callers and mix.
func (p *pass) load(d demand) sqlite.Load {
	l := sqlite.Load{WriteShare: d.writeShare(), Callers: d.callers, Each: contentionRound, Rounds: contentionRounds, PerTx: d.perTx, Hold: d.hold}
	if d.perTx > 0 {
		writes := d.writes / float64(d.perTx)
		l.WriteShare = writes / max(writes+d.reads, 1e-9)
	}
	l.Reads = mix(p.queries, func(q *query) bool { return q.ReadOnly })
	l.Writes = mix(p.queries, func(q *query) bool { return !q.ReadOnly })
	return l
}

// mixedCalls is how long the list is that calls are drawn from: a statement that makes up a quarter of a
// percent of the calls is in it once.
const mixedCalls = 400

// mix lists calls of the statements that ok picks, each as often as its share of all calls, at least once.
func mix(queries []*query, ok func(*query) bool) (list []trial.Call) {
	var total float64
	for _, q := range queries {
		if ok(q) {
			total += max(q.Calls, 1)
		}
	}
	for _, q := range queries {
		if !ok(q) || len(list) >= 2*mixedCalls {
			continue
		}
		for i := range max(int(mixedCalls*max(q.Calls, 1)/total), 1) {
			list = append(list, q.calls[i%len(q.calls)])
		}
	}
	return list
}

// poolSettings are the settings of the application's connections that matter to concurrent callers.
func (p *pass) poolSettings() url.Values {
	v := url.Values{}
	for _, name := range []string{"journal_mode", "synchronous", "cache_size", "foreign_keys", "temp_store", "wal_autocheckpoint"} {
		if value := p.pragmas[name]; value != "" {
			v.Add("_pragma", name+"("+value+")")
		}
	}
	return v
}

// mixed says whether both reads and writes are a material part of the calls.
func (d demand) mixed() bool {
	const material = 0.02 // of all calls: of a hundred callers two
	return d.writeShare() >= material && d.writeShare() <= 1-material
}
