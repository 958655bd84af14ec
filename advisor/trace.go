package advisor

import (
	"io"

	"github.com/sqliteperf/sqliteperf/internal/sqltext"
	"github.com/sqliteperf/sqliteperf/internal/workload"
)

// samplesPerQuery bounds the calls of one statement kept from a trace.
const samplesPerQuery = 64

// ReadTrace reads a workload from a trace, one JSON object a line:
//
//	{"sql": "SELECT …", "params": [1, "x", {"$blob": "AAE="}], "weight": 1.0}
//
// Calls with the same fingerprint become one Query. bad is called for each line that cannot be
// used; the error is that of reading r.
func ReadTrace(r io.Reader, bad func(line int, reason string)) ([]Query, error) {
	var list []*Query
	byDigest := map[uint64]*Query{}
	err := workload.Read(r, func(c workload.Call) {
		fingerprint := sqltext.Fingerprint(c.SQL)
		digest := sqltext.Digest(fingerprint)
		q := byDigest[digest]
		if q == nil {
			q = &Query{Digest: digest, Fingerprint: fingerprint, Text: c.SQL, ReadOnly: sqltext.ReadOnly(c.SQL), Source: fromTrace}
			byDigest[digest] = q
			list = append(list, q)
		}
		q.Calls += c.Weight
		if len(q.Samples) < samplesPerQuery {
			q.Samples = append(q.Samples, Sample{Text: c.SQL, Args: c.Params})
		}
	}, func(e workload.LineError) { bad(e.Line, e.Reason) })
	queries := make([]Query, len(list))
	for i, q := range list {
		queries[i] = *q
	}
	return queries, err
}
