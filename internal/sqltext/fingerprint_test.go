package sqltext

import (
	"strings"
	"testing"
)

func TestFingerprint(t *testing.T) {
	for _, c := range fingerprints {
		got := Fingerprint(c[0])
		if got != c[1] {
			t.Errorf("Fingerprint(%q)\n got %s\nwant %s", c[0], got, c[1])
		}
		if again := Fingerprint(got); again != got {
			t.Errorf("Fingerprint(%q) is not its own fingerprint\n got %s", got, again)
		}
	}
}

var fingerprints = [][2]string{
	// Spaces, comments, semicolons.
	{"", ""}, {" ", ""}, {";", ""}, {";;", ""}, {"-- c", ""}, {"/* c */", ""}, {"\ufeffselect 1", "SELECT ?"},
	{"select 1;", "SELECT ?"}, {"select 1 ; ;", "SELECT ?"}, {"select/**/1", "SELECT ?"}, {"select 1 -- c", "SELECT ?"},
	{"select 1; select 2", "SELECT ?; SELECT ?"}, {";select 1;;select 2;", "SELECT ?; SELECT ?"},
	{"SELECT\n\ta ,b\nFROM\tt", "SELECT a, b FROM t"}, {"select count( * ) from t", "SELECT count(*) FROM t"},
	{"select t . a from main . t", "SELECT t.a FROM main.t"}, {"select t.* from t", "SELECT t.* FROM t"}, {"select*from t", "SELECT * FROM t"},
	{"select a*b/c%d", "SELECT a * b / c % d"}, {"select (a+b)*c", "SELECT (a + b) * c"}, {"select ((a))", "SELECT ((a))"},
	{"select a||b", "SELECT a || b"}, {"select a<>b,a!=b,a==b", "SELECT a <> b, a != b, a == b"}, {"select a<<b|c&~d", "SELECT a << b | c & ~d"},
	// Literals.
	{"select 'x'", "SELECT ?"}, {"select 'it''s'", "SELECT ?"}, {"select x'00'", "SELECT ?"}, {"select 1.5e-3,0xff,1_000,.5", "SELECT ?, ?, ?, ?"},
	{"select ?,?1,:a,@a,$a,$a::b(c)", "SELECT ?, ?, ?, ?, ?, ?"}, {"select null,true,False", "SELECT NULL, TRUE, FALSE"},
	{"select * from t where x is null", "SELECT * FROM t WHERE x IS NULL"}, {"select * from t where x is not null", "SELECT * FROM t WHERE x IS NOT NULL"},
	{"select t.true from t", "SELECT t.true FROM t"}, {"select x is 5", "SELECT x IS ?"}, {"select x isnull, y notnull", "SELECT x ISNULL, y NOTNULL"},
	// Signs.
	{"select * from t where x = -1", "SELECT * FROM t WHERE x = ?"}, {"select -1", "SELECT ?"}, {"select - 1", "SELECT ?"}, {"select +1.5", "SELECT ?"},
	{"select - -1", "SELECT ?"}, {"select -+-1", "SELECT ?"}, {"select a-1", "SELECT a - ?"}, {"select a -1", "SELECT a - ?"}, {"select a- -1", "SELECT a - ?"},
	{"select a - -?", "SELECT a - -?"}, {"select -?", "SELECT -?"}, {"select -x", "SELECT -x"}, {"select - -x", "SELECT - -x"}, {"select -(1)", "SELECT -(?)"},
	{"select (a)-1", "SELECT (a) - ?"}, {"select 2-1", "SELECT ? - ?"}, {"select 'a'-1", "SELECT ? - ?"}, {"select ?-1", "SELECT ? - ?"}, {"select null-1", "SELECT NULL - ?"},
	{"select f(-1,-2)", "SELECT f(?, ?)"}, {"select case when a then -1 else -2 end-1", "SELECT CASE WHEN a THEN ? ELSE ? END - ?"},
	{"select * from t where a between -1 and -2", "SELECT * FROM t WHERE a BETWEEN ? AND ?"}, {"select * from t limit -1 offset -1", "SELECT * FROM t LIMIT ? OFFSET ?"},
	{"select ~1,-~1", "SELECT ~?, - ~?"}, {"select offset -1", "SELECT offset - ?"}, {"select \"a\"-1,[b]-1", "SELECT \"a\" - ?, [b] - ?"}, {"select -'1'", "SELECT -?"},
	{"select current_timestamp -1", "SELECT CURRENT_TIMESTAMP - ?"}, {"select a/-1", "SELECT a / ?"}, {"select a / *", "SELECT a / *"},
	// IN and VALUES.
	{"select * from t where a in (1)", "SELECT * FROM t WHERE a IN (?)"}, {"select * from t where a in (1,2,3)", "SELECT * FROM t WHERE a IN (?)"},
	{"select * from t where a not in (-1,'b',x'00',:c,null,true)", "SELECT * FROM t WHERE a NOT IN (?)"}, {"select * from t where a in ()", "SELECT * FROM t WHERE a IN ()"},
	{"select * from t where a in (1,b)", "SELECT * FROM t WHERE a IN (?, b)"}, {"select * from t where a in (1,2+3)", "SELECT * FROM t WHERE a IN (?, ? + ?)"},
	{"select * from t where a in (select b from c where d in (1,2))", "SELECT * FROM t WHERE a IN (SELECT b FROM c WHERE d IN (?))"},
	{"select * from t where a in ((1),(2))", "SELECT * FROM t WHERE a IN ((?), (?))"}, {"select * from t where a in (-?,1)", "SELECT * FROM t WHERE a IN (-?, ?)"},
	{"select * from t where a in b", "SELECT * FROM t WHERE a IN b"}, {"select * from t where a in (1,/* c */2)and b", "SELECT * FROM t WHERE a IN (?) AND b"},
	{"select * from t where (a,b) in (values (1,2),(3,4))", "SELECT * FROM t WHERE (a, b) IN (VALUES (?, ?))"}, {"select a in (1,2", "SELECT a IN (?, ?"},
	{"insert into t values (1,2)", "INSERT INTO t VALUES (?, ?)"}, {"insert into t(a,b) values (1,2),(3,4),(-5,?)", "INSERT INTO t(a, b) VALUES (?, ?)"},
	{"insert into t values (1,2),(3)", "INSERT INTO t VALUES (?, ?), (?)"}, {"insert into t values (1,f(2)),(3,4)", "INSERT INTO t VALUES (?, f(?)), (?, ?)"},
	{"insert into t values (null,2)", "INSERT INTO t VALUES (NULL, ?)"}, {"insert into t values (null,2),(3,4)", "INSERT INTO t VALUES (?, ?)"},
	{"insert into t default values", "INSERT INTO t DEFAULT VALUES"}, {"values (1),(2)", "VALUES (?)"}, {"values ()", "VALUES ()"}, {"values (1),", "VALUES (?),"},
	{"insert into t values (1),(2) returning a, -1", "INSERT INTO t VALUES (?) RETURNING a, ?"},
	// Patterns.
	{"select * from t where a like 'x%'", "SELECT * FROM t WHERE a LIKE ?"}, {"select * from t where a like '%x'", "SELECT * FROM t WHERE a LIKE '%?'"},
	{"select * from t where a like '_x'", "SELECT * FROM t WHERE a LIKE '%?'"}, {"select * from t where a not like '%'", "SELECT * FROM t WHERE a NOT LIKE '%?'"},
	{"select * from t where a like ''", "SELECT * FROM t WHERE a LIKE ?"}, {"select * from t where a like ?", "SELECT * FROM t WHERE a LIKE ?"},
	{"select * from t where a like '%' || ? || '%'", "SELECT * FROM t WHERE a LIKE '%?' || ? || ?"}, {"select * from t where a glob '*x'", "SELECT * FROM t WHERE a GLOB '*?'"},
	{"select * from t where a glob '?x'", "SELECT * FROM t WHERE a GLOB '*?'"}, {"select * from t where a glob '[a]'", "SELECT * FROM t WHERE a GLOB '*?'"},
	{"select * from t where a glob 'x*'", "SELECT * FROM t WHERE a GLOB ?"}, {"select * from t where a glob '%x'", "SELECT * FROM t WHERE a GLOB ?"},
	{"select * from t where a like '\\%x' escape '\\'", "SELECT * FROM t WHERE a LIKE ? ESCAPE '\\'"}, {"select * from t where a regexp '%x' or b match '*x'", "SELECT * FROM t WHERE a REGEXP ? OR b MATCH ?"},
	{"select like('%x',a)", "SELECT like(?, a)"},
	// Literals that are structure.
	{"select a,b from t order by 1,2 desc", "SELECT a, b FROM t ORDER BY 1, 2 DESC"}, {"select a from t group by 1 having count(*)>1 order by -1", "SELECT a FROM t GROUP BY 1 HAVING count(*) > ? ORDER BY -1"},
	{"select a from t order by a+1, f(2,3), 4", "SELECT a FROM t ORDER BY a + ?, f(?, ?), 4"}, {"select a from t order by 1 limit 5,10", "SELECT a FROM t ORDER BY 1 LIMIT ?, ?"},
	{"select a from t order by ?", "SELECT a FROM t ORDER BY ?"}, {"select sum(a) over (partition by 1 order by 2) , 3 from t", "SELECT sum(a) OVER (PARTITION BY 1 ORDER BY 2), ? FROM t"},
	{"select json_extract(x,'$.a')", "SELECT json_extract(x, '$.a')"}, {"select JSON_SET(x,'$[0]','v','$',1)", "SELECT JSON_SET(x, '$[0]', ?, '$', ?)"},
	{"select jsonb_extract(x,'$.a'),f(x,'$.a'),'$.a'", "SELECT jsonb_extract(x, '$.a'), f(x, ?), ?"}, {"select json_extract(x,'$5')", "SELECT json_extract(x, ?)"},
	{"select json_extract(x,lower('$.a'))", "SELECT json_extract(x, lower(?))"}, {"select value from json_each(?,'$.a')", "SELECT value FROM json_each(?, '$.a')"},
	{"select x->'$.a',x->>'b',x->0,x->-1,x->?", "SELECT x -> '$.a', x ->> 'b', x -> 0, x -> -1, x -> ?"}, {"select x->'a'->>'b'='c'", "SELECT x -> 'a' ->> 'b' = ?"},
	{"select likelihood(a=1,0.5)", "SELECT likelihood(a = 1, 0.5)"}, {"select cast(1 as decimal(10,2)),2", "SELECT CAST(? AS decimal(10, 2)), ?"}, {"select cast('1' as 'int')", "SELECT CAST(? AS 'int')"},
	{"insert into t values (1) on conflict(coalesce(a,0)) where b='x' do update set b='y'", "INSERT INTO t VALUES (?) ON CONFLICT (coalesce(a, 0)) WHERE b = 'x' DO UPDATE SET b = ?"},
	{"insert into t values (1) on conflict do nothing", "INSERT INTO t VALUES (?) ON CONFLICT DO NOTHING"},
	// Strings as names.
	{"select a as 'x' from 't'", "SELECT a AS 'x' FROM 't'"}, {"select a 'x', f(1) 'y', 'z' from t", "SELECT a 'x', f(?) 'y', ? FROM t"}, {"select 't'.'a' from t", "SELECT 't'.'a' FROM t"},
	{"insert into 't'('a','b') select 'x','y'", "INSERT INTO 't' ('a', 'b') SELECT ?, ?"}, {"update 't' set 'a'='x','b'='y' where 'c'='z'", "UPDATE 't' SET 'a' = ?, 'b' = ? WHERE ? = ?"},
	{"select * from a join 'b' using ('c')", "SELECT * FROM a JOIN 'b' USING ('c')"}, {"select * from \"song list\",'artists'", "SELECT * FROM \"song list\", 'artists'"},
	{"select a collate 'nocase'", "SELECT a COLLATE 'nocase'"}, {"select * from t indexed by 'ix' where a='x'", "SELECT * FROM t INDEXED BY 'ix' WHERE a = ?"},
	{"select a is distinct from 'x'", "SELECT a IS DISTINCT FROM ?"}, {"select * from t where a = 'x' 'y'", "SELECT * FROM t WHERE a = ? ?"},
	// Statements that take no parameters, and those beside them that do.
	{"create table t(a int default -5,b varchar(10) check(b<>'x'))", "CREATE TABLE t(a int DEFAULT -5, b varchar(10) CHECK (b <> 'x'))"},
	{"create index i on t(a) where b='x'", "CREATE INDEX i ON t(a) WHERE b = 'x'"}, {"create view v as select 'x'", "CREATE VIEW v AS SELECT 'x'"},
	{"create temp table t as select 'x'", "CREATE TEMP TABLE t AS SELECT ?"}, {"create table t(a as (b+1))", "CREATE TABLE t(a AS (b + 1))"},
	{"create virtual table t using fts5(a,tokenize='porter')", "CREATE VIRTUAL TABLE t USING fts5(a, tokenize = 'porter')"},
	{"create trigger r after update of a on t begin select 'x'; delete from t where a in (1,2);end; select 'x'", "CREATE TRIGGER r AFTER UPDATE OF a ON t BEGIN SELECT 'x'; DELETE FROM t WHERE a IN (1, 2); END; SELECT ?"},
	{"alter table t add column c default 'x'", "ALTER TABLE t ADD COLUMN c DEFAULT 'x'"}, {"drop table if exists 't'", "DROP TABLE IF EXISTS 't'"},
	{"pragma cache_size=-2000", "PRAGMA cache_size = -2000"}, {"pragma table_info('t')", "PRAGMA table_info('t')"}, {"pragma key='secret'", "PRAGMA key = '?'"},
	{"pragma main.rekey(\"x'00'\")", "PRAGMA main.rekey('?')"}, {"pragma key=secret;select key", "PRAGMA key = '?'; SELECT key"}, {"savepoint 'x'", "SAVEPOINT 'x'"},
	{"rollback to savepoint sp", "ROLLBACK TO SAVEPOINT sp"}, {"begin immediate", "BEGIN IMMEDIATE"}, {"commit", "COMMIT"}, {"analyze 't'", "ANALYZE 't'"}, {"reindex 't'", "REINDEX 't'"},
	{"attach 'f' as 'x' key 'secret'", "ATTACH ? AS 'x' KEY ?"}, {"vacuum into 'f'", "VACUUM INTO ?"}, {"explain query plan select 1", "EXPLAIN QUERY PLAN SELECT ?"}, {"explain create view v as select 1", "EXPLAIN CREATE VIEW v AS SELECT 1"},
	// Keywords and names.
	{"select key,Value,Action from kv where key=1", "SELECT key, Value, Action FROM kv WHERE key = ?"}, {"select t.Key,Key.a from t", "SELECT t.Key, Key.a FROM t"},
	{"select replace(a,'b','c')", "SELECT replace(a, ?, ?)"}, {"replace into t values(1)", "REPLACE INTO t VALUES (?)"}, {"insert or ignore into t select * from u", "INSERT OR IGNORE INTO t SELECT * FROM u"},
	{"update or replace t set plan='x'", "UPDATE OR REPLACE t SET plan = ?"}, {"select a from t where a or replace", "SELECT a FROM t WHERE a OR replace"},
	{"create table key(action primary key,row int references b on update cascade on delete no action)", "CREATE TABLE key(action PRIMARY KEY, row int REFERENCES b ON UPDATE CASCADE ON DELETE NO ACTION)"},
	{"select \"Select\",[from],`where`", "SELECT \"Select\", [from], `where`"}, {"select a from t order by key desc nulls last", "SELECT a FROM t ORDER BY key DESC NULLS LAST"},
	{"with recursive c as not materialized (select 1) select * from c", "WITH RECURSIVE c AS NOT MATERIALIZED (SELECT ?) SELECT * FROM c"}, {"with c as materialized (select 1) select 1", "WITH c AS MATERIALIZED (SELECT ?) SELECT ?"},
	{"select * from (with c as (select 1) select * from c)", "SELECT * FROM (WITH c AS (SELECT ?) SELECT * FROM c)"}, {"select group_concat(a) filter (where b) over w from t window w as (rows 5 preceding)", "SELECT group_concat(a) FILTER (WHERE b) OVER w FROM t WINDOW w AS (ROWS ? PRECEDING)"},
	{"select sum(a) over (order by b range between unbounded preceding and current row exclude ties)", "SELECT sum(a) OVER (ORDER BY b RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE TIES)"},
	{"select a from t natural left join u cross join v on t.a=v.a", "SELECT a FROM t NATURAL LEFT JOIN u CROSS JOIN v ON t.a = v.a"}, {"select a from t not indexed", "SELECT a FROM t NOT INDEXED"},
	{"select a from t where exists (select 1)", "SELECT a FROM t WHERE EXISTS (SELECT ?)"}, {"select a collate nocase from t order by a collate NoCase asc", "SELECT a COLLATE nocase FROM t ORDER BY a COLLATE NoCase ASC"},
	{"select current_date,cast(a as int),if(a,1,2)", "SELECT CURRENT_DATE, CAST(a AS int), if(a, ?, ?)"}, {"create table if not exists t(a)", "CREATE TABLE IF NOT EXISTS t(a)"}, {"select date('now','+1 day')", "SELECT date(?, ?)"},
	{"select 1 union all select 2 except select 3 order by 1", "SELECT ? UNION ALL SELECT ? EXCEPT SELECT ? ORDER BY 1"}, {"select é,\xff", "SELECT é, \xff"},
	// What SQLite rejects.
	{"select 'abc", "SELECT !"}, {"select \"abc", "SELECT !"}, {"select 1a, ! =, #1", "SELECT !, ! =, ! ?"}, {"select \x00", "SELECT !"}, {"select a /* b", "SELECT a"}, {"))((", ")) (("},
	{"- - >", "- - >"}, {"1 . 5", "? . ?"}, {"a . 5", "a. ?"}, {"- .5", "- ?"}, {", , .", ",, ."}, {"select select", "SELECT SELECT"}, {"x'0", "!"}, {"a.select", "a. SELECT"},
}

// TestFingerprintApart lists texts whose plans differ: their fingerprints must.
func TestFingerprintApart(t *testing.T) {
	for _, c := range [][]string{
		{"select a from t limit 10", "select a from t", "select a from t limit 10 offset 5"},
		{"select a from t order by a", "select a from t order by a desc", "select a from t", "select a from t order by 1", "select a from t order by 2"},
		{"select a from t where a = 1", "select a from t where a in (1)", "select a from t where a is 1", "select a from t where a is null", "select a from t where a is not null", "select a from t where not a = 1", "select a from t where a = '1' collate nocase"},
		{"select a from t where a like 'x%'", "select a from t where a like '%x'", "select a from t where a glob 'x*'", "select a from t where a not like 'x%'", "select a from t where a like 'x%' escape '!'"},
		{"select x->'$.a'", "select x->'$.b'", "select x->>'$.a'", "select json_extract(x,'$.a')", "select json_extract(x,'$.b')"},
		{"select a from t where b", "select a from t where b()", "select \"a\" from t where b", "select [a] from t where b"},
	} {
		seen := map[string]string{}
		for _, sql := range c {
			f := Fingerprint(sql)
			if other, ok := seen[f]; ok {
				t.Errorf("%q and %q share %q", sql, other, f)
			}
			seen[f] = sql
		}
	}
}

func TestAppendFingerprint(t *testing.T) {
	if got := string(AppendFingerprint([]byte("a"), "; select 1;")); got != "aSELECT ?" {
		t.Errorf("got %q", got)
	}
	dst := make([]byte, 0, 1<<16)
	for name, sql := range samples {
		if n := testing.AllocsPerRun(100, func() { dst = AppendFingerprint(dst[:0], sql) }); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
	var sum uint64
	if n := testing.AllocsPerRun(100, func() { IsKeyword("Current_Timestamp"); Next("select 'a'", 6); sum += Digest("SELECT ?") }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// TestDigest pins the hash: stored digests must stay valid.
func TestDigest(t *testing.T) {
	for s, want := range map[string]uint64{"": 0xcbf29ce484222325, "a": 0xaf63dc4c8601ec8c, "foobar": 0x85944171f73967e8} {
		if got := Digest(s); got != want {
			t.Errorf("Digest(%q) = %#x, want %#x", s, got, want)
		}
	}
}

// TestLinear feeds megabytes that would take hours if a look ahead were repeated at every token.
func TestLinear(t *testing.T) {
	for _, unit := range []string{
		"(", ")", "in (", "in (1,", "values (1),", "values (", "- ", "key ", "key/*", "'a' ", "'", "[", "$a(", "x'", "select ", "a.", "in (1,2) ", ",('a')", "json(", "/**/key ", "; ", "case ",
	} {
		sql := strings.Repeat(unit, 1<<20/len(unit))
		f := Fingerprint(sql)
		if Fingerprint(f) != f {
			t.Errorf("%q repeated is not its own fingerprint", unit)
		}
		Summary(sql)
		ReadOnly(sql)
		Split(sql)
	}
}

var samples = map[string]string{
	"short":  "SELECT id, name, total FROM orders WHERE customer = 42 AND status = 'open' ORDER BY created DESC LIMIT 20",
	"long":   "SELECT o.id, o.total, c.name, count(*) AS n FROM orders o JOIN customers c ON c.id = o.customer LEFT JOIN items i ON i.order_id = o.id WHERE o.created BETWEEN '2024-01-01' AND '2024-02-01' AND c.country IN ('de', 'fr', 'it') AND (o.status = ?1 OR o.total > 100.50) GROUP BY o.id, o.total, c.name HAVING count(*) > 3 ORDER BY 2 DESC LIMIT 50 OFFSET 100",
	"inlist": "SELECT id, name FROM t WHERE id IN (" + strings.Repeat("123456, ", 1000) + "7)",
	"insert": "INSERT INTO t(a, b, c) VALUES " + strings.Repeat("(12345, 'some text here', 1.5), ", 1000) + "(1, 'x', 2)",
}

func BenchmarkAppendFingerprint(b *testing.B) {
	for _, name := range []string{"short", "long", "inlist", "insert"} {
		b.Run(name, func(b *testing.B) {
			dst, sql := make([]byte, 0, 4096), samples[name]
			b.SetBytes(int64(len(sql)))
			b.ReportAllocs()
			for b.Loop() {
				dst = AppendFingerprint(dst[:0], sql)
			}
		})
	}
}

func BenchmarkDigest(b *testing.B) {
	f := Fingerprint(samples["long"])
	b.SetBytes(int64(len(f)))
	for b.Loop() {
		Digest(f)
	}
}

func BenchmarkSummary(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Summary(samples["long"])
	}
}
