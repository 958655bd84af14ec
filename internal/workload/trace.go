// Package workload reads traces: what an application asked of its database, one call a line.
//
// A line is {"sql": "…", "params": […], "weight": 1.0}. Blobs are written as {"$blob": "base64"}.
// A line that cannot be understood is reported with its number and the rest is still used.
package workload

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// Call is one line of a trace.
type Call struct {
	Line   int
	SQL    string
	Params []any   // nil, bool, int64, float64, string or []byte
	Weight float64 // how often, in any unit; 1 if not given
}

// LineError says what is wrong with a line.
type LineError struct {
	Line   int
	Reason string
}

// Error returns the line's number and the reason.
func (e LineError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// lineLimit is the longest line read, in bytes: SQLite's own default limit for a text is 1 GB, no
// trace needs that. https://sqlite.org/limits.html
const lineLimit = 16 << 20

// Read calls use for each good line and bad for each other one. The error is r's own.
func Read(r io.Reader, use func(Call), bad func(LineError)) error {
	in := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		line, tooLong, err := readLine(in)
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")) // a byte order mark
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read trace: line %d: %w", n, err)
		}
		switch {
		case tooLong:
			bad(LineError{n, fmt.Sprintf("longer than %d bytes", lineLimit)})
		case len(bytes.TrimSpace(line)) > 0:
			if c, reason := parse(line); reason != "" {
				bad(LineError{n, reason})
			} else {
				c.Line = n
				use(c)
			}
		}
		if err != nil {
			return nil
		}
	}
}

// readLine reads a line of at most lineLimit bytes and skips the rest of a longer one.
func readLine(in *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > lineLimit {
			tooLong, line = true, nil
		}
		if !tooLong {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, tooLong, err
		}
	}
}

// parse reads one line. reason is "" if it is good.
func parse(line []byte) (c Call, reason string) {
	var raw struct {
		SQL    *string           `json:"sql"`
		Params []json.RawMessage `json:"params"`
		Weight *float64          `json:"weight"`
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return c, "not a trace line: " + explain(err)
	}
	if raw.SQL == nil || strings.TrimSpace(*raw.SQL) == "" {
		return c, `"sql" is missing or empty`
	}
	c = Call{SQL: *raw.SQL, Weight: 1}
	if raw.Weight != nil {
		c.Weight = *raw.Weight
	}
	if c.Weight < 0 || math.IsInf(c.Weight, 0) {
		return c, `"weight" is negative`
	}
	for i, p := range raw.Params {
		v, err := value(p)
		if err != nil {
			return c, fmt.Sprintf("parameter %d: %s", i+1, err)
		}
		c.Params = append(c.Params, v)
	}
	return c, ""
}

// explain words what encoding/json says for people who wrote the line, not the decoder.
func explain(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		if wrong.Field == "" {
			return "an object is expected, not " + wrong.Value
		}
		return fmt.Sprintf("%q has the wrong type: %s", wrong.Field, wrong.Value)
	}
	return err.Error()
}

// value reads one parameter.
func value(raw json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
		return v.Float64()
	case map[string]any:
		return blob(v)
	case []any:
		return nil, errors.New("an array is no SQLite value")
	default:
		return v, nil
	}
}

func blob(object map[string]any) (any, error) {
	text, ok := object["$blob"].(string)
	if !ok || len(object) != 1 {
		return nil, errors.New(`an object must be {"$blob": "base64"}`)
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("$blob: %w", err)
	}
	return b, nil
}
