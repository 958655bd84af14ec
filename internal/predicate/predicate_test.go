package predicate

import (
	"strings"
	"testing"
)

// selects are queries and what is read of them, as render writes it.
var selects = [][2]string{
	{"SELECT * FROM t WHERE a = 1", "SELECT : t where (a = 1) :"},
	{"SELECT b FROM main.t AS x WHERE x.a = ? AND b > ?", "SELECT : t x where (x.a = ?1), (b > ?2) : =x.a <b"},
	{"SELECT a FROM t WHERE (a = 1 AND b = 2) AND c = 3", "SELECT : t where (a = 1), (b = 2), (c = 3) :"},
	{"SELECT a FROM t WHERE a = 1 OR b = 2 AND c = 3", "SELECT : t where ((a = 1) OR ((b = 2) AND (c = 3))) :"},
	{"SELECT a FROM t WHERE NOT a = 1 AND NOT b IN (1, 2)", "SELECT : t where not((a = 1)), not(b in{1,2}) :"},
	{"SELECT a FROM t WHERE a + 1 * 2 < b || 'x' COLLATE NOCASE",
		"SELECT : t where ((a + (1 * 2)) < (b || 'x'@NOCASE)) :"},
	{"SELECT a FROM t WHERE -a < -5 AND +b = ~7", "SELECT : t where (-(a) < -5), (+(b) = ~(7)) :"},
	{"SELECT a FROM t WHERE a = 1 = b", "SELECT : t where ((a = 1) = b) :"},
	{"SELECT a FROM t WHERE a & 1 | 2 << 3 = 4", "SELECT : t where ((((a & 1) | 2) << 3) = 4) :"},
	{"SELECT a FROM t WHERE a == ? AND b <> ? AND c != ?",
		"SELECT : t where (a == ?1), (b <> ?2), (c != ?3) : =a =b =c"},
	{"SELECT a FROM t, u WHERE t.id = u.t", "SELECT : t,u where (t.id = u.t) :"},
	{"SELECT a FROM t JOIN u ON t.id = u.t AND u.x = ? WHERE a = ?",
		"SELECT : t,u where (t.id = u.t), (u.x = ?1), (a = ?2) : =u.x =a"},
	{"SELECT a FROM t JOIN u USING (id, x)", "SELECT : t,u where (t.id = u.id), (t.x = u.x) :"},
	{"SELECT a FROM t LEFT JOIN u ON t.id = u.t WHERE u.id IS NULL",
		"SELECT : t,u+ where (t.id = u.t), null(u.id) :"},
	{"SELECT a FROM t NATURAL LEFT OUTER JOIN u CROSS JOIN w", "SELECT : t,u+,w :"},
	{"SELECT a FROM t RIGHT JOIN u ON u.t = t.id FULL OUTER JOIN w ON w.k = t.a",
		"SELECT : t,u+,w+ where (u.t = t.id), (w.k = t.a) :"},
	{"SELECT a FROM (t JOIN u ON u.t = t.id) LEFT JOIN w ON w.k = u.x",
		"SELECT : t,u,w+ where (u.t = t.id), (w.k = u.x) :"},
	{"SELECT a FROM (SELECT id FROM t) s JOIN u USING (id)", "SELECT : t /  s,u where (s.id = u.id) :"},
	{"SELECT a FROM (SELECT id FROM t) JOIN (SELECT id FROM u) USING (id)", "SELECT : t / u / , :"},
	{"SELECT a FROM u JOIN (SELECT id FROM t WHERE b = ?) AS s USING (id)",
		"SELECT : t where (b = ?1) / u, s where (u.id = s.id) : =b"},
	{"SELECT value FROM json_each(?) j JOIN t ON t.a = j.value", "SELECT :  j,t other ?1 where (t.a = j.value) : ?"},
	{"SELECT a FROM t WHERE a IN (SELECT x FROM u WHERE u.t = t.id) AND b = 1",
		"SELECT : u where (u.t = t.id) / t where a in{query1}, (b = 1) :"},
	{"SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.t = t.id AND x = ?)",
		"SELECT : u where (u.t = t.id), (x = ?1) / t where query1 : =x"},
	{"SELECT (SELECT max(x) FROM u WHERE u.t = t.id) FROM t ORDER BY a", "SELECT : u where (u.t = t.id) / t by a :"},
	{"WITH q(x) AS (SELECT a FROM t WHERE b = ?) SELECT x FROM q WHERE x > ?",
		"SELECT : t where (b = ?1) / q where (x > ?2) : =b <x"},
	{"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n LIMIT ?",
		"SELECT :  / n where (i < ?1) / n limit : <i limit"},
	{"WITH q AS NOT MATERIALIZED (SELECT 1), r AS MATERIALIZED (VALUES (1)) SELECT * FROM q, r", "SELECT :  / q,r :"},
	{"SELECT a FROM t WHERE b = 1 UNION ALL SELECT x FROM u WHERE t = 2 ORDER BY 1 LIMIT 5",
		"SELECT : t limit where (b = 1) / u where (t = 2) :"},
	{"SELECT a FROM t INTERSECT SELECT x FROM u EXCEPT SELECT k FROM w", "SELECT : t / u / w :"},
	{"VALUES (1, ?), (2, ?)", "VALUES :  : ? ?"},
	{"SELECT DISTINCT a, b FROM t ORDER BY a DESC, b ASC NULLS LAST LIMIT ? OFFSET ?",
		"SELECT : t by a- by b nulls distinct limit : limit offset"},
	{"SELECT a FROM t ORDER BY a COLLATE NOCASE LIMIT ?, ?", "SELECT : t by a@NOCASE limit : offset limit"},
	{"SELECT a, count(*) AS n FROM t GROUP BY a HAVING count(*) > ? ORDER BY n DESC",
		"SELECT : t by n- group a other (count(*()) > ?1) : ?"},
	{"SELECT ALL a FROM t WHERE count(ALL b) = 1 GROUP BY lower(a)",
		"SELECT : t group lower(a) where (count(b) = 1) :"},
	{"SELECT sum(a) OVER (PARTITION BY b ORDER BY c) FROM t WHERE a > ?", "SELECT : t where (a > ?1) : <a"},
	{"SELECT sum(a) FILTER (WHERE b = ?) OVER w FROM t WHERE a = ? WINDOW w AS (ORDER BY c ROWS ? PRECEDING), v AS (w) ORDER BY a",
		"SELECT : t by a where (a = ?2) : =b =a ?"},
	{"SELECT group_concat(DISTINCT a ORDER BY b DESC) FROM t", "SELECT : t :"},
	{"SELECT CASE a WHEN 1 THEN b WHEN ? THEN c ELSE d END FROM t WHERE CASE WHEN a = ? THEN 1 END",
		"SELECT : t where ((a = ?2) CASE 1) : ? =a"},
	{"SELECT a FROM t WHERE a = CAST(? AS INTEGER) AND CAST(b AS DECIMAL(10, 2)) > ?",
		"SELECT : t where (a = CAST(?1)), (CAST(b) > ?2) : =a ?"},
	{"SELECT a FROM t WHERE a BETWEEN ? AND ? AND b NOT BETWEEN 1 AND 2 OR c",
		"SELECT : t where ((a in[?1,?2] AND !b in[1,2]) OR c) : <a <a"},
	{"SELECT a FROM t WHERE a IN (?, ?, 3) AND b NOT IN (1) AND c IN ()",
		"SELECT : t where a in{?1,?2,3}, !b in{1}, c in{} : =a =a"},
	{"SELECT a FROM t WHERE a IN u AND b IN main.u AND c NOT IN pragma_x('y')",
		"SELECT : t where IN(a), IN(b), NOT(c) :"},
	{"SELECT a FROM t WHERE a IN (VALUES (1), (2)) AND b IN (WITH q AS (SELECT 1) SELECT * FROM q)",
		"SELECT :  / q / t where a in{query0}, b in{query2} :"},
	{"SELECT a FROM t WHERE a IS NULL AND b IS NOT NULL AND c ISNULL AND d NOTNULL AND e NOT NULL",
		"SELECT : t where null(a), !null(b), null(c), !null(d), !null(e) :"},
	{"SELECT a FROM t WHERE a IS ? AND b IS NOT ?", "SELECT : t where (a IS ?1), !(b IS ?2) : =a =b"},
	{"SELECT a FROM t WHERE a IS NOT DISTINCT FROM ? AND b IS DISTINCT FROM ?",
		"SELECT : t where (a IS ?1), !(b IS ?2) : =a =b"},
	{"SELECT a FROM t WHERE a IS NOT DISTINCT FROM NULL", "SELECT : t where null(a) :"},
	{`SELECT a FROM t WHERE a = ? COLLATE NOCASE AND b COLLATE "rtrim" = 'x'`,
		"SELECT : t where (a = ?1@NOCASE), (b@rtrim = 'x') : =a"},
	{"SELECT a FROM t WHERE a LIKE ? AND b LIKE ? ESCAPE '\\' AND c NOT LIKE 'x' AND d GLOB ?",
		"SELECT : t where (a LIKE ?1), (b LIKE ?2), !(c LIKE 'x'), (d GLOB ?3) : ~a ~b ~d"},
	{"SELECT a FROM t WHERE lower(a) = lower(?) AND UPPER(b) LIKE ?",
		"SELECT : t where (lower(a) = lower(?1)), (UPPER(b) LIKE ?2) : =a ~b"},
	{"SELECT a FROM t WHERE (a, b) = (?, ?) AND (c, d) > (1, 2)",
		"SELECT : t where ((a,b) = (?1,?2)), ((c,d) > (1,2)) : =a =b"},
	{"SELECT a FROM t WHERE (a, b) IN (SELECT x, y FROM u)", "SELECT : u / t where (a,b) in{query1} :"},
	{"SELECT a FROM t WHERE a = ?2 AND b = ?1 AND c = ?", "SELECT : t where (a = ?2), (b = ?1), (c = ?3) : =b =a =c"},
	{"SELECT a FROM t WHERE a = :a AND b = @b AND c = $c AND d = :a AND e = ?",
		"SELECT : t where (a = ?1), (b = ?2), (c = ?3), (d = ?1), (e = ?4) : a:=a b:=b c:=c =e"},
	{"SELECT a FROM t WHERE a = ?3 AND b = :x AND c = $ns::v(1)",
		"SELECT : t where (a = ?3), (b = ?4), (c = ?5) : ? ? =a x:=b ns::v(1):=c"},
	{"SELECT a FROM t WHERE b = $2 AND a = $1", "SELECT : t where (b = ?2), (a = ?1) : =a =b"},
	{"SELECT \"order\", [select], `group`, \"a\"\"b\" FROM \"my table\" AS [x y] WHERE \"x y\".\"from\" = ?",
		"SELECT : my table x y where (x y.from = ?1) : =x y.from"},
	{`SELECT a FROM t WHERE a = "word" AND 'a' = b`, "SELECT : t where (a = word), ('a' = b) :"},
	{"SELECT /* a = 1 */ a -- b = 2\nFROM t WHERE /* ? */ a = ? -- ?", "SELECT : t where (a = ?1) : =a"},
	{"SELECT a FROM t INDEXED BY t_a WHERE a = 1", "SELECT : t where (a = 1) :"},
	{"SELECT a FROM t x NOT INDEXED WHERE a = 1", "SELECT : t x where (a = 1) :"},
	{`SELECT a x, b AS y, c 'z', d "w" FROM t`, "SELECT : t :"},
	{"SELECT t.*, u.id FROM t, u", "SELECT : t,u :"},
	{"SELECT count(*), a * b FROM t", "SELECT : t :"},
	{`SELECT "count"(a), [lower](b) FROM t`, "SELECT : t :"},
	{"SELECT doc -> '$.a', doc ->> ? FROM t WHERE doc ->> 'x' = ?", "SELECT : t where ((doc ->> 'x') = ?2) : ? ?"},
	{"SELECT NULL, TRUE, 1e3, x'00', CURRENT_TIMESTAMP, -1, 'it''s'", "SELECT :  :"},
	{`SELECT key, replace, "match", glob(a, b), if(a, b, c), desc FROM t`, "SELECT : t :"},
	{"SELECT a FROM t WHERE a MATCH 'x' AND b REGEXP ?", "SELECT : t where (a MATCH 'x'), (b REGEXP ?1) : ?"},
	{"EXPLAIN QUERY PLAN SELECT a FROM t WHERE a = ?;", "SELECT : t where (a = ?1) : =a"},
	{"SELECT Ünïcode FROM naïve WHERE 名前 = ? AND 😀 > ?", "SELECT : naïve where (名前 = ?1), (😀 > ?2) : =名前 <😀"},
	{"SELECT a FROM t WHERE ((((a)))) = (((?)))", "SELECT : t where (a = ?1) : =a"},
	{"PRAGMA user_version = 5", "PRAGMA :  :"},
	{"BEGIN", "BEGIN :  :"},
	{"CREATE TABLE x(a, b DEFAULT (1))", "CREATE :  :"},
	{"", " :  :"},
}

// changes are statements that write.
var changes = [][2]string{
	{"INSERT INTO t VALUES (?, ?, 3)", "INSERT t :  : :=#0 :=#1"},
	{"INSERT INTO t(a, b) VALUES (?, CAST(? AS TEXT)), (?, lower(?))", "INSERT t (a b) :  : :=a :=b :=a :=b"},
	{"INSERT INTO main.t AS x (a) VALUES (?) ON CONFLICT (a) WHERE a > 0 DO UPDATE SET b = ?, c = excluded.c WHERE x.b < ?",
		"INSERT t (a) conflict :  : :=a :=b ?"},
	{"INSERT INTO t(a) VALUES (?) ON CONFLICT (a) DO NOTHING ON CONFLICT DO UPDATE SET (b, c) = (?, ?) RETURNING id, a + ?",
		"INSERT t (a) conflict :  : :=a :=b :=c ?"},
	{"INSERT OR IGNORE INTO t(a) SELECT x FROM u WHERE t = ? ON CONFLICT DO NOTHING",
		"INSERT t (a) conflict : u where (t = ?1) : =t"},
	{"INSERT INTO t DEFAULT VALUES RETURNING *", "INSERT t :  :"},
	{"REPLACE INTO t(a) VALUES (:a)", "REPLACE t (a) conflict :  : a::=a"},
	{"WITH q AS (SELECT 1 AS x) INSERT INTO t(a) SELECT x FROM q", "INSERT t (a) :  / q :"},
	{"INSERT INTO t(a) WITH q AS (SELECT 1 AS x) SELECT x FROM q", "INSERT t (a) :  / q :"},
	{"UPDATE t SET a = ?, b = b + ? WHERE c = ?", "UPDATE t (a b) : t changes where (c = ?3) : :=a ? =c"},
	{"UPDATE OR REPLACE t AS x SET (a, b) = (?, ?), c = (SELECT x FROM u WHERE u.t = x.id) WHERE x.id IN (?) RETURNING *",
		"UPDATE t (a b c) : u where (u.t = x.id) / t x changes where x.id in{?3} : :=a :=b =x.id"},
	{"UPDATE t SET a = u.x FROM u JOIN w ON w.k = u.x WHERE u.t = t.id AND w.v = ?",
		"UPDATE t (a) : t,u,w changes where (w.k = u.x), (u.t = t.id), (w.v = ?1) : =w.v"},
	{"UPDATE t INDEXED BY t_a SET a = 1 WHERE a = ? ORDER BY b LIMIT ?",
		"UPDATE t (a) : t changes limit where (a = ?1) : =a limit"},
	{"DELETE FROM t WHERE a < ? RETURNING id", "DELETE t : t changes where (a < ?1) : <a"},
	{"DELETE FROM t AS x NOT INDEXED WHERE x.a = ? AND NOT EXISTS (SELECT 1 FROM u WHERE u.t = x.id)",
		"DELETE t : u where (u.t = x.id) / t x changes where (x.a = ?1), not(query1) : =x.a"},
	{"WITH q AS (SELECT id FROM t WHERE a = ?) DELETE FROM t WHERE id IN (SELECT id FROM q)",
		"DELETE t : t where (a = ?1) / q / t changes where id in{query1} : =a"},
	{"DELETE FROM t", "DELETE t : t changes :"},
}

func TestRead(t *testing.T) {
	for _, list := range [][][2]string{selects, changes} {
		for _, c := range list {
			s, err := Read(c[0])
			if err != nil {
				t.Errorf("%s\n%v", c[0], err)
				continue
			}
			if got := render(s); got != c[1] {
				t.Errorf("%s\n got %s\nwant %s", c[0], got, c[1])
			}
		}
	}
}

// refused are texts that cannot be followed, and a part of the error.
var refused = [][2]string{
	{"SELECT a FROM t WHERE", `at byte 21: "" where expression was expected`},
	{"SELECT a FROM t WHERE a = ?0", `at byte 28: "" where a parameter number up to 32766 was expected`},
	{"SELECT a FROM t WHERE a = ?99999999999", `at byte 38: "" where a parameter number up to 32766 was expected`},
	{"SELECT a FROM t; SELECT b FROM t", `at byte 17: "SELECT" where the end of the statement was expected`},
	{"SELECT a FROM t WHERE a = 'x", `at byte 26: "'x" where expression was expected`},
	{"SELECT a FROM t LIMIT 1 UNION SELECT 2", `at byte 24: "UNION" where the end of the statement was expected`},
	{"UPDATE t", `at byte 8: "" where SET was expected`},
	{"INSERT INTO t(a VALUES (1)", `at byte 16: "VALUES" where ) was expected`},
	{"SELECT a FROM t USING (x)", `at byte 16: "USING" where the end of the statement was expected`},
	{"SELECT (", `at byte 8: "" where expression was expected`},
}

func TestReadRefuses(t *testing.T) {
	for _, c := range refused {
		s, err := Read(c[0])
		if err == nil {
			t.Errorf("%s\nis read as %s", c[0], render(s))
			continue
		}
		if !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s\n got %v\nwant %s", c[0], err, c[1])
		}
	}
}
