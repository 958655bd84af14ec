package driver

import (
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// paramsOf keeps of the values bound what Config.Parameters allows.
func (c *conn) paramsOf(query string, statement *capture.Statement, args []driver.NamedValue) (p capture.Params) {
	for i := range min(len(args), capture.ClassesKept) {
		p.Classes.Set(i, classOf(args[i].Value))
	}
	if c.config.Parameters >= ParametersHash {
		p.Hash = hashOf(args)
	}
	if c.config.Parameters == ParametersValues && query == statement.Text {
		statement.Samples.Offer(rand.Uint64N, func() []any { return copyArgs(args) })
	}
	return p
}

// classOf is the class of a value as database/sql hands it to drivers.
func classOf(value driver.Value) capture.Class {
	switch v := value.(type) {
	case nil:
		return capture.ClassNull
	case int64:
		return capture.ClassInt
	case string:
		return capture.Sized(capture.ClassText16, len(v))
	case []byte:
		if v == nil {
			return capture.ClassNull
		}
		return capture.Sized(capture.ClassBlob16, len(v))
	case float64:
		return capture.ClassFloat
	case bool:
		return capture.ClassBool
	case time.Time:
		return capture.ClassTime
	}
	return capture.ClassOther
}

// hashSeed makes hashes of one process tell nothing to another, nor of values that can be guessed.
var hashSeed = maphash.MakeSeed()

// hashOf hashes values with their names and types. It is never 0.
func hashOf(args []driver.NamedValue) uint32 {
	var h maphash.Hash
	h.SetSeed(hashSeed)
	for _, arg := range args {
		writeText(&h, arg.Name)
		h.WriteByte(byte(classOf(arg.Value)))
		switch v := arg.Value.(type) {
		case int64:
			writeInt(&h, uint64(v))
		case string:
			writeText(&h, v)
		case []byte:
			if v != nil { // which is bound as NULL
				writeInt(&h, uint64(len(v)))
				h.Write(v)
			}
		case float64:
			writeInt(&h, math.Float64bits(v))
		case bool:
			maphash.WriteComparable(&h, v)
		case time.Time:
			_, zone := v.Zone() // it is bound as a text with its zone
			writeInt(&h, uint64(v.Unix()))
			writeInt(&h, uint64(v.Nanosecond()))
			writeInt(&h, uint64(zone))
		}
	}
	return max(1, uint32(h.Sum64()))
}

func writeInt(h *maphash.Hash, n uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	h.Write(b[:])
}

func writeText(h *maphash.Hash, s string) {
	writeInt(h, uint64(len(s)))
	h.WriteString(s)
}

// sampleBytes bounds one kept value; a longer one makes the whole list unfit for replay.
const sampleBytes = 4096

// listBytes bounds one kept list, counting 16 bytes for each value besides its text.
const listBytes = 64 << 10

// copyArgs copies bound values so that they outlive the call, or returns nil if one is too long, or
// all together are.
func copyArgs(args []driver.NamedValue) []any {
	list, left := make([]any, len(args)), listBytes
	for i, arg := range args {
		size := 0
		switch v := arg.Value.(type) {
		case []byte:
			size, list[i] = len(v), slices.Clone(v)
		case string:
			size, list[i] = len(v), v
		default:
			list[i] = v
		}
		if left -= 16 + size; size > sampleBytes || left < 0 {
			return nil
		}
		if arg.Name != "" {
			list[i] = sql.Named(arg.Name, list[i])
		}
	}
	return list
}
