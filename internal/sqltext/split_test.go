package sqltext

import (
	"strings"
	"testing"
)

const trigger = "create trigger r after insert on t when case when new.a then 1 end begin select case a when 1 then 2 end; update t set a = 1; end"

// splits lists texts and their statements, joined by "|".
var splits = [][2]string{
	{"", ""}, {" ", ""}, {";", ""}, {";;;", ""}, {"-- c", ""}, {"/* c */;", ""}, {"\ufeff;", ""}, {"a", "a"}, {" a ", "a"}, {"a;", "a"}, {";a", "a"},
	{"a;b", "a|b"}, {"a;;b;", "a|b"}, {"a ; b", "a|b"}, {"a;\n-- c\nb", "a|-- c\nb"}, {"a /* c */;b", "a /* c */|b"}, {"a; -- c", "a"}, {"a -- c;\n;b", "a -- c;|b"},
	{"';';b", "';'|b"}, {`";";b`, `";"|b`}, {"[;];b", "[;]|b"}, {"`;`;b", "`;`|b"}, {"/*;*/a", "/*;*/a"}, {"a;'b;c", "a|'b;c"}, {"a;/*b;c", "a"}, {"a;b /*c;", "a|b /*c;"},
	{"$a(;);b", "$a(;)|b"}, {"x';';b", "x';'|b"}, {"a;\x00;b", "a|\x00|b"}, {"begin; end; a", "begin|end|a"}, {"begin;a;commit;", "begin|a|commit"}, {"select case 1 when 1 then 2 end; b", "select case 1 when 1 then 2 end|b"},
	{trigger, trigger}, {trigger + ";", trigger}, {trigger + ";b", trigger + "|b"}, {"a;" + trigger + ";b", "a|" + trigger + "|b"}, {trigger + ";" + trigger, trigger + "|" + trigger},
	{"create temp trigger r begin a; end; b", "create temp trigger r begin a; end|b"}, {"create temporary trigger r begin a; end; b", "create temporary trigger r begin a; end|b"},
	{"explain create trigger r begin a; end; b", "explain create trigger r begin a; end|b"}, {"explain query plan create trigger r begin a; end; b", "explain query plan create trigger r begin a; end|b"},
	{"create trigger r begin a; /* c */ end /* d */; b", "create trigger r begin a; /* c */ end /* d */|b"}, {"create trigger r begin a; end x; b; end; c", "create trigger r begin a; end x; b; end|c"},
	{"create trigger r begin a; b", "create trigger r begin a; b"}, {"CREATE TRIGGER r BEGIN a; END; b", "CREATE TRIGGER r BEGIN a; END|b"}, {"create table trigger(a); b", "create table trigger(a)|b"},
	{"create index trigger on t(a); b", "create index trigger on t(a)|b"}, {"create view trigger as select 1; b", "create view trigger as select 1|b"}, {"drop trigger r; b", "drop trigger r|b"}, {"select trigger; b", "select trigger|b"},
	{"create trigger r begin update t set end = 1; end; b", "create trigger r begin update t set end = 1; end|b"}, {"create unique index i on t(a); b", "create unique index i on t(a)|b"}, {"create; trigger; b", "create|trigger|b"},
}

func TestSplit(t *testing.T) {
	for _, c := range splits {
		if got := strings.Join(Split(c[0]), "|"); got != c[1] {
			t.Errorf("Split(%q)\n got %q\nwant %q", c[0], got, c[1])
		}
	}
}

func TestReadOnly(t *testing.T) {
	for _, sql := range []string{
		"select 1", " SELECT 1;", "-- c\nselect 1", "/* c */ select 1 /* c", "values (1)", "explain delete from t", "explain query plan insert into t values (1)", "select 1; select 2;",
		"with c as (select 1) select * from c", "with recursive c(x) as (values (1) union select x+1 from c) select x from c", "with a as (select 1), b as (select 2) values (3)", "select replace(a,'b','c') from t",
		"select 'delete'; values (2)", "with c as not materialized (select 1) select 1", "select * from t where a in (select b from c)", "\ufeffselect 1", "with c as (select replace(a,1,2)) select 1", "select \"insert\"",
	} {
		if !ReadOnly(sql) {
			t.Errorf("ReadOnly(%q) = false", sql)
		}
	}
	for _, sql := range []string{
		"", " ", ";", "-- select", "explain pragma foreign_keys = 1", "EXPLAIN /* */ query plan PRAGMA x", "insert into t values (1)", "update t set a=1", "delete from t", "replace into t values (1)", "pragma user_version", "pragma journal_mode=wal",
		"create table t(a)", "drop table t", "alter table t rename to u", "begin", "commit", "end", "rollback", "savepoint s", "release s", "vacuum", "analyze", "reindex", "attach 'f' as x", "detach x",
		"with c as (select 1) insert into t select * from c", "with c as (select 1) update t set a=1", "with c as (select 1) delete from t", "with c as (select 1) replace into t select 1", "with c", "with",
		"select 1; delete from t", "delete from t; select 1", "select 1\x00", "select 'a\x00b'", "select 'a", "select 1a", "select #1", "(select 1)", "select1", "\"select\" 1", "'select'", "1", "from t select 1", "explain 'a",
		"with a as (insert into t) (select 1",
	} {
		if ReadOnly(sql) {
			t.Errorf("ReadOnly(%q) = true", sql)
		}
	}
}

func TestSummary(t *testing.T) {
	long := strings.Repeat("n", 300)
	for _, c := range [][2]string{
		{"", ""}, {" ;", ""}, {"hello world", ""}, {"select 1", "SELECT"}, {"select * from songs, artists", "SELECT songs artists"}, {"select * from wp a join users as u on a.i=u.i, x", "SELECT wp users x"},
		{"insert into shipping_details (a,b) select a,b from orders", "INSERT shipping_details SELECT orders"}, {"select a from (select * from orders o join customers c on o.i=c.i)", "SELECT SELECT orders customers"},
		{`select * from "song list", 'artists'`, `SELECT "song list" 'artists'`}, {"select * from main . t", "SELECT main.t"}, {"select * from [a b].`c`", "SELECT [a b].`c`"},
		{"insert into t values (1)", "INSERT t"}, {"insert or replace into t default values", "INSERT t"}, {"replace into t values (1)", "REPLACE t"}, {"insert into t values (1) on conflict do update set a=1", "INSERT t"},
		{"update t set a=1, b=2 where c in (select d from e)", "UPDATE t SELECT e"}, {"update or ignore main.t set a=1 from u, v", "UPDATE main.t u v"}, {"update or replace t set a=1", "UPDATE t"}, {"delete from t where a=1", "DELETE t"},
		{"with c as (select a from t) select * from c, d", "SELECT t SELECT c d"}, {"with c as (values (1)) insert into t select * from c", "INSERT t SELECT c"}, {"with c as (select 1) replace into t select 1", "SELECT REPLACE t SELECT"},
		{"select replace(a,1,2), replace from t", "SELECT t"}, {"select a is distinct from b from t", "SELECT t"}, {"select a is not distinct from b from t", "SELECT t"}, {"values (1),(2)", "VALUES"},
		{"select * from json_each(x) j, t", "SELECT json_each t"}, {"select * from (a, b) join (c)", "SELECT a b c"}, {"select * from (((a)))", "SELECT a"}, {"select f(a, b), c from t where x in (1,2)", "SELECT t"},
		{"select a from t union all select b from u order by 1, 2", "SELECT t SELECT u"}, {"select * from a left join b using (c, d) natural join e", "SELECT a b e"}, {"select * from a, lateral", "SELECT a lateral"},
		{"select * from t where exists (select 1 from u) group by a, b", "SELECT t SELECT u"}, {"SELECT * FROM T -- c", "SELECT T"}, {"select * from key", "SELECT key"},
		{"create index ix on t(a)", "CREATE INDEX ix"}, {"create unique index if not exists ix on t(a)", "CREATE INDEX ix"}, {"create table if not exists main.t(a)", "CREATE TABLE main.t"}, {"create temp table t as select * from u", "CREATE TABLE t"},
		{"create virtual table t using fts5(a)", "CREATE TABLE t"}, {"create view v as select 1", "CREATE VIEW v"}, {"create table if(a)", "CREATE TABLE if"}, {trigger + "; select * from u", "CREATE TRIGGER r; SELECT u"}, {"create", "CREATE"},
		{"drop table if exists t", "DROP TABLE t"}, {"alter table t add column a", "ALTER TABLE t"}, {"pragma journal_mode", "PRAGMA journal_mode"}, {"pragma main.journal_mode=wal", "PRAGMA main.journal_mode"},
		{"begin", "BEGIN"}, {"begin immediate transaction", "BEGIN"}, {"commit", "COMMIT"}, {"end", "END"}, {"rollback to sp_1", "ROLLBACK"}, {"savepoint sp_1", "SAVEPOINT"}, {"release sp_1", "RELEASE"}, {"attach 'secret' as x", "ATTACH"}, {"detach x", "DETACH"}, {"vacuum into 'f'", "VACUUM"},
		{"analyze", "ANALYZE"}, {"analyze t", "ANALYZE t"}, {"reindex main.ix", "REINDEX main.ix"}, {"explain select * from t", "EXPLAIN SELECT t"}, {"explain query plan delete from t", "EXPLAIN DELETE t"},
		{"select * from a; delete from b;", "SELECT a; DELETE b"}, {"; ;select 1", "SELECT"}, {"select * from " + long, "SELECT"}, {"select * from a, " + long + ", b", "SELECT a"}, {"select * from a\xff", "SELECT a\ufffd"}, {"select * from", "SELECT"}, {"select 'from t", "SELECT"},
		{strings.Repeat("select * from t union ", 50), strings.TrimSpace(strings.Repeat("SELECT t ", 28))},
	} {
		got := Summary(c[0])
		if got != c[1] {
			t.Errorf("Summary(%q)\n got %s\nwant %s", c[0], got, c[1])
		}
		if len(got) > 255 {
			t.Errorf("Summary(%q) has %d bytes", c[0], len(got))
		}
	}
}
