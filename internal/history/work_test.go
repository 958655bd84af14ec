package history

import (
	"bytes"
	"errors"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// detailOf is the detail of a summary, and how long it was in version 1.
func detailOf(t testing.TB, s *digest.Summary) (detail []byte, v1 int) {
	t.Helper()
	detail, err := appendDetail(nil, s)
	if err != nil {
		t.Fatal(err)
	}
	later, err := appendRequests(appendWork(nil, s), s)
	if err != nil {
		t.Fatal(err)
	}
	return detail, len(detail) - len(later)
}

func TestDetailOfVersion1IsRead(t *testing.T) {
	for _, s := range batch(app(), 2, 9, 1) {
		s.Outside, s.Bursts, s.Work.Prepared = 5, 3, 2
		detail, v1 := detailOf(t, s)
		var old, now digest.Summary
		if err := errors.Join(readDetail(detail[:v1], &old), readDetail(detail, &now)); err != nil {
			t.Fatal(err)
		}
		if old.Attributed != s.Attributed || old.Work != (digest.Work{}) || old.Callers != nil {
			t.Errorf("read as %+v", old)
		}
		if now.Work != s.Work || now.Outside != 5 || now.Bursts != 3 || now.Classes != s.Classes || now.Ends != s.Ends || now.Params != s.Params {
			t.Errorf("wrote %+v, read %+v", s.Work, now.Work)
		}
		if diff := cmp.Diff(s.Callers, now.Callers); diff != "" {
			t.Error(diff)
		}
	}
}

func TestDetailOfVersion2IsRead(t *testing.T) {
	for _, s := range batch(app(), 2, 9, 1) {
		detail, _ := detailOf(t, s)
		later, err := appendRequests(appendList(nil, []uint64{s.Outside, s.Bursts, s.Work.Prepared}), s)
		if err != nil {
			t.Fatal(err)
		}
		var old digest.Summary
		if err := readDetail(detail[:len(detail)-len(later)], &old); err != nil || old.Classes != s.Classes || old.Outside != 0 {
			t.Errorf("read as %+v, %v", old, err)
		}
	}
}

func TestDetailOfARequestIsRead(t *testing.T) {
	want := &digest.Summary{RequestBytes: 1 << 40, AnswerBytes: 3, Panics: 2, Gone: 1}
	for n := range int64(300) {
		want.Statements.Add(n)
	}
	detail := appendDetailOf(t, want)
	short, err := appendRequests(nil, want)
	if err != nil {
		t.Fatal(err)
	}
	var now, old digest.Summary
	if err := errors.Join(readDetail(detail, &now), readDetail(detail[:len(detail)-len(short)], &old)); err != nil {
		t.Fatal(err)
	}
	if now.RequestBytes != want.RequestBytes || now.AnswerBytes != 3 || now.Panics != 2 || now.Gone != 1 {
		t.Errorf("read as %+v", now)
	}
	if diff := cmp.Diff(want.Statements, now.Statements, cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
		t.Error(diff)
	}
	if old.AnswerBytes != 0 || old.Statements.Count() != 0 {
		t.Errorf("one of version 3 is read as %+v", old)
	}
	plain, err := appendRequests(nil, &digest.Summary{Calls: 1})
	if err != nil || len(plain) != 0 {
		t.Errorf("what is no request has %d bytes more, %v", len(plain), err)
	}
}

func TestHistoryOfVersion1IsTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, noon, 1, time.Second, batch(app(), 1, 1, 1))
	if _, err := s.db.Exec("PRAGMA user_version = 1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, Config{Path: path})
	var version int
	if err := again.db.QueryRow("PRAGMA user_version").Scan(&version); err != nil || version != schemaVersion {
		t.Errorf("version %d, %v", version, err)
	}
	if n := len(all(t, again)); n != 1 {
		t.Errorf("%d intervals, want 1", n)
	}
}

// FuzzDetail: whatever is in the file, reading it ends in a summary or an error, and what can be
// read is written again as it was read.
func FuzzDetail(f *testing.F) {
	for _, s := range batch(app(), 1, 4, 1) {
		detail, v1 := detailOf(f, s)
		f.Add(detail)
		f.Add(detail[:v1])
	}
	f.Add(appendDetailOf(f, &digest.Summary{Callers: []digest.Caller{{Site: capture.SiteOf(capture.Site{}), Calls: 1}}}))
	f.Add(appendDetailOf(f, &digest.Summary{AnswerBytes: 7, Gone: 1}))
	f.Add([]byte{0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		var first, second digest.Summary
		if readDetail(data, &first) != nil {
			return
		}
		detail := appendDetailOf(t, &first)
		if err := readDetail(detail, &second); err != nil {
			t.Fatalf("%x was read, %x was not: %v", data, detail, err)
		}
		if again := appendDetailOf(t, &second); !bytes.Equal(detail, again) {
			t.Errorf("%x became %x", detail, again)
		}
	})
}

func appendDetailOf(t testing.TB, s *digest.Summary) []byte {
	detail, _ := detailOf(t, s)
	return detail
}
