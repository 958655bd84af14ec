package advisor

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/request"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
	"github.com/sqliteperf/sqliteperf/middleware"
)

const library = `CREATE TABLE authors(id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT NOT NULL);
	CREATE TABLE books(id INTEGER PRIMARY KEY, author_id INT NOT NULL REFERENCES authors(id), isbn TEXT UNIQUE, title TEXT NOT NULL, year INT);
	CREATE TABLE reviews(id INTEGER PRIMARY KEY, book INT NOT NULL, stars INT NOT NULL, "by whom" TEXT);
	CREATE TABLE loans(book_id INT NOT NULL, day TEXT NOT NULL, PRIMARY KEY(book_id, day)) WITHOUT ROWID;
	CREATE VIEW recent AS SELECT * FROM books WHERE year > 2000;
	CREATE INDEX books_author ON books(author_id); CREATE INDEX reviews_book ON reviews(book);`

func libraryPath(t testing.TB) string {
	return create(t, library, filled("authors", 40, "i, 'author ' || i, iif(i % 2, 'DE', 'FR')"),
		filled("books", 300, "i, 1 + i * 7 % 40, 'isbn' || i, 'title ' || i % 50, 1950 + i % 70"),
		filled("reviews", 900, "i, 1 + i * 11 % 250, 1 + i % 5, 'reader ' || i % 9"), filled("loans", 500, "1 + i % 200, 'day ' || i"))
}

// rowsOf are the rows of a query as texts, one value each.
func rowsOf(t *testing.T, db *sql.DB, text string, args ...any) (list [][]string) {
	t.Helper()
	rows, err := db.Query(text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	must(t, err)
	for rows.Next() {
		values, pointers := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			pointers[i] = &values[i]
		}
		must(t, rows.Scan(pointers...))
		line := make([]string, len(names))
		for i, v := range values {
			line[i] = fmt.Sprint(v)
		}
		list = append(list, line)
	}
	must(t, rows.Err())
	return list
}

// sorted are rows in an order of their own, each on a line.
func sorted(rows [][]string) string {
	var lines []string
	for _, r := range rows {
		lines = append(lines, strings.Join(r, "|"))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// nested are two statements of a loop over rows.
type nested struct {
	name, source, repeated string
	before                 []any // arguments of the source
	key                    int   // the place of the key among its results
	rest                   []any // arguments of the repeated one besides the key
	last                   bool  // the key is its last argument instead of its first
	same                   bool  // the key is among its results already
	many, joined           string
}

var loops = []nested{
	{name: "a reference", source: "SELECT id, name FROM authors WHERE country = ?", before: []any{"DE"}, repeated: "SELECT title, year FROM books WHERE author_id = ?",
		many:   "SELECT author_id, title, year FROM books WHERE author_id IN (?, ?, ?)",
		joined: "SELECT listed.*, found.* FROM (SELECT id, name FROM authors WHERE country = ?) AS listed JOIN (SELECT author_id AS join_key, title, year FROM books) AS found ON found.join_key = listed.id"},
	{name: "the other way", source: "SELECT id, author_id FROM books WHERE year = ?", before: []any{1975}, key: 1, repeated: "SELECT name FROM authors WHERE id = ?",
		many:   "SELECT id, name FROM authors WHERE id IN (?, ?, ?)",
		joined: "SELECT listed.*, found.* FROM (SELECT id, author_id FROM books WHERE year = ?) AS listed JOIN (SELECT id AS join_key, name FROM authors) AS found ON found.join_key = listed.author_id"},
	{name: "all columns", source: "SELECT * FROM books WHERE year = ? ORDER BY id LIMIT ?", before: []any{1975, 10}, key: 1, repeated: "SELECT * FROM authors WHERE id = ?", same: true,
		many: "SELECT * FROM authors WHERE id IN (?, ?, ?)", joined: "…"},
	{name: "one row of a key", source: "SELECT author_id FROM books WHERE year = ?", before: []any{1975}, repeated: "SELECT * FROM authors WHERE id = ? LIMIT ?", same: true, rest: []any{1},
		many: "SELECT * FROM authors WHERE id IN (?, ?, ?)", joined: "…"},
	{name: "a mapper's quotes", source: `SELECT * FROM "books" WHERE "books"."year" = ?`, before: []any{1975}, key: 1,
		repeated: `SELECT * FROM "authors" WHERE "authors"."id" = ? ORDER BY "authors"."id" LIMIT ?`, same: true, rest: []any{1},
		many: `SELECT * FROM "authors" WHERE "authors"."id" IN (?, ?, ?)`, joined: "…"},
	{name: "another condition after", source: "SELECT id FROM authors WHERE country = ?", before: []any{"DE"}, repeated: "SELECT title FROM books WHERE author_id = ? AND year > ?", rest: []any{1980},
		many: "SELECT author_id, title FROM books WHERE author_id IN (?, ?, ?) AND year > ?", joined: "…"},
	{name: "another condition before", source: "SELECT id FROM authors WHERE country = ?", before: []any{"DE"}, repeated: "SELECT title FROM books WHERE year > ? AND author_id = ?", rest: []any{1980}, last: true,
		many: "SELECT author_id, title FROM books WHERE year > ? AND author_id IN (?, ?, ?)", joined: "…"},
	{name: "aliases and a join", source: "SELECT b.id AS book, b.title FROM books b WHERE b.year = ?", before: []any{1975}, repeated: "SELECT r.stars, b.title FROM reviews AS r JOIN books b ON b.id = r.book WHERE r.book = ? ORDER BY r.id",
		many: "SELECT r.book, r.stars, b.title FROM reviews AS r JOIN books b ON b.id = r.book WHERE r.book IN (?, ?, ?) ORDER BY r.id", joined: "…"},
	{name: "names alone tell", source: "SELECT id, title FROM books WHERE year = ?", before: []any{1975}, repeated: "SELECT day FROM loans WHERE book_id = ?",
		many: "SELECT book_id, day FROM loans WHERE book_id IN (?, ?, ?)", joined: "…"},
	{name: "a count", source: "SELECT id FROM books WHERE year = ?", before: []any{1975}, repeated: "SELECT count(*), max(stars) FROM reviews WHERE book = ?",
		many: "SELECT book, count(*), max(stars) FROM reviews WHERE book IN (?, ?, ?) GROUP BY book"},
	{name: "the best two", source: "SELECT id FROM books WHERE year = ?", before: []any{1975}, repeated: "SELECT stars, id FROM reviews WHERE book = ? ORDER BY stars DESC, id LIMIT ?", rest: []any{2},
		many: "SELECT * FROM (SELECT book, stars, id, row_number() OVER (PARTITION BY book ORDER BY stars DESC, id) AS place FROM reviews WHERE book IN (?, ?, ?)) WHERE place <= ?"},
	{name: "a key that is a text", source: "SELECT isbn FROM books WHERE year = ?", before: []any{1975}, repeated: "SELECT title FROM books WHERE ? = isbn",
		many: "SELECT isbn, title FROM books WHERE isbn IN (?, ?, ?)", joined: "…"},
	{name: "a name that needs quotes", source: `SELECT "by whom" FROM reviews WHERE id < ?`, before: []any{20}, repeated: `SELECT stars FROM reviews WHERE "by whom" = ?`,
		many: `SELECT "by whom", stars FROM reviews WHERE "by whom" IN (?, ?, ?)`, joined: "…"},

	{name: "all columns of another", source: "SELECT id FROM books WHERE year = ?", before: []any{1975}, repeated: "SELECT b.* FROM reviews r JOIN books b ON b.id = r.book WHERE r.book = ?",
		many: "SELECT r.book, b.* FROM reviews r JOIN books b ON b.id = r.book WHERE r.book IN (?, ?, ?)", joined: "…"},
	{name: "two results of one name", source: "SELECT a.id, b.id FROM books b JOIN authors a ON a.id = b.author_id WHERE b.year = ?", before: []any{1975}, key: 1,
		repeated: "SELECT stars FROM reviews WHERE book = ?", many: "SELECT book, stars FROM reviews WHERE book IN (?, ?, ?)"},

	// What is not written so.
	{name: "no key", source: "SELECT id FROM books WHERE year = ?", repeated: "SELECT title FROM books WHERE year > ?"},
	{name: "groups", source: "SELECT id FROM books WHERE year = ?", repeated: "SELECT stars, count(*) FROM reviews WHERE book = ? GROUP BY stars"},
	{name: "a compound", source: "SELECT id FROM books WHERE year = ?", repeated: "SELECT stars FROM reviews WHERE book = ? UNION SELECT ?"},
	{name: "distinct", source: "SELECT id FROM books WHERE year = ?", repeated: "SELECT DISTINCT stars FROM reviews WHERE book = ?"},
	{name: "pages", source: "SELECT id FROM books WHERE year = ?", repeated: "SELECT stars FROM reviews WHERE book = ? LIMIT ? OFFSET ?"},
	{name: "an outer join", source: "SELECT id FROM books WHERE year = ?", repeated: "SELECT a.name FROM authors a LEFT JOIN books b ON b.id = ?"},
	{name: "either or", source: "SELECT id FROM books WHERE year = ?", repeated: "SELECT stars FROM reviews WHERE book = ? OR stars = ?"},
	{name: "no SQL", source: "SELECT id FROM books WHERE year = ?", repeated: "PRAGMA table_info(books)"},
	{name: "a statement that writes", source: "SELECT id FROM books WHERE year = ?", repeated: "UPDATE books SET year = ? WHERE id = ?"},
}

// TestNPlusOneForms: the statements advised are those of this schema, and return the rows that the loop returns.
func TestNPlusOneForms(t *testing.T) {
	path := libraryPath(t)
	p := passOn(t, path)
	db := opened(t, "sqlite", path)
	for _, c := range loops {
		t.Run(c.name, func(t *testing.T) {
			for _, text := range []string{c.source, c.repeated} {
				if f := sqltext.Fingerprint(text); f != text {
					t.Fatalf("%s is no fingerprint: %s", text, f)
				}
			}
			l := p.lookup(c.repeated, c.source)
			if l == nil {
				if c.many != "" {
					t.Fatal("it is not taken apart")
				}
				return
			}
			many, joined := l.many(), l.joined(c.source)
			if many != c.many || joined != c.joined && (c.joined != "…" || joined == "") {
				t.Fatalf("many   %s\njoined %s", many, joined)
			}
			if !p.prepares(t.Context(), many) || joined != "" && !p.prepares(t.Context(), joined) {
				t.Fatalf("SQLite does not take\n%s\n%s", many, joined)
			}
			c.compareMany(t, db, l, many)
			if joined != "" {
				c.compareJoined(t, db, l, joined)
			}
		})
	}
}

// TestLookupOfAnything: whatever a statement is cut to, nothing panics, and what is shown is a statement.
func TestLookupOfAnything(t *testing.T) {
	p := passOn(t, libraryPath(t))
	for _, c := range loops {
		for i := range len(c.repeated) {
			for _, text := range []string{c.repeated[:i], c.repeated[i:], c.repeated[:i] + c.repeated[i+1:]} {
				if r := p.asOne(t.Context(), c.source, text); r != nil && !p.prepares(t.Context(), strings.Split(r.After, ";\n")[0]) {
					t.Errorf("%s: %s", text, r.After)
				}
				p.linked(text, p.schema.Table("books"), "author_id")
			}
		}
	}
}

// withKeys are the arguments of a statement for keys.
func (c *nested) withKeys(rest []any, keys ...any) []any {
	if c.last {
		return slices.Concat(rest, keys)
	}
	return slices.Concat(keys, rest)
}

// kept are the arguments besides the key that a form still has: one row of a key needs no limit.
func (c *nested) kept(l *lookup) []any {
	if l.unique && l.limit == "?" {
		return nil
	}
	return c.rest
}

// compareMany runs the loop for three keys, and the statement for all of them.
func (c *nested) compareMany(t *testing.T, db *sql.DB, l *lookup, many string) {
	var keys []any
	var looped [][]string
	for _, row := range rowsOf(t, db, c.source, c.before...) {
		key := row[c.key]
		if len(keys) == 3 || slices.Contains(keys, any(key)) {
			continue
		}
		keys = append(keys, key)
		for _, answer := range rowsOf(t, db, c.repeated, c.withKeys(c.rest, key)...) {
			if !c.same {
				answer = append([]string{key}, answer...)
			}
			looped = append(looped, answer)
		}
	}
	for len(keys) < 3 {
		keys = append(keys, nil)
	}
	answer := rowsOf(t, db, many, c.withKeys(c.kept(l), keys...)...)
	for i := range answer {
		if l.limit != "" && !l.unique {
			answer[i] = answer[i][:len(answer[i])-1] // its place
		}
	}
	if l.aggregate { // a key without rows is missing
		looped = slices.DeleteFunc(looped, func(row []string) bool { return row[1] == "0" })
	}
	if got, want := sorted(answer), sorted(looped); got != want || want == "" {
		t.Errorf("%s\ngives\n%s\nand the loop\n%s", many, got, want)
	}
}

// compareJoined runs the loop for every row, and both statements as one.
func (c *nested) compareJoined(t *testing.T, db *sql.DB, l *lookup, joined string) {
	var looped [][]string
	for _, row := range rowsOf(t, db, c.source, c.before...) {
		for _, answer := range rowsOf(t, db, c.repeated, c.withKeys(c.rest, row[c.key])...) {
			looped = append(looped, slices.Concat(row, []string{row[c.key]}, answer))
		}
	}
	if got, want := sorted(rowsOf(t, db, joined, slices.Concat(c.before, c.kept(l))...)), sorted(looped); got != want || want == "" {
		t.Errorf("%s\ngives\n%s\nand the loop\n%s", joined, got, want)
	}
}

// passOn is a pass on a database that nobody uses.
func passOn(t *testing.T, path string) *pass {
	t.Helper()
	db, err := openDatabase(t.Context(), path)
	must(t, err)
	t.Cleanup(func() { db.Close() })
	p := &pass{db: db, name: "app", pragmas: map[string]string{}, traffic: &traffic{}}
	p.schema, err = db.Schema(t.Context())
	must(t, err)
	return p
}

// TestNPlusOneLive: a handler that loops, behind the middleware, on the driver; and advice that shows how to ask once.
func TestNPlusOneLive(t *testing.T) {
	app := launch(t, libraryPath(t))
	t.Cleanup(func() { app.advisor.Close() })
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authors/{country}", func(_ http.ResponseWriter, r *http.Request) {
		rows, err := app.db.QueryContext(r.Context(), "SELECT id, name FROM authors WHERE country = ? ORDER BY name", r.PathValue("country"))
		must(t, err)
		var ids []int
		for rows.Next() {
			var id int
			var name string
			must(t, rows.Scan(&id, &name))
			ids = append(ids, id)
		}
		must(t, rows.Close())
		for _, id := range ids {
			var n int
			err := app.db.QueryRowContext(r.Context(), "SELECT year FROM books WHERE author_id = ?", id).Scan(&n)
			if err != nil && err != sql.ErrNoRows {
				t.Error(err)
			}
		}
	})
	site := httptest.NewServer(middleware.HTTP(mux))
	defer site.Close()
	for range 4 {
		answer, err := site.Client().Get(site.URL + "/authors/DE")
		must(t, err)
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
	app.until(func() bool { return app.stats().Totals.Requests == 4 && len(*app.advisor.found.Load()) > 0 })
	must(t, app.advisor.Analyze(context.Background()))
	list, err := app.advisor.Recommendations(context.Background())
	must(t, err)
	at := slices.IndexFunc(list, func(r *Recommendation) bool { return r.Code == "QY08" })
	if at < 0 {
		t.Fatalf("no advice among %d", len(list))
	}
	r := list[at]
	want := "SELECT author_id, year FROM books WHERE author_id IN (?, ?, ?)"
	if r.Rewrite == nil || !strings.HasPrefix(r.Rewrite.After, want) || !strings.Contains(r.Rewrite.After, "JOIN") || r.Table != "books" ||
		r.Applicable || r.Level != "warning" || r.Risk != inWords || len(r.Digests) != 1 || r.State != Proposed {
		t.Errorf("%+v\n%+v", r, r.Rewrite)
	}
	facts := fmt.Sprint(r.Facts)
	for _, part := range []string{"GET /authors/{country}", "nplusone_test.go", "{executions in one request 20 calls }", "{rows of the query before 20 rows }"} {
		if !strings.Contains(facts, part) {
			t.Errorf("%q is not among %s", part, facts)
		}
	}
}

// TestAdviceOfTheProcessBefore: what requests showed before a restart is not forgotten because nobody has asked yet.
func TestAdviceOfTheProcessBefore(t *testing.T) {
	started := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, code   string
		updated, now time.Duration // since the start
		want         bool
	}{
		{"just after a restart", "QY08", -time.Hour, time.Minute, true},
		{"a day later", "QY08", -time.Hour, 25 * time.Hour, false},
		{"found by this process", "QY08", time.Hour, 2 * time.Hour, false},
		{"another rule", "QY07", -time.Hour, time.Minute, false},
	} {
		r := &Recommendation{Code: c.code, Updated: started.Add(c.updated)}
		if got := mayReturn(r, started, started.Add(c.now)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestRequestRules: each finding is advice under the code of its rule, and each rule ends in words.
func TestRequestRules(t *testing.T) {
	p := passOn(t, libraryPath(t))
	of := func(text string) *request.Finding {
		s := summaryOf(text, time.Hour, 1).Statement
		return &request.Finding{Route: "GET /x", Requests: 7, Evidence: request.Evidence{Repeated: s, Source: s, Statements: []*capture.Statement{s}, Names: []string{"billing"},
			Count: 9, Sum: time.Second, P50: time.Second, Value: 3, Threshold: 2, Example: request.Example{ID: 5}}}
	}
	codes := map[string]request.Code{
		"QY08": request.NPlusOne, "QY09": request.Cycle, "QY10": request.Duplicate, "QY11": request.Parallelizable, "QY12": request.SlowQuery, "QY13": request.BigResult,
		"TX05": request.TxHeld, "PO05": request.PoolWait, "RQ01": request.Chatty, "RQ02": request.DBShare, "RQ03": request.SlowRoute, "RQ04": request.LargePayload,
		"RQ05": request.NPlusOneAPI, "RQ06": request.ConsecutiveHTTP, "RQ07": request.LostCtx, "RQ08": request.Late,
	}
	if len(requestRules) != len(codes) || len(codes) != len(request.Codes) {
		t.Fatalf("%d rules for %d codes", len(requestRules), len(codes))
	}
	for _, rule := range requestRules {
		first, second := of("SELECT title FROM books WHERE author_id = 7"), of("SELECT title FROM books WHERE author_id = 7")
		first.Code, second.Code, second.Route, second.Level = codes[rule.code()], codes[rule.code()], "GET /y", request.Critical
		second.Repeated, second.Source, second.Statements, second.Names = nil, nil, nil, nil
		p.traffic.findings = []request.Finding{*first, *second}
		list, err := rule.check(t.Context(), p)
		must(t, err)
		if len(list) != 2 || list[0].ID == list[1].ID || list[1].Level != "critical" {
			t.Errorf("%s: %d pieces of advice", rule.code(), len(list))
			continue
		}
		again, err := rule.check(t.Context(), p)
		must(t, err)
		for i, r := range list {
			if r.Code != rule.code() || r.Title == "" || r.Why == "" || r.Manual == "" || r.Risk != inWords || r.Applicable || len(r.Statements) > 0 || again[i].ID != r.ID {
				t.Errorf("%s: %+v", rule.code(), r)
			}
			if len(r.Facts) < 4 || strings.Contains(r.Why+r.Manual+r.Title, "%!") {
				t.Errorf("%s: %+v", rule.code(), r)
			}
		}
		p.traffic = &traffic{}
	}
	if list, err := (nPlusOne{}).check(t.Context(), &pass{}); err != nil || len(list) != 0 {
		t.Errorf("without traffic: %v, %v", list, err)
	}
}
