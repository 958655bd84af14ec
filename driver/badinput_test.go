package driver

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"modernc.org/sqlite"
)

// mostParameters is SQLITE_MAX_VARIABLE_NUMBER. https://sqlite.org/limits.html
const mostParameters = 32_766

func many(n int) (args []any) {
	for i := range n {
		args = append(args, i)
	}
	return args
}

func marks(n int) string { return "SELECT " + strings.Repeat("?+", n-1) + "?" }

// badInput are texts as nobody writes them.
var badInput = map[string]struct {
	text string
	args []any
}{
	"nothing": {"", nil}, "spaces": {" \t\r\n\f", nil}, "a semicolon": {";", nil}, "semicolons": {";;; ;", nil},
	"a comment": {"-- nothing", nil}, "an open comment": {"/* nothing", nil}, "comments": {"/* a */ -- b\n /* c */;", nil},
	"an open string": {"SELECT 'x", nil}, "an open name": {`SELECT "x`, nil}, "an open bracket": {"SELECT [x", nil}, "an open tick": {"SELECT `x", nil},
	"a zero byte": {"\x00", nil}, "a zero byte within": {"SELECT 1\x00; DROP TABLE t", nil}, "a zero byte first": {"\x00SELECT 1", nil},
	"a zero byte in a string": {"SELECT 'a\x00b'", nil}, "a zero byte bound": {"SELECT ?, length(?1)", []any{"a\x00b"}},
	"no UTF-8": {"SELECT '\xff\xfe\xc0\x80'", nil}, "no UTF-8 as a name": {"SELECT 1 AS \"\xff\"", nil}, "no UTF-8 at all": {"\xff\xfe", nil},
	"no UTF-8 bound": {"SELECT ?", []any{"\xff"}}, "a byte order mark": {"\ufeffSELECT 1", nil}, "control bytes": {"SELECT\x01 1", nil},
	"many kilobytes of spaces": {"SELECT 1" + strings.Repeat(" ", 100<<10), nil}, "a megabyte of text": {"SELECT length('" + strings.Repeat("x", 1<<20) + "')", nil},
	"many kilobytes of comment": {"/*" + strings.Repeat("*", 100<<10) + "*/ SELECT 1", nil}, "many kilobytes of brackets": {"SELECT " + strings.Repeat("(", 100<<10), nil},
	"a thousand semicolons": {strings.Repeat(";", 1000) + "SELECT 1", nil}, "a megabyte bound": {"SELECT length(?)", []any{strings.Repeat("x", 1<<20)}},
	"parameters, the most": {"SELECT ?32766", many(mostParameters)}, "parameters, one more": {"SELECT ?32767", many(mostParameters + 1)},
	"deep": {marks(500), many(500)}, "too deep": {marks(2000), many(2000)}, "many texts": {strings.Repeat("SELECT 1;", 100), nil},
	"an open trigger": {"CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1;", nil}, "words": {"no such thing", nil}, "a number": {"1", nil},
	"parameter zero": {"SELECT ?0", nil}, "a strange parameter": {"SELECT $a::b(c)", []any{sql.Named("a::b(c)", 1)}},
	"escapes": {"SELECT '\x1b[31m<script>'", nil}, "a name like a script": {`SELECT "<script>"`, nil},
}

func TestBadInputIsAnsweredAsByTheBareDriver(t *testing.T) {
	for name, input := range badInput {
		t.Run(name, func(t *testing.T) {
			everyConfig(t, func(t *testing.T, open opener, dir string) []string {
				var s transcript
				db := open(t, filepath.Join(dir, "app.db"))
				s.exec(context.Background(), db, "CREATE TABLE t(v)")
				for range 2 {
					s.exec(context.Background(), db, input.text, input.args...)
					s.query(context.Background(), db, input.text, input.args...)
				}
				return s.lines
			})
		})
	}
}

func TestBadInputIsRecordedOnce(t *testing.T) {
	for _, c := range configurations {
		if c.config.Sink != nil {
			continue
		}
		r := record(t, "", c.config)
		exec(t, r.DB, "CREATE TABLE t(v)")
		r.events()
		for name, input := range badInput {
			_, err := r.Exec(input.text, input.args...)
			failed := 0
			events := r.events()
			for _, ev := range events {
				if ev.Error != capture.ErrorNone {
					failed++
				}
			}
			if len(events) != 1 || failed == 1 != (err != nil) || events[0].Statement.Summary != strings.ToValidUTF8(events[0].Statement.Summary, "") {
				t.Errorf("%s, %s: %v is recorded as %+v", c.name, name, err, see(events))
			}
		}
	}
}

// brokenFiles are databases that SQLite cannot use as it wants to, and what it says then.
var brokenFiles = map[string]struct {
	spoil func(t *testing.T, path string)
	query string
	code  int
	class capture.ErrorClass
}{
	"no database": {func(t *testing.T, path string) {
		must(t, os.WriteFile(path, []byte(strings.Repeat("no database\n", 500)), 0o600))
	}, "SELECT * FROM t", 26, capture.ErrorCorrupt},
	"a page overwritten": {func(t *testing.T, path string) {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		must(t, err)
		_, err = f.WriteAt([]byte(strings.Repeat("\xff", 4096)), 4096)
		must(t, errors.Join(err, f.Close()))
	}, "SELECT * FROM t", 11, capture.ErrorCorrupt},
	"cut short": {func(t *testing.T, path string) { must(t, os.Truncate(path, 6000)) }, "SELECT sum(length(v)) FROM t", 11, capture.ErrorCorrupt},
	"a directory": {func(t *testing.T, path string) {
		must(t, errors.Join(os.Remove(path), os.Mkdir(path, 0o700)))
	}, "SELECT 1", 0, capture.ErrorNone},
	"read only":    {func(*testing.T, string) {}, "PRAGMA query_only = 1; DELETE FROM t", 8, capture.ErrorOther},
	"full":         {func(*testing.T, string) {}, "PRAGMA max_page_count = 1; INSERT INTO t VALUES(randomblob(100000))", 13, capture.ErrorFull},
	"a constraint": {func(*testing.T, string) {}, "INSERT INTO u VALUES(1), (1)", 19, capture.ErrorConstraint},
	"too big":      {func(*testing.T, string) {}, "SELECT zeroblob(2000000000)", 18, capture.ErrorOther},
	"a mismatch":   {func(*testing.T, string) {}, "INSERT INTO k VALUES('x')", 20, capture.ErrorOther},
}

func TestBrokenFilesFailAsWithTheBareDriver(t *testing.T) {
	for name, test := range brokenFiles {
		t.Run(name, func(t *testing.T) {
			everyConfig(t, func(t *testing.T, open opener, dir string) []string {
				var s transcript
				path := filepath.Join(dir, "app.db")
				spoilt(t, path, test.spoil)
				db := open(t, path)
				for range 2 {
					s.exec(context.Background(), db, test.query)
					s.query(context.Background(), db, test.query)
				}
				for i, line := range s.lines {
					s.lines[i] = strings.ReplaceAll(line, dir, "DIR")
				}
				return s.lines
			})
			r := record(t, "", Config{})
			spoilt(t, r.path, test.spoil)
			_, err := r.Exec(test.query)
			events := r.events()
			if test.code == 0 {
				if err == nil || len(events) != 0 {
					t.Errorf("%v is recorded as %+v", err, see(events))
				}
				return // it was not even opened
			}
			failure := (*sqlite.Error)(nil)
			if !errors.As(err, &failure) || failure.Code()&0xff != test.code || len(events) != 1 || events[0].Error != test.class {
				t.Errorf("%v is recorded as %+v", err, see(events))
			}
		})
	}
}

// spoilt makes a database of some pages at path and spoils it.
func spoilt(t *testing.T, path string, spoil func(*testing.T, string)) {
	t.Helper()
	db := bare(t, path+"?_pragma=synchronous(off)")
	exec(t, db, "CREATE TABLE t(v)")
	exec(t, db, "CREATE TABLE u(v UNIQUE)")
	exec(t, db, "CREATE TABLE k(id INTEGER PRIMARY KEY)")
	exec(t, db, "INSERT INTO t VALUES('"+strings.Repeat("x", 1000)+"')"+strings.Repeat(", ('"+strings.Repeat("y", 1000)+"')", 19))
	must(t, db.Close())
	spoil(t, path)
}
