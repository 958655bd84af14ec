package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"runtime"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// Run executes a statement on the copy, reads all its rows and measures. A statement that writes
// is run in a transaction that is rolled back, which is not measured.
func (r *Replayer) Run(ctx context.Context, c trial.Call) (out trial.Outcome, err error) {
	args, err := namedValues(c.Args)
	if err != nil {
		return out, err
	}
	if c.Writes {
		if _, err := r.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
			return out, err
		}
		defer func() {
			_, undo := r.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
			err = errors.Join(err, undo)
		}()
	}
	err = r.conn.Raw(func(inner any) error {
		queryer, ok := inner.(driver.QueryerContext)
		if !ok {
			return fmt.Errorf("replay: %T cannot run queries", inner)
		}
		out, err = measure(ctx, queryer, c.SQL, args)
		return err
	})
	return out, err
}

// measure runs one statement with the goroutine tied to its thread, so that the thread's clock is
// the statement's.
func measure(ctx context.Context, q driver.QueryerContext, query string, args []driver.NamedValue) (out trial.Outcome, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	wall, cpu := time.Now(), threadTime()
	rows, err := q.QueryContext(ctx, query, args)
	if err != nil {
		return out, err
	}
	out.Rows, out.Hash, err = readAll(rows)
	err = errors.Join(err, rows.Close())
	out.CPU, out.Wall = threadTime()-cpu, time.Since(wall)
	return out, err
}

// readAll reads all rows and sums their hashes, so that the sum does not depend on their order.
func readAll(rows driver.Rows) (n int64, sum uint64, err error) {
	values := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(values); {
		case errors.Is(err, io.EOF):
			return n, sum, nil
		case err != nil:
			return n, sum, err
		}
		n++
		sum += hashRow(values)
	}
}

func hashRow(values []driver.Value) uint64 {
	h := fnv.New64a()
	var number [9]byte
	for _, v := range values {
		switch v := v.(type) {
		case int64:
			number[0] = 'i'
			binary.LittleEndian.PutUint64(number[1:], uint64(v))
			h.Write(number[:])
		case float64:
			number[0] = 'f'
			binary.LittleEndian.PutUint64(number[1:], math.Float64bits(rounded(v)))
			h.Write(number[:])
		case string:
			number[0] = 's'
			binary.LittleEndian.PutUint64(number[1:], uint64(len(v)))
			h.Write(number[:])
			io.WriteString(h, v)
		case []byte:
			number[0] = 'b'
			binary.LittleEndian.PutUint64(number[1:], uint64(len(v)))
			h.Write(number[:])
			h.Write(v)
		default:
			fmt.Fprintf(h, "%T%v\xff", v, v)
		}
	}
	return h.Sum64()
}

// rounded keeps 40 bits of a fraction, twelve digits: sum() over the same rows in another order
// differs in the last ones.
func rounded(v float64) float64 {
	if v == 0 {
		return 0 // also -0
	}
	const dropped = 12
	bits := math.Float64bits(v) + 1<<(dropped-1)
	return math.Float64frombits(bits &^ (1<<dropped - 1))
}

// namedValues turns arguments as database/sql takes them into those a driver takes.
func namedValues(args []any) ([]driver.NamedValue, error) {
	list := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		list[i].Ordinal = i + 1
		if named, ok := arg.(sql.NamedArg); ok {
			list[i].Name, arg = named.Name, named.Value
		}
		v, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return nil, fmt.Errorf("parameter %d: %w", i+1, err)
		}
		list[i].Value = v
	}
	return list, nil
}
