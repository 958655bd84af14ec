package driver

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ngrok/sqlmw"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

var soakFor = flag.Duration("soak", 2*time.Second, "how long TestSoak keeps up its load, all configurations together")

// load is what goroutines do to a database at the same time.
type load struct {
	*recording
	calls  atomic.Uint64
	failed atomic.Uint64
	until  time.Time
}

// TestSoak keeps a load on one file in each configuration, with changes of the schema, cancelled
// contexts and a pool that shrinks and grows, while events are drained. Nothing may be lost
// uncounted, and nothing left: no goroutine, rows, statement or descriptor.
func TestSoak(t *testing.T) {
	each := *soakFor / time.Duration(len(soaked))
	for _, c := range soaked {
		t.Run(c.name, func(t *testing.T) {
			r := record(t, "?_pragma=journal_mode(wal)&_pragma=busy_timeout(50)&_pragma=synchronous(off)", c.config)
			r.SetMaxOpenConns(8)
			exec(t, r.DB, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
			before, started := heap(), runtime.NumGoroutine()
			l := &load{recording: r, until: time.Now().Add(each)}
			drained := l.run()
			source := sourceOf(t, r.path)
			if open := source.OpenRows(); len(open) != 0 {
				t.Errorf("%d rows are open", len(open))
			}
			left := 0
			var all []*sql.Conn
			for range 8 {
				all = append(all, single(t, r.DB))
				left = max(left, len(prepared(t, all[len(all)-1])))
			}
			for _, c := range all {
				must(t, c.Close())
			}
			if left > c.config.StatementCache {
				t.Errorf("%d statements are left on a connection", left)
			}
			pool := source.Pool()
			closeAll(t, r)
			drained += uint64(len(r.events()))
			counts := r.recorder.Counts()
			if counts.Recorded != counts.Drained+counts.Dropped || counts.Drained != drained || counts.Pending != 0 || counts.Recorded == 0 {
				t.Errorf("counts %+v, %d drained", counts, drained)
			}
			if n := descriptors(t, r.path); n != 0 {
				t.Errorf("the file is still open %d times", n)
			}
			if p := source.Pool(); p.Open != 0 || p.InUse != 0 || p.Held < 0 {
				t.Errorf("pool is %+v", p)
			}
			t.Logf("%d calls, %d failed; %d events, %d dropped; heap %d KiB before, %d after; %d goroutines before, %d after; pool %+v",
				l.calls.Load(), l.failed.Load(), counts.Recorded, counts.Dropped, before>>10, heap()>>10, started, runtime.NumGoroutine(), pool)
		})
	}
}

var soaked = []struct {
	name   string
	config Config
}{
	{"plain", Config{}},
	{"kept", Config{StatementCache: 3, Parameters: ParametersValues}},
	{"kept interceptors", Config{StatementCache: 3, Interceptors: []sqlmw.Interceptor{hostile{do: sometimes}, sqlmw.NullInterceptor{}}}},
}

// loaded is set while there is load.
var loaded atomic.Bool

// sometimes panics under load, once in a few hundred calls of an interceptor.
func sometimes(at string) {
	if loaded.Load() && rand.IntN(500) == 0 {
		panic(at)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func closeAll(t *testing.T, r *recording) {
	t.Helper()
	r.SetMaxIdleConns(0)
	must(t, r.Close())
}

// run keeps up the load until the time is over and returns how many events were drained meanwhile.
func (l *load) run() (drained uint64) {
	loaded.Store(true)
	defer loaded.Store(false)
	var workers, drain sync.WaitGroup
	done := make(chan struct{})
	drain.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-l.reader.Wake():
			case <-time.After(5 * time.Millisecond):
			}
			drained += uint64(len(l.events()))
		}
	})
	for i := range 6 {
		workers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for n := 0; n < 50 || time.Now().Before(l.until); n++ {
				l.call(random)
			}
		})
	}
	workers.Wait()
	close(done)
	drain.Wait()
	return drained
}

func (l *load) note(err error) bool {
	l.calls.Add(1)
	if err != nil {
		l.failed.Add(1)
	}
	return err == nil
}

// call makes one call, or a few that belong together.
func (l *load) call(random *rand.Rand) {
	ctx, cancel := context.WithCancel(capture.WithScope(context.Background(), capture.NewScope()))
	defer cancel()
	switch n := random.IntN(100); {
	case n < 30:
		_, err := l.ExecContext(ctx, fmt.Sprintf("INSERT INTO t(v) VALUES(?) /* %d */", n%5), n)
		l.note(err)
	case n < 60:
		l.query(ctx, cancel, n)
	case n < 75:
		l.transaction(ctx, cancel, n)
	case n < 80:
		if st, err := l.PrepareContext(ctx, "SELECT v FROM t WHERE id = ?"); l.note(err) {
			rows, err := st.QueryContext(ctx, n)
			if l.note(err) {
				rows.Close()
			}
			st.Close()
		}
	case n < 85:
		_, err := l.ExecContext(ctx, fmt.Sprintf("CREATE INDEX IF NOT EXISTS i%d ON t(v)", n%2))
		l.note(err)
		_, err = l.ExecContext(ctx, fmt.Sprintf("DROP INDEX IF EXISTS i%d", n%2))
		l.note(err)
	case n < 90:
		l.SetMaxIdleConns(n % 5)
	case n < 95:
		_, err := l.ExecContext(cancelled, "SELECT 1")
		l.note(err)
		_, err = l.ExecContext(ctx, "DELETE FROM t WHERE id % 3 = 0")
		l.note(err)
	default:
		if c, err := l.Conn(ctx); l.note(err) {
			_, err := c.ExecContext(ctx, "BEGIN")
			if l.note(err) {
				_, err = c.ExecContext(context.Background(), "ROLLBACK")
				l.note(err)
			}
			c.Close()
		}
	}
}

// query reads some rows, and now and then cancels the query.
func (l *load) query(ctx context.Context, cancel context.CancelFunc, n int) {
	rows, err := l.QueryContext(ctx, fmt.Sprintf("SELECT id, v FROM t ORDER BY v LIMIT %d", n))
	if !l.note(err) {
		return
	}
	for read := 0; read < n-35 && rows.Next(); read++ {
	}
	if n%7 == 0 {
		cancel()
	}
	l.note(rows.Close())
}

// transaction reads and writes, and ends in one of four ways.
func (l *load) transaction(ctx context.Context, cancel context.CancelFunc, n int) {
	tx, err := l.BeginTx(ctx, nil)
	if !l.note(err) {
		return
	}
	defer tx.Rollback()
	l.note(tx.QueryRow("SELECT count(*) FROM t").Scan(new(int)))
	_, err = tx.Exec("UPDATE t SET v = ? WHERE id = ?", n, n)
	l.note(err)
	switch n % 4 {
	case 0:
		l.note(tx.Rollback())
	case 1:
		cancel()
	default:
		l.note(tx.Commit())
	}
}
