package sqltext

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

func open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

// TestKeywordsOfSQLite asks SQLite for its keywords: it writes the columns of CREATE TABLE AS into its schema
// and quotes those that its tokenizer would take for keywords.
func TestKeywordsOfSQLite(t *testing.T) {
	db := open(t)
	words := append(strings.Fields(keywordNames), strings.Fields(`ABC AUTO BOOLEAN CURRENT_USER DATE DATETIME ELSEIF EXCLUDED
EXECUTE FETCH FUNCTION GRANT IFNULL ILIKE INTEGER LATERAL MERGE MINUS MODE NEXT NUMERIC ONLY OPEN PERCENT PROCEDURE QUALIFY
REAL RLIKE ROWID ROWNUM SCHEMA SIMILAR SOME STORED STRICT TEXT TIMESTAMP TOP TRUNCATE UNKNOWN USER VALUE VARCHAR WHILE
XOR A AA ABORTS SELECTS ELECT SELEC WITHIN_ CURRENT_ CURRENT_DATES N NUL NULLA IFF INN ASCC`)...)
	for _, w := range words {
		if _, err := db.Exec(fmt.Sprintf(`CREATE TABLE k AS SELECT 1 AS "%s"`, w)); err != nil {
			t.Fatal(err)
		}
		var schema string
		if err := db.QueryRow("SELECT sql FROM sqlite_schema WHERE name = 'k'").Scan(&schema); err != nil {
			t.Fatal(err)
		}
		quoted := strings.Contains(schema, `"`)
		for _, spelled := range []string{w, strings.ToLower(w), w[:1] + strings.ToLower(w[1:])} {
			if IsKeyword(spelled) != quoted {
				t.Errorf("IsKeyword(%q) = %v, but the schema of SQLite says %s", spelled, !quoted, schema)
			}
		}
		if _, err := db.Exec("DROP TABLE k"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestIsKeyword(t *testing.T) {
	n := 0
	for kw := kwAbort; kw < keywordEnd; kw++ {
		if IsKeyword(keywords[kw]) {
			n++
		}
	}
	if n != 147 || keywords[kwAbort] != "ABORT" || keywords[kwSelect] != "SELECT" || keywords[kwWithout] != "WITHOUT" || keywords[kwFalse] != "FALSE" {
		t.Errorf("%d keywords, SELECT is %s", n, keywords[kwSelect])
	}
	for _, w := range []string{"", "s", "true", "FALSE", "select ", " select", "s\x05lect", "current\x7fdate", "CURRENT_TIMESTAMPS", "séléct", "\x13elect"} {
		if IsKeyword(w) {
			t.Errorf("IsKeyword(%q)", w)
		}
	}
}

const sampleSchema = `
CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, b TEXT, c REAL, doc TEXT, key TEXT, "order" INT, UNIQUE(a, b));
CREATE TABLE u(id INTEGER PRIMARY KEY, t INT REFERENCES t ON UPDATE CASCADE, name TEXT COLLATE NOCASE, replace INT);
CREATE INDEX t_c ON t(c) WHERE b = 'x';
CREATE UNIQUE INDEX t_doc ON t(coalesce(key, 'none')) WHERE c > 5;
CREATE INDEX u_name ON u(name);
CREATE VIEW v AS SELECT t.a, u.name FROM t JOIN u ON u.t = t.id;
CREATE VIRTUAL TABLE f USING fts5(body);`

// TestFingerprintPrepares proves on SQLite that the fingerprint of a valid statement is valid, and opens the same
// tables and indexes.
func TestFingerprintPrepares(t *testing.T) {
	db := open(t)
	if _, err := db.Exec(sampleSchema); err != nil {
		t.Fatal(err)
	}
	for _, stmt := range valid {
		want, err := opened(db, stmt)
		if err != nil {
			t.Errorf("the statement itself: %v\n%s", err, stmt)
			continue
		}
		f := Fingerprint(stmt)
		got, err := opened(db, f)
		if err != nil {
			t.Errorf("%v\n%s\n%s", err, stmt, f)
			continue
		}
		if !slices.Equal(got, want) {
			t.Errorf("opens %v, want %v\n%s\n%s", got, want, stmt, f)
		}
	}
}

// opened returns the root pages of the tables and indexes a statement opens, sorted. Its parameters, if any, are numbered or "?".
func opened(db *sql.DB, stmt string) ([]string, error) {
	rows, err := db.Query("EXPLAIN "+stmt, make([]any, strings.Count(stmt, "?"))...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var addr, p1, p2, p3, p5 int
		var op string
		var p4, comment sql.NullString
		if err := rows.Scan(&addr, &op, &p1, &p2, &p3, &p4, &p5, &comment); err != nil {
			return nil, err
		}
		if op == "OpenRead" || op == "OpenWrite" {
			out = append(out, fmt.Sprint(p2))
		}
	}
	slices.Sort(out)
	return slices.Compact(out), rows.Err()
}

var valid = []string{
	"select * from t where a = -1 and b = 'x' order by 1, 2 desc limit 10 offset 5",
	"select a, count(*) 'n' from t group by 1 having count(*) > 1 order by 2",
	"select * from t where a in (1, -2, null, 'x') and id not in (select t from u where id in (1,2))",
	"select * from t where (a, b) in (values (1,'x'),(2,'y'))",
	"select t.key, t.\"order\", [b], `c` from t where key is not null and key = 'k'",
	"select * from u where name like 'x%' or name like '%x' or name glob '*x' or name like 'a!%' escape '!'",
	"select json_extract(doc, '$.a'), doc -> '$.b', doc ->> 'c', doc -> -1 from t",
	"select cast(a as decimal(10, 2)), cast('1' as 'int') from t",
	"select likelihood(a = 1, 0.05), unlikely(a = 2) from t",
	"select a collate nocase, b collate 'rtrim' from t order by b collate nocase desc nulls last",
	"select sum(a) over (partition by b order by c rows between 1 preceding and current row) from t",
	"select sum(a) filter (where c > 1.5) over w from t window w as (order by id range between unbounded preceding and unbounded following exclude ties)",
	"with recursive n(x) as (select 1 union all select x+1 from n where x < 10) select x from n",
	"with c as materialized (select * from t where a > 5), d as not materialized (select 1) select * from c, d",
	"select * from (with c as (select 1 as one) select * from c)",
	"select case when a > 1 then -1 when a is null then +2 else 'x' end from t",
	"select case a when 1 then 'x' end from t where not a and exists (select 1 from u)",
	"select - -1, -a, - - a, ~5, -(1), 2 - -2, a-1, a - - 1 from t",
	"select x'00ff', 1e-3, .5, 5., 0xff, 1_000, 'it''s', null, true, false",
	"select * from u indexed by u_name where name = 'x' and t > 1",
	"select * from t not indexed where c = 1",
	"select * from 't', 'u' where 't'.'id' = u.t and 'x' = b",
	"select * from t join u using ('id') natural left join v cross join f",
	"select * from v where a between 1 and 2 and name is distinct from 'x'",
	"select f.body from f where f match 'word' or body match 'x*'",
	"select date('now', '+1 day'), strftime('%Y', 'now'), current_timestamp, datetime(current_date)",
	"select replace(b, 'x', 'y'), replace from t, u where replace = 1 or replace is 5",
	"select group_concat(b, ', ' order by 1) from t",
	"select 1 union select 2 union all select 3 except select 4 intersect select 5 order by 1",
	"select a from t union select id from u order by a limit 5, 10",
	"values (1, 'x'), (2, null)",
	"values (null, 2)",
	"select * from json_each('[1,2]', '$') where value > 1",
	"select * from pragma_table_info('t') where name = 'a'",
	"select (select max(id) from u where u.t = t.id) from t where a >= 1 and a <> 2 and a != 3 and a == 4",
	"select a || '-' || b, a << 2 | 1 & 3, a % 10, a / -2 from t",
	"select a isnull, b notnull, c is not 5, a is not distinct from 1 from t",
	"select b like 'x' 'alias', 5 'five', 'str' 's' from t 'alias'",
	"select ?, ?2 from t where a = ?1",
	"select /* c */ * -- d\n from t where a = /* e */ 1;",
	"insert into t(a, b) values (1, 'x'), (2, 'y'), (-3, null)",
	"insert into t('a', 'b') values (1, 'x') on conflict(a, b) do update set b = 'z', c = excluded.c where c > 5",
	"insert into t(key, c) values ('k', 6) on conflict(coalesce(key, 'none')) where c > 5 do nothing",
	"insert or replace into t(a) select id from u where name = 'x'",
	"insert or ignore into t default values",
	"replace into t(a, b, c) values (1, lower('X'), 2), (3, 'y', 4) returning id, -1",
	"insert into t(a) with c as (select 1) select * from c",
	"update t set a = 1, 'b' = 'x', key = 'k', (c, doc) = (1, '{}') where id = 5 returning *",
	"update or ignore t set a = a + 1 from u where u.t = t.id and u.name = 'x'",
	"update or replace t as 'z' set a = -1 where 'z'.id = 7",
	"delete from t where id in (1,2,3) and not exists (select * from u where t = 5)",
	"delete from 'u' where name like 'x_%'",
	"create table w(a default -5, b varchar(10) check (b <> 'x'), c as (a + 1), key text primary key) without rowid",
	"create temp table w as select 'x' as y, 5 from t where a = 1",
	"create unique index if not exists w on t(a, coalesce(b, 'x') desc) where c in (1, 2)",
	"create view w as select 'x' from t where a in (1,2)",
	"create trigger w after update of a, b on t when new.a > 5 begin update t set b = case when new.a then 'x' end; insert into u values (1,2,'x',4), (5,6,'y',8); end",
	"create virtual table w using fts5(a, b, tokenize = 'porter ascii')",
	"alter table t add column d int default 5 not null",
	"alter table t rename column a to e",
	"drop view if exists 'v'", "pragma cache_size = -2000", "pragma table_info('t')", "pragma main.user_version = 5", "pragma key = 'secret'", "pragma rekey('secret')",
	"analyze 't'", "reindex 't'", "vacuum into '/nowhere'", "attach 'x' as 'y'", "attach ':memory:' as z key 'secret'", "savepoint 'x'", "release savepoint x", "begin immediate", "rollback to savepoint 'x'",
}
