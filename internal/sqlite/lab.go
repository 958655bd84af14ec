package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/sqliteperf/sqliteperf/internal/plan"
	"github.com/sqliteperf/sqliteperf/internal/trial"
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Lab is a private copy of a database in which many indexes are built once, and then shown to SQLite's
// planner or hidden from it, so that any set of them can be planned under and run with at once.
//
// An index is hidden by taking it off the list of its table's indexes in the connection's own memory:
// the planner then does not know it, and nothing on disk changes. Statements that write leave hidden
// indexes behind the table, so they run in transactions that are rolled back.
//
// A Lab is not safe for concurrent use.
type Lab struct {
	db    *sql.DB
	conn  *sql.Conn
	raw   raw
	built []labIndex
	base  map[uintptr]uintptr // by table: the first of the indexes that are not the Lab's
	file  string              // removed by Close; "" in memory
	shown string              // what Show was called with last
}

// labIndex is an index built in a Lab.
type labIndex struct {
	name         string
	table, index uintptr // SQLite's structs
}

// openLab opens a copy that nobody else has open, or makes an empty one; path is ":memory:" for one in memory.
func openLab(ctx context.Context, path string, times url.Values) (*Lab, error) {
	l := &Lab{base: map[uintptr]uintptr{}}
	query := url.Values{"_synchronous": {"OFF"}, "_journal_mode": {"MEMORY"}}
	if path != ":memory:" {
		l.file = path
		query.Set("mode", "rwc")
	} else {
		query.Set("mode", "memory")
		path = "lab"
	}
	for name, values := range times {
		query[name] = values
	}
	var err error
	if l.db, err = open(path, query, time.Second); err != nil {
		return nil, err
	}
	l.db.SetMaxOpenConns(1)
	if l.conn, err = l.db.Conn(ctx); err != nil {
		return nil, errors.Join(err, l.db.Close())
	}
	if l.raw, err = rawOf(l.conn); err == nil {
		err = l.raw.exec("PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF; PRAGMA recursive_triggers = OFF")
	}
	if err == nil {
		err = denyFunctions(ctx, l.conn)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Close removes the copy.
func (l *Lab) Close() error {
	err := errors.Join(l.conn.Close(), l.db.Close())
	if l.file != "" {
		for _, end := range []string{"", "-journal", "-wal", "-shm"} {
			if e := os.Remove(l.file + end); e != nil && !os.IsNotExist(e) {
				err = errors.Join(err, e)
			}
		}
	}
	return err
}

// Build makes an index and returns its number for Show. It is shown, beside all others.
func (l *Lab) Build(ctx context.Context, name, text string) (int, error) {
	l.showAll()
	defer l.raw.interruptible(ctx, 0)()
	if err := l.raw.exec(text); err != nil {
		return 0, cmpErr(ctx, err)
	}
	index := l.find(name)
	if index == 0 {
		return 0, fmt.Errorf("%s: SQLite does not know the index", name)
	}
	table := at[sqlite3.TIndex](index).FpTable
	if _, known := l.base[table]; !known {
		l.base[table] = at[sqlite3.TIndex](index).FpNext
	}
	l.built = append(l.built, labIndex{name: name, table: table, index: index})
	return len(l.built) - 1, nil
}

// cmpErr is the context's error if it has ended, which is why SQLite was interrupted.
func cmpErr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// find looks an index up in the connection's schema.
func (l *Lab) find(name string) uintptr {
	main := at[sqlite3.TDb](at[sqlite3.Tsqlite3](l.raw.db).FaDb)
	for e := at[sqlite3.TSchema](main.FpSchema).FidxHash.Ffirst; e != 0; e = at[sqlite3.THashElem](e).Fnext {
		element := at[sqlite3.THashElem](e)
		if strings.EqualFold(libc.GoString(element.FpKey), name) {
			return element.Fdata
		}
	}
	return 0
}

// WithoutSamples makes the planner forget the samples of sqlite_stat4 until restore is called: a SQLite built without
// them plans so, and PRAGMA optimize deletes them. https://sqlite.org/fileformat2.html#stat4tab
func (l *Lab) WithoutSamples() (restore func()) {
	kept := map[uintptr]int32{}
	main := at[sqlite3.TDb](at[sqlite3.Tsqlite3](l.raw.db).FaDb)
	for e := at[sqlite3.TSchema](main.FpSchema).FidxHash.Ffirst; e != 0; e = at[sqlite3.THashElem](e).Fnext {
		index := at[sqlite3.THashElem](e).Fdata
		kept[index] = at[sqlite3.TIndex](index).FnSample
		at[sqlite3.TIndex](index).FnSample = 0
	}
	return func() {
		for index, samples := range kept {
			at[sqlite3.TIndex](index).FnSample = samples
		}
	}
}

// Forget makes the planner forget all statistics, as where ANALYZE never ran, until the Lab is closed or analyzed again.
func (l *Lab) Forget() error {
	l.showAll()
	if err := l.raw.exec("DELETE FROM sqlite_stat1"); err != nil {
		return err
	}
	_ = l.raw.exec("DELETE FROM sqlite_stat4") // not in every SQLite
	main := at[sqlite3.TDb](at[sqlite3.Tsqlite3](l.raw.db).FaDb)
	for e := at[sqlite3.TSchema](main.FpSchema).FtblHash.Ffirst; e != 0; e = at[sqlite3.THashElem](e).Fnext {
		at[sqlite3.TTable](at[sqlite3.THashElem](e).Fdata).FnRowLogEst = unknownRows // reading no statistics leaves it
	}
	return l.raw.exec("ANALYZE sqlite_schema")
}

// unknownRows is how many rows SQLite takes a table for that it knows nothing of: 1,048,576, as ten times the logarithm
// to base two.
const unknownRows = 200

// showAll shows every index, as a change of the schema needs.
func (l *Lab) showAll() {
	all := make([]int, len(l.built))
	for i := range all {
		all[i] = i
	}
	l.Show(all)
}

// Show shows the indexes with these numbers and hides the others that were built. The order is that in
// which they count as created, which decides between equally good plans: SQLite looks at the youngest first.
func (l *Lab) Show(numbers []int) {
	key := string(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(numbers))), len(numbers)*int(unsafe.Sizeof(0))))
	if key == l.shown && l.shown != "" {
		return
	}
	l.shown = strings.Clone(key)
	for table, first := range l.base {
		at[sqlite3.TTable](table).FpIndex = first
	}
	for _, n := range numbers {
		ix := l.built[n]
		at[sqlite3.TIndex](ix.index).FpNext = at[sqlite3.TTable](ix.table).FpIndex
		at[sqlite3.TTable](ix.table).FpIndex = ix.index
	}
}

// Analyze gathers statistics for everything, as far as it goes, or for the index of that name.
func (l *Lab) Analyze(ctx context.Context, name string) error {
	l.showAll()
	defer l.raw.interruptible(ctx, 0)()
	if name != "" {
		return cmpErr(ctx, l.raw.exec("ANALYZE "+quote(name)))
	}
	err := l.raw.exec("ANALYZE")
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	// One index of an unknown collation, say, keeps SQLite from the others.
	var names []string
	if err := each(ctx, l.conn, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'", func(scan scanner) error {
		names = append(names, "")
		return scan(&names[len(names)-1])
	}); err != nil {
		return err
	}
	for _, table := range names {
		_ = l.raw.exec("ANALYZE " + quote(table)) // without statistics it is planned as the original is
	}
	return ctx.Err()
}

// Plan explains a statement with its values bound.
func (l *Lab) Plan(c trial.Call) (p plan.Program, err error) {
	stmt, err := l.prepare("EXPLAIN QUERY PLAN "+c.SQL, c.Args)
	if err != nil {
		return p, err
	}
	defer l.raw.finalize(stmt)
	var rows []plan.Row
	for {
		more, err := l.raw.step(stmt)
		if err != nil {
			return p, err
		}
		if !more {
			break
		}
		rows = append(rows, plan.Row{
			ID:     int(sqlite3.Xsqlite3_column_int(l.raw.tls, stmt, 0)),
			Parent: int(sqlite3.Xsqlite3_column_int(l.raw.tls, stmt, 1)),
			Detail: libc.GoString(sqlite3.Xsqlite3_column_text(l.raw.tls, stmt, 3)),
		})
	}
	return plan.Program{Plan: plan.Parse(rows), Hash: l.program(stmt)}, nil
}

// program hashes what a compiled statement does: its instructions with their operands, which name the
// pages of the tables and indexes they open. Texts and constants are the statement's own.
func (l *Lab) program(stmt uintptr) uint64 {
	v := at[sqlite3.TVdbe](stmt)
	h := fnv.New64a()
	var b [15]byte
	for _, op := range unsafe.Slice(at[sqlite3.TVdbeOp](v.FaOp), v.FnOp) {
		if op.Fopcode == sqlite3.OP_Explain || op.Fopcode == sqlite3.OP_Transaction {
			continue // the planner's estimates, and the number of the schema
		}
		b[0], b[1], b[2] = op.Fopcode, byte(op.Fp5), byte(op.Fp5>>8)
		for i, n := range []int32{op.Fp1, op.Fp2, op.Fp3} {
			b[3+4*i], b[4+4*i], b[5+4*i], b[6+4*i] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
		}
		h.Write(b[:])
	}
	return h.Sum64()
}

func (l *Lab) prepare(text string, args []any) (uintptr, error) {
	values, err := namedValues(args)
	if err != nil {
		return 0, err
	}
	stmt, err := l.raw.prepare(text)
	if err != nil {
		return 0, err
	}
	if err := l.raw.bind(stmt, values); err != nil {
		l.raw.finalize(stmt)
		return 0, err
	}
	return stmt, nil
}

// Run runs a statement to its end, again and again while the time of all runs is below budget, at most runs
// times. One run that takes more processor time than limit is cut. What it writes is rolled back.
func (l *Lab) Run(ctx context.Context, c trial.Call, runs int, budget, limit time.Duration) (cost trial.Cost, err error) {
	if c.Writes {
		if err := l.raw.exec("SAVEPOINT lab"); err != nil {
			return cost, err
		}
		defer func() { err = errors.Join(err, l.rollBack()) }()
		runs = 1
	}
	stmt, err := l.prepare(c.SQL, c.Args)
	if err != nil {
		return cost, err
	}
	defer l.raw.finalize(stmt)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var spent time.Duration
	for i := range runs {
		once, err := l.within(ctx, stmt, limit)
		if err != nil {
			return cost, err
		}
		if i == 0 || once.CPU < cost.CPU && !once.Cut {
			cost = once
		}
		if spent += once.CPU; once.Cut || spent+once.CPU > budget {
			break
		}
	}
	return cost, nil
}

// within runs a compiled statement once and cuts it when it has used limit of processor time. The timer goes by
// the clock, also while the machine does something else: what was stopped too early is run again.
func (l *Lab) within(ctx context.Context, stmt uintptr, limit time.Duration) (c trial.Cost, err error) {
	for wait := limit; ; wait *= 2 {
		done := l.raw.interruptible(ctx, wait)
		c, err = l.once(stmt)
		done()
		switch {
		case ctx.Err() != nil:
			return c, ctx.Err()
		case limit == 0 || !errors.Is(err, errInterrupted):
			return c, err
		case c.CPU >= limit:
			c.Cut = true
			return c, nil
		}
	}
}

// once runs a compiled statement once. The calling goroutine is tied to its thread.
func (l *Lab) once(stmt uintptr) (c trial.Cost, err error) {
	defer sqlite3.Xsqlite3_reset(l.raw.tls, stmt)
	pages, start := l.raw.pages(), threadTime()
	more := true
	for more {
		if more, err = l.raw.step(stmt); more {
			c.Rows++
		}
	}
	c.CPU = threadTime() - start
	c.Pages = l.raw.pages() - pages
	c.Steps = l.raw.counter(stmt, sqlite3.SQLITE_STMTSTATUS_VM_STEP)
	return c, err
}

// Bytes is how much each built index takes, by number. https://sqlite.org/dbstat.html
func (l *Lab) Bytes(ctx context.Context) ([]int64, error) {
	sizes := map[string]int64{}
	err := each(ctx, l.conn, "SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE", func(scan scanner) error {
		var name string
		var bytes int64
		if err := scan(&name, &bytes); err != nil {
			return err
		}
		sizes[strings.ToLower(name)] = bytes
		return nil
	})
	list := make([]int64, len(l.built))
	for i, ix := range l.built {
		list[i] = sizes[strings.ToLower(ix.name)]
	}
	return list, err
}

// Size is how many bytes one built index takes, by its number.
func (l *Lab) Size(ctx context.Context, n int) (bytes int64, err error) {
	err = l.conn.QueryRowContext(ctx, "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE aggregate = TRUE AND name = ?", l.built[n].name).Scan(&bytes)
	return bytes, err
}

// Uses lists which of the built indexes a plan reads.
func (l *Lab) Uses(p plan.Plan) []int {
	var list []int
	for i, ix := range l.built {
		if p.Uses(ix.name) {
			list = append(list, i)
		}
	}
	return list
}

// Convert turns values into those the driver would bind: times become texts or numbers as the
// application's data source name has it.
func (l *Lab) Convert(ctx context.Context, args []any) ([]any, error) {
	list := slices.Clone(args)
	for i, arg := range list {
		named, isNamed := arg.(sql.NamedArg)
		if isNamed {
			arg = named.Value
		}
		t, isTime := arg.(time.Time)
		if !isTime {
			continue
		}
		var stored any
		if err := l.conn.QueryRowContext(ctx, "SELECT ?", t).Scan(&stored); err != nil {
			return nil, err
		}
		if isNamed {
			stored = sql.Named(named.Name, stored)
		}
		list[i] = stored
	}
	return list, nil
}

// Write runs statements that write, in one transaction that is rolled back, and returns the processor time of
// those that succeeded and how many these were.
func (l *Lab) Write(ctx context.Context, calls []trial.Call) (cpu time.Duration, done int, err error) {
	if err := l.raw.exec("SAVEPOINT lab"); err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, l.rollBack()) }()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer l.raw.interruptible(ctx, 0)()
	for _, c := range calls {
		stmt, err := l.prepare(c.SQL, c.Args)
		if err != nil {
			return 0, 0, err
		}
		once, err := l.once(stmt)
		l.raw.finalize(stmt)
		switch {
		case ctx.Err() != nil:
			return 0, 0, ctx.Err()
		case !l.inTransaction():
			return 0, 0, nil // it ended the transaction, so it cannot be repeated
		}
		if err == nil {
			cpu, done = cpu+once.CPU, done+1
		}
	}
	return cpu, done, nil
}

// inTransaction says whether the savepoint is still there: INSERT OR ROLLBACK ends it.
func (l *Lab) inTransaction() bool {
	return sqlite3.Xsqlite3_get_autocommit(l.raw.tls, l.raw.db) == 0
}

// rollBack undoes what ran since the savepoint.
func (l *Lab) rollBack() error {
	if !l.inTransaction() {
		return nil
	}
	return l.raw.exec("ROLLBACK TO lab; RELEASE lab")
}
