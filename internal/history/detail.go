package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	"github.com/sqliteperf/sqliteperf/internal/sketch"
)

// errDetail reports a summary.detail that was not written by appendDetail.
var errDetail = errors.New("malformed detail of a summary")

// processStart is what capture.Instant counts from, in nanoseconds since 1970.
var processStart = capture.Instant(0).Time().UnixNano()

// appendDetail appends what has no column: rows, affected, SQL time, attributed calls, first and
// last seen in nanoseconds since 1970, as varints; both histograms; routes; since version 2, work;
// since version 4, of requests only, what requests have. Lengths come first.
func appendDetail(dst []byte, s *digest.Summary) ([]byte, error) {
	for _, n := range [...]int64{s.Rows, s.Affected, int64(s.SQL), processStart + int64(s.FirstSeen), processStart + int64(s.LastSeen)} {
		dst = binary.AppendVarint(dst, n)
	}
	dst = binary.AppendUvarint(dst, s.Attributed)
	var err error
	for _, h := range [...]*sketch.Histogram{&s.Time, &s.First} {
		if dst, err = appendHistogram(dst, h); err != nil {
			return nil, err
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(s.Routes)))
	for _, r := range s.Routes {
		dst = binary.AppendUvarint(dst, uint64(len(r.Name)))
		dst = append(dst, r.Name...)
		dst = binary.AppendUvarint(dst, r.Calls)
	}
	return appendRequests(appendWork(dst, s), s)
}

// appendHistogram appends h behind its length in two bytes.
func appendHistogram(dst []byte, h *sketch.Histogram) ([]byte, error) {
	at := len(dst)
	dst, err := h.AppendBinary(append(dst, 0, 0))
	if err != nil {
		return nil, err
	}
	size := len(dst) - at - 2
	if size > math.MaxUint16 {
		return nil, fmt.Errorf("histogram of %d bytes", size)
	}
	binary.BigEndian.PutUint16(dst[at:], uint16(size))
	return dst, nil
}

// readDetail sets in s what appendDetail wrote. It keeps nothing of data.
func readDetail(data []byte, s *digest.Summary) error {
	r := detail{data: data}
	s.Rows, s.Affected, s.SQL = r.int(), r.int(), time.Duration(r.int())
	s.FirstSeen = capture.Instant(r.int() - processStart)
	s.LastSeen = capture.Instant(r.int() - processStart)
	s.Attributed = r.uint()
	r.histogram(&s.Time)
	r.histogram(&s.First)
	if n := r.uint(); n > 0 && n <= uint64(len(r.data)) { // a route has at least two bytes
		s.Routes = make([]digest.Route, 0, min(n, 64))
		for ; n > 0 && r.err == nil; n-- {
			s.Routes = append(s.Routes, digest.Route{Name: string(r.take(r.uint())), Calls: r.uint()})
		}
	} else if n > 0 {
		r.fail(errDetail)
	}
	if len(r.data) > 0 { // version 1 ends here
		readWork(&r, s)
	}
	if len(r.data) > 0 { // versions 2 and 3 end here, and what is no request
		readRequests(&r, s)
	}
	if len(r.data) > 0 {
		r.fail(errDetail)
	}
	return r.err
}

// detail takes values off data until the first error.
type detail struct {
	data []byte
	err  error
}

func (r *detail) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.data = nil
}

func (r *detail) int() int64 {
	v, n := binary.Varint(r.data)
	r.skip(n)
	return v
}

func (r *detail) uint() uint64 {
	v, n := binary.Uvarint(r.data)
	r.skip(n)
	return v
}

func (r *detail) duration() time.Duration { return time.Duration(r.int()) }

// skip passes over a varint of n bytes, none of which means that it was malformed.
func (r *detail) skip(n int) {
	if n <= 0 {
		r.fail(errDetail)
		return
	}
	r.data = r.data[n:]
}

func (r *detail) take(n uint64) []byte {
	if n > uint64(len(r.data)) {
		r.fail(errDetail)
		return nil
	}
	taken := r.data[:n]
	r.data = r.data[n:]
	return taken
}

func (r *detail) histogram(h *sketch.Histogram) {
	size := r.take(2)
	if r.err != nil {
		return
	}
	data := r.take(uint64(binary.BigEndian.Uint16(size)))
	if r.err != nil {
		return
	}
	if err := h.UnmarshalBinary(data); err != nil {
		r.fail(err)
	}
}
