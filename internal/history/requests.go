package history

import "github.com/sqliteperf/sqliteperf/internal/digest"

// appendRequests appends what only requests have: a list of counters and the histogram of statements per
// request. Of what is no request it appends nothing.
func appendRequests(dst []byte, s *digest.Summary) ([]byte, error) {
	counters := []uint64{uint64(s.RequestBytes), uint64(s.AnswerBytes), s.Panics, s.Gone}
	if s.Statements.Count() == 0 && counters[0]|counters[1]|counters[2]|counters[3] == 0 {
		return dst, nil
	}
	return appendHistogram(appendList(dst, counters), &s.Statements)
}

// readRequests sets in s what appendRequests wrote.
func readRequests(r *detail, s *digest.Summary) {
	var counters [4]uint64
	readList(r, counters[:])
	s.RequestBytes, s.AnswerBytes = int64(counters[0]), int64(counters[1])
	s.Panics, s.Gone = counters[2], counters[3]
	r.histogram(&s.Statements)
}
