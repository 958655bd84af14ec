package sqlmiddleware

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ngrok/sqlmw"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// tagged lists texts with "^" where the comment goes; without one they stay as they are.
var tagged = []string{
	"SELECT a FROM t^", "SELECT a FROM t^;", "SELECT a FROM t^ ; ;\n", " ; select a from t^", "SELECT count(*) FROM t^", "SELECT a + 1 FROM t^", "SELECT 1 AS n^", "SELECT 1 WHERE 1^",
	"VALUES (1 + 1)^", "INSERT INTO t(a) VALUES (1)^", "INSERT INTO t(a) VALUES (1) RETURNING id^;", "INSERT INTO t(a) VALUES (1) RETURNING id + 1 AS n^", "DELETE FROM t RETURNING *^",
	"UPDATE t SET a = 1^", "DELETE FROM t^", "REPLACE INTO t(a) VALUES ('/* no comment -- */')^", "WITH c AS (SELECT 1 + 1) SELECT * FROM c^", "SELECT a FROM t WHERE a = ?^", "SELECT a FROM t WHERE a IN (1, 2)^",
	"SELECT 1 + 1 FROM t UNION SELECT a FROM t ORDER BY 1^", "SELECT a - 1 FROM t^", "SELECT a FROM t LIMIT 1 / 1^", "UPDATE t SET a = 2 RETURNING t.id AS n, a^",
	// Untouched: nothing, comments, several statements, what SQLite cannot read or stores, and names by text.
	"", ";", "SELECT a FROM t -- c", "/* c */ SELECT a FROM t", "SELECT a /* c */ FROM t;", "SELECT a FROM t; SELECT 2", "SELECT a FROM t /*", "SELECT a FROM t /* c", "SELECT 'a", "SELECT a FROM t WHERE \"a",
	"SELECT a FROM t\x00", "SELECT # FROM t", "CREATE TABLE u(a) STRICT", "CREATE VIEW v AS SELECT a FROM t", "CREATE INDEX i ON t(a)", "ALTER TABLE t ADD COLUMN b", "DROP TABLE t", "PRAGMA user_version", "BEGIN", "EXPLAIN SELECT a FROM t",
	"SELECT 1 + 1", "SELECT 1 + 1;", "SELECT (1)", "SELECT count(*)", "SELECT 1 IS DISTINCT FROM 2", "INSERT INTO t(a) VALUES (1) RETURNING id + 1", "DELETE FROM t RETURNING true", "DELETE FROM t RETURNING \"id\"", "SELECT 1 FROM t UNION SELECT 2",
	"SELECT 1 AS n, 2", "WITH c AS (SELECT 1) SELECT 2 + 3", "SELECT 1 x", "nonsense", "WITH c",
}

func TestCommentsGoToTheirPlace(t *testing.T) {
	tags := Tags(TagsConfig{Static: []Tag{{"k", "v"}}})
	for _, marked := range tagged {
		query, want := strings.Replace(marked, "^", "", 1), strings.Replace(marked, "^", " /*k='v'*/", 1)
		if got := tags.tag(background, query); got != want {
			t.Errorf("%q became %q, want %q", query, got, want)
		}
		checkTags(t, query, "k", "v")
	}
}

func TestComments(t *testing.T) {
	long := strings.Repeat("v", maxComment-len(" /*k=''*/"))
	for _, test := range []struct {
		tags []Tag
		want string
	}{
		{nil, ""}, {[]Tag{{"", "v"}}, ""}, {[]Tag{{"k", ""}}, " /*k=''*/"},
		{[]Tag{{"route", "/polls 1"}, {"action", "/param*d"}, {"controller", "index"}}, " /*action='%2Fparam%2Ad',controller='index',route='%2Fpolls%201'*/"},
		{[]Tag{{"k", "*/; DROP TABLE t; /*"}}, " /*k='%2A%2F%3B%20DROP%20TABLE%20t%3B%20%2F%2A'*/"}, {[]Tag{{"'*/", "'\\\x00\n"}}, " /*%27%2A%2F='%27%5C%00%0A'*/"},
		{[]Tag{{"a", "1"}, {"b", "2"}, {"a", "3"}}, " /*a='3',b='2'*/"}, {[]Tag{{"é", "-._~"}}, " /*%C3%A9='-._~'*/"}, {[]Tag{{"a", "1"}, {"a-b", "2"}}, " /*a-b='2',a='1'*/"},
		{[]Tag{{"k", long}}, " /*k='" + long + "'*/"}, {[]Tag{{"k", long + "v"}}, ""}, {[]Tag{{"k", long}, {"z", "1"}}, " /*k='" + long + "'*/"}, {[]Tag{{"k", strings.Repeat(long, 9)}, {"z", "1"}}, " /*z='1'*/"},
	} {
		if got := commentOf(test.tags); got != test.want {
			t.Errorf("%.80v gives %.80q, want %.80q", test.tags, got, test.want)
		}
	}
}

// texter keeps the texts that reach the driver.
type texter struct {
	sqlmw.NullInterceptor
	seen []string
}

func (x *texter) ConnExecContext(ctx context.Context, conn driver.ExecerContext, query string, args []driver.NamedValue) (driver.Result, error) {
	x.seen = append(x.seen, query)
	return conn.ExecContext(ctx, query, args)
}

func (x *texter) ConnQueryContext(ctx context.Context, conn driver.QueryerContext, query string, args []driver.NamedValue) (context.Context, driver.Rows, error) {
	x.seen = append(x.seen, query)
	rows, err := conn.QueryContext(ctx, query, args)
	return ctx, rows, err
}

func (x *texter) ConnPrepareContext(ctx context.Context, conn driver.ConnPrepareContext, query string) (context.Context, driver.Stmt, error) {
	x.seen = append(x.seen, query)
	s, err := conn.PrepareContext(ctx, query)
	return ctx, s, err
}

func TestTagsOfTheRequest(t *testing.T) {
	scope, seen := capture.NewScope(), &texter{}
	tags := Tags(TagsConfig{Static: []Tag{{"app", "shop"}, {"k", "static"}}, Of: func(context.Context) []Tag { return []Tag{{"k", "dynamic"}} }, Route: true, Traceparent: true})
	db := open(t, file(t), tags, seen)
	ctx := capture.WithScope(background, scope)
	_, err := db.ExecContext(background, "INSERT INTO t(a) VALUES (3)")
	must(t, err)
	scope.SetName("GET /orders/:id")
	must(t, db.QueryRowContext(ctx, "SELECT a FROM t").Scan(new(int)))
	s, err := db.PrepareContext(ctx, "SELECT a FROM t;")
	must(t, err)
	defer s.Close()
	must(t, s.QueryRowContext(background).Scan(new(int)))
	_, err = db.ExecContext(capture.Mute(background), "DELETE FROM t")
	must(t, err)
	comment := fmt.Sprintf(" /*app='shop',k='dynamic',route='GET%%20%%2Forders%%2F%%3Aid',traceparent='%s'*/", scope.Trace().Traceparent())
	want := []string{
		"INSERT INTO t(a) VALUES (3) /*app='shop',k='dynamic'*/", "SELECT a FROM t" + comment, "SELECT a FROM t" + comment + ";", "DELETE FROM t /*app='shop',k='dynamic'*/",
	}
	if got := strings.Join(seen.seen, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("the driver saw\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// tracer finds the span of an application's own tracing library.
type tracer struct{ found *capture.Trace }

func (x tracer) Of(context.Context) *capture.Trace                          { return x.found }
func (x tracer) Into(ctx context.Context, _ *capture.Trace) context.Context { return ctx }

func TestTheApplicationsSpanComesFirst(t *testing.T) {
	own := capture.NewTrace()
	capture.SetTracer(tracer{own})
	defer capture.SetTracer(nil)
	ctx := capture.WithScope(background, capture.NewScope())
	got := Tags(TagsConfig{Traceparent: true}).tag(ctx, "SELECT a FROM t")
	if want := "SELECT a FROM t /*traceparent='" + own.Traceparent() + "'*/"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A span that is not exported has no ID: it is no tag.
func TestTraceWithoutASpan(t *testing.T) {
	own := capture.NewTrace()
	own.SpanID = [8]byte{}
	capture.SetTracer(tracer{own})
	defer capture.SetTracer(nil)
	if got := Tags(TagsConfig{Traceparent: true}).tag(background, "SELECT a FROM t"); got != "SELECT a FROM t" {
		t.Error(got)
	}
}

func TestPanickingTagsAreLeftOut(t *testing.T) {
	seen := &texter{}
	tags := Tags(TagsConfig{Static: []Tag{{"app", "shop"}}, Of: func(context.Context) []Tag { panic("mine") }})
	run(t, open(t, file(t), tags, seen), "DELETE FROM t")
	if seen.seen[0] != "DELETE FROM t" || tags.Panics() != 1 {
		t.Errorf("%q after %d panics", seen.seen, tags.Panics())
	}
}

func TestStaticTagsAreNotOverwritten(t *testing.T) {
	static := append(make([]Tag, 0, 8), Tag{"app", "shop"})
	tags := Tags(TagsConfig{Static: static, Of: func(context.Context) []Tag { return []Tag{{"k", "v"}} }})
	tags.tag(background, "DELETE FROM t")
	if spare := static[:2][1]; spare != (Tag{}) {
		t.Errorf("wrote %v behind the caller's tags", spare)
	}
}

// FuzzTags has SQLite as the judge: with and without tags a text gives the same result.
func FuzzTags(f *testing.F) {
	for _, marked := range tagged {
		f.Add(strings.Replace(marked, "^", "", 1), "k", "*/ DROP TABLE t /*")
	}
	f.Fuzz(checkTags)
}

func checkTags(t *testing.T, query, key, value string) {
	changed := Tags(TagsConfig{Static: []Tag{{key, value}}}).tag(background, query)
	if changed == query {
		return
	}
	if plain, with := sqltext.Fingerprint(query), sqltext.Fingerprint(changed); plain != with {
		t.Fatalf("fingerprint of %q is %q, of %q it is %q", query, plain, changed, with)
	}
	if n := len(sqltext.Split(changed)); n != 1 {
		t.Fatalf("%q has %d statements", changed, n)
	}
	plain, again := result(t, query), result(t, query)
	if with := result(t, changed); plain == again && with != plain {
		t.Fatalf("%q gives\n%s\nbut %q\n%s", query, plain, changed, with)
	}
}

// result runs query on a new database and returns all there is to see: columns, rows, error, and what the database
// is afterwards.
func result(t *testing.T, query string) string {
	db := open(t, ":memory:")
	defer db.Close()
	c := single(t, db)
	defer c.Close()
	must(t, exec(c, "CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t(a) VALUES (1), (2)"))
	ctx, cancel := context.WithTimeout(background, 200*time.Millisecond)
	defer cancel()
	rows, err := c.QueryContext(ctx, query)
	if err != nil {
		return fmt.Sprint(err, image(t, c))
	}
	out := table(rows)
	return out + image(t, c)
}

func table(rows *sql.Rows) string {
	defer rows.Close()
	columns, err := rows.Columns()
	out := fmt.Sprintf("%q %v\n", columns, err)
	values, pointers := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		pointers[i] = &values[i]
	}
	for n := 0; rows.Next() && n < 1000; n++ {
		out += fmt.Sprintln(rows.Scan(pointers...), values)
	}
	return out + fmt.Sprint(rows.Err())
}
