package workload

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// read reads a whole trace.
func read(t testing.TB, r io.Reader) (calls []Call, bad []LineError) {
	t.Helper()
	if err := Read(r, func(c Call) { calls = append(calls, c) }, func(e LineError) { bad = append(bad, e) }); err != nil {
		t.Fatal(err)
	}
	return calls, bad
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		line   string
		params []any
		weight float64
	}{
		{`{"sql": "SELECT 1"}`, nil, 1},
		{`{"params": [], "weight": 0, "sql": "SELECT 1"}`, nil, 0},
		{`{"sql": "SELECT 1", "params": null, "weight": null, "note": {"any": []}}`, nil, 1},
		{`{"sql": "SELECT 1", "params": [1, -1, 0, -0], "weight": 2.5e3}`, []any{int64(1), int64(-1), int64(0), int64(0)}, 2500},
		{`{"sql": "SELECT 1", "params": [9007199254740993, 9223372036854775807, -9223372036854775808]}`,
			[]any{int64(1<<53 + 1), int64(math.MaxInt64), int64(math.MinInt64)}, 1},
		{`{"sql": "SELECT 1", "params": [9223372036854775808, 1.0, 1e3, 0.1, -2.5]}`, []any{float64(1 << 63), 1.0, 1000.0, 0.1, -2.5}, 1},
		{`{"sql": "SELECT 1", "params": [null, true, false, "", "😀\n\"'", "1"]}`, []any{nil, true, false, "", "😀\n\"'", "1"}, 1},
		{`{"sql": "SELECT 1", "params": [{"$blob": "AAH/"}, {"$blob": ""}]}`, []any{[]byte{0, 1, 255}, []byte{}}, 1},
		{"\t {\"sql\": \"SELECT 1\"} \r", nil, 1},
	} {
		calls, bad := read(t, strings.NewReader(c.line))
		if len(bad) != 0 || len(calls) != 1 {
			t.Errorf("%s: %v", c.line, bad)
			continue
		}
		want := Call{Line: 1, SQL: "SELECT 1", Params: c.params, Weight: c.weight}
		if diff := cmp.Diff(want, calls[0]); diff != "" {
			t.Errorf("%s\n%s", c.line, diff)
		}
	}
}

// wrong are lines that cannot be used, and a part of the reason.
var wrong = [][2]string{
	{`SELECT 1`, "not a trace line: invalid character 'S'"},
	{`{"sql": "SELECT 1"`, "not a trace line: unexpected end"},
	{`{"sql": "SELECT 1"} {"sql": "SELECT 2"}`, "not a trace line: invalid character '{'"},
	{`[1, 2]`, "an object is expected, not array"},
	{`"SELECT 1"`, "an object is expected, not string"},
	{`17`, "an object is expected, not number"},
	{`null`, `"sql" is missing or empty`},
	{`{}`, `"sql" is missing or empty`},
	{`{"query": "SELECT 1"}`, `"sql" is missing or empty`},
	{`{"sql": null}`, `"sql" is missing or empty`},
	{`{"sql": " \n"}`, `"sql" is missing or empty`},
	{`{"sql": 5}`, `"sql" has the wrong type: number`},
	{`{"sql": "SELECT 1", "params": {"a": 1}}`, `"params" has the wrong type: object`},
	{`{"sql": "SELECT 1", "params": 1}`, `"params" has the wrong type: number`},
	{`{"sql": "SELECT 1", "weight": "1"}`, `"weight" has the wrong type: string`},
	{`{"sql": "SELECT 1", "weight": 1e999}`, `"weight" has the wrong type: number 1e999`},
	{`{"sql": "SELECT 1", "weight": -0.5}`, `"weight" is negative`},
	{`{"sql": "SELECT 1", "params": [1, [2]]}`, "parameter 2: an array is no SQLite value"},
	{`{"sql": "SELECT 1", "params": [{"blob": "AA=="}]}`, `parameter 1: an object must be {"$blob": "base64"}`},
	{`{"sql": "SELECT 1", "params": [{"$blob": 5}]}`, "parameter 1: an object must be"},
	{`{"sql": "SELECT 1", "params": [{"$blob": "AA==", "x": 1}]}`, "parameter 1: an object must be"},
	{`{"sql": "SELECT 1", "params": [{"$blob": "A!"}]}`, "parameter 1: $blob: illegal base64"},
	{`{"sql": "SELECT 1", "params": [1e999]}`, "parameter 1: "},
}

// TestReadReports puts every wrong line between good and empty ones, with either kind of line end:
// each is reported with its number and the others are used.
func TestReadReports(t *testing.T) {
	for _, end := range []string{"\n", "\r\n"} {
		var b strings.Builder
		b.WriteString("\ufeff") // as some editors begin a file
		for i, c := range wrong {
			fmt.Fprintf(&b, `{"sql": "SELECT %d"}%s%s%s   %s`, i, end, c[0], end, end)
		}
		calls, bad := read(t, strings.NewReader(b.String()))
		if len(calls) != len(wrong) || len(bad) != len(wrong) {
			t.Fatalf("%d calls, %d errors of %d", len(calls), len(bad), len(wrong))
		}
		for i, c := range wrong {
			if want := (Call{Line: 3*i + 1, SQL: fmt.Sprintf("SELECT %d", i), Weight: 1}); !cmp.Equal(calls[i], want) {
				t.Errorf("got %+v, want %+v", calls[i], want)
			}
			if bad[i].Line != 3*i+2 || !strings.Contains(bad[i].Reason, c[1]) || strings.Contains(bad[i].Error(), "\n") {
				t.Errorf("line %d, %s: got %v", 3*i+2, c[0], bad[i])
			}
		}
	}
}

// TestReadLongLines skips a line beyond the limit in little memory and reads on.
func TestReadLongLines(t *testing.T) {
	long := func(n int) io.Reader {
		return io.MultiReader(strings.NewReader(`{"sql": "SELECT '`), io.LimitReader(letters{}, int64(n)), strings.NewReader("'\"}\n"))
	}
	calls, bad := read(t, io.MultiReader(long(1<<20), long(lineLimit), strings.NewReader("\n"), strings.NewReader(`{"sql": "last"}`)))
	if len(calls) != 2 || calls[1].Line != 4 || len(bad) != 1 || bad[0].Line != 2 || !strings.Contains(bad[0].Reason, "longer than 16777216 bytes") {
		t.Errorf("%d calls, %v", len(calls), bad)
	}
}

type letters struct{}

func (letters) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

// TestReadFails: an error of the reader is returned with the line it came in, whose beginning is not
// used.
func TestReadFails(t *testing.T) {
	broken := errors.New("connection reset")
	n := 0
	err := Read(io.MultiReader(strings.NewReader("{\"sql\": \"a\"}\n{\"sql\": \"b\"}"), failing{broken}), func(Call) { n++ }, func(e LineError) { t.Error(e) })
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "line 2") || n != 1 {
		t.Errorf("%d calls, %v", n, err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func FuzzRead(f *testing.F) {
	for _, c := range wrong {
		f.Add([]byte(c[0] + "\n{\"sql\": \"SELECT ?\", \"params\": [1, \"x\", {\"$blob\": \"AAE=\"}], \"weight\": 2}\r\n"))
	}
	f.Fuzz(func(t *testing.T, trace []byte) {
		lines := bytes.Count(trace, []byte("\n")) + 1
		last := 0
		check := func(line int) {
			if line <= last || line > lines {
				t.Fatalf("line %d after %d of %d", line, last, lines)
			}
			last = line
		}
		err := Read(bytes.NewReader(trace), func(c Call) {

			check(c.Line)
			if strings.TrimSpace(c.SQL) == "" || c.Weight < 0 || math.IsNaN(c.Weight) || math.IsInf(c.Weight, 0) {
				t.Fatalf("%+v", c)
			}
			again(t, c)
		}, func(e LineError) { check(e.Line) })
		if err != nil {
			t.Fatal(err)
		}
	})
}

// again writes a call as a line and reads it: the same call.
func again(t *testing.T, c Call) {
	t.Helper()
	params := make([]any, len(c.Params))
	for i, p := range c.Params {
		params[i] = p
		switch p := p.(type) {
		case []byte:
			params[i] = map[string]string{"$blob": base64.StdEncoding.EncodeToString(p)}
		case float64: // written so that it is not read as an integer
			params[i] = json.RawMessage(fmt.Sprintf("%e", p))
			if q, err := json.Number(fmt.Sprintf("%e", p)).Float64(); err != nil || q != p {
				return
			}
		}
	}
	line, err := json.Marshal(map[string]any{"sql": c.SQL, "params": params, "weight": c.Weight})
	if err != nil {
		t.Fatal(err)
	}
	calls, bad := read(t, bytes.NewReader(line))
	if len(bad) != 0 || len(calls) != 1 {
		t.Fatalf("%s: %v", line, bad)
	}
	calls[0].Line = c.Line
	if diff := cmp.Diff(c, calls[0], cmp.Comparer(func(a, b []any) bool { return fmt.Sprintf("%#v", a) == fmt.Sprintf("%#v", b) })); diff != "" {
		t.Fatalf("%s\n%s", line, diff)
	}
}
