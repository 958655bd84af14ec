package history

import (
	"encoding/binary"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// workCounters are the counters that a detail holds since version 2, in the order of writing.
func workCounters(s *digest.Summary) []*uint64 {
	w := &s.Work
	return []*uint64{&s.Late, &s.Upgraded, &w.Counted, &w.Cached, &w.Steps, &w.FullScan, &w.AutoIndex,
		&w.Sorts, &w.Reprepares, &w.Retries}
}

// appendWork appends counters; classes of errors, ends of transactions and classes of values, each
// list behind its length, so that one that grows later can be told; callers; since version 3, a list of
// the counters that came later.
func appendWork(dst []byte, s *digest.Summary) []byte {
	for _, n := range workCounters(s) {
		dst = binary.AppendUvarint(dst, *n)
	}
	dst = binary.AppendVarint(dst, int64(s.Work.LockWait))
	dst = appendList(dst, s.Classes[:])
	dst = appendList(dst, s.Ends[:])
	dst = appendList(dst, s.Params[:])
	dst = binary.AppendUvarint(dst, uint64(len(s.Callers)))
	for _, c := range s.Callers {
		dst = appendText(appendText(dst, c.Site.Function), c.Site.File)
		dst = binary.AppendUvarint(dst, uint64(c.Site.Line))
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, c.Calls), c.Unattributed)
	}
	return appendList(dst, []uint64{s.Outside, s.Bursts, s.Work.Prepared})
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// appendList appends numbers up to the last that is not 0.
func appendList[N ~uint16 | ~uint64](dst []byte, list []N) []byte {
	for len(list) > 0 && list[len(list)-1] == 0 {
		list = list[:len(list)-1]
	}
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for _, n := range list {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	return dst
}

// readWork sets in s what appendWork wrote.
func readWork(r *detail, s *digest.Summary) {
	for _, n := range workCounters(s) {
		*n = r.uint()
	}
	s.Work.LockWait = r.duration()
	readList(r, s.Classes[:])
	readList(r, s.Ends[:])
	readList(r, s.Params[:])
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		site := capture.Site{Function: r.text(), File: r.text(), Line: int(r.uint())}
		c := digest.Caller{Calls: r.uint(), Unattributed: r.uint()}
		if r.err == nil {
			c.Site = capture.SiteOf(site)
			s.Callers = append(s.Callers, c)
		}
	}
	if len(r.data) == 0 {
		return // version 2 ends here
	}
	var later [3]uint64
	readList(r, later[:])
	s.Outside, s.Bursts, s.Work.Prepared = later[0], later[1], later[2]
}

// readList reads numbers into list. One that does not fit was not written by this version.
func readList[N ~uint16 | ~uint64](r *detail, list []N) {
	n := r.uint()
	if n > uint64(len(list)) {
		r.fail(errDetail)
	}
	for i := range n {
		v := r.uint()
		if r.err != nil {
			return
		}
		if list[i] = N(v); uint64(list[i]) != v {
			r.fail(errDetail)
		}
	}
}

func (r *detail) text() string { return string(r.take(r.uint())) }
