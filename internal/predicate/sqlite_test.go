package predicate

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"regexp"
	"strconv"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

const schema = `
CREATE TABLE t(id INTEGER PRIMARY KEY, a INT UNIQUE, b TEXT, c REAL, d, e, doc TEXT, "order" INT, key TEXT, UNIQUE(b, c));
CREATE TABLE u(id INTEGER PRIMARY KEY, t INT, x, y, name TEXT COLLATE NOCASE);
CREATE TABLE "my ""table"" 名"("a b" INT, "select", [x y]);
CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID;
CREATE INDEX t_c ON t(c);
CREATE VIEW v AS SELECT a, count(*) AS n FROM t GROUP BY a;`

// TestReadWhatSQLitePrepares reads every statement of a corpus that SQLite prepares, and counts as
// many parameters. The driver binds $3 to the third argument, so such names are left out.
func TestReadWhatSQLitePrepares(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	for _, text := range corpus {
		want, err := inputs(t.Context(), conn, text)
		if err != nil {
			t.Errorf("SQLite: %v\n%s", err, text)
			continue
		}
		s, err := Read(text)
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		if s.Count != want {
			t.Errorf("%d parameters, SQLite says %d\n%s", s.Count, want, text)
		}
	}
}

// missing is what the driver says of the first parameter that has no argument.
var missing = regexp.MustCompile(`missing (?:argument with index (\d+)|named argument (".*"))`)

// inputs is how many parameters SQLite counts: the driver asks for their arguments one by one.
func inputs(ctx context.Context, conn *sql.Conn, text string) (int, error) {
	var args []driver.NamedValue
	err := conn.Raw(func(inner any) error {
		for {
			rows, err := inner.(driver.QueryerContext).QueryContext(ctx, "EXPLAIN "+strings.TrimPrefix(text, "EXPLAIN "), args)
			if err == nil {
				return rows.Close()
			}
			m := missing.FindStringSubmatch(err.Error())
			if m == nil {
				return err
			}
			name := ""
			if m[2] != "" {
				if name, err = strconv.Unquote(m[2]); err != nil {
					return err
				}
			}
			args = append(args, driver.NamedValue{Ordinal: len(args) + 1, Name: name})
		}
	})
	return len(args), err
}

var corpus = []string{
	"SELECT 1", "select null, true, false, 1.5, .5, 0xff, 1_000, x'00', 'it''s', -1, +1, ~1, - -1",
	"SELECT * FROM t", "SELECT t.*, main.t.a FROM main.t", "SELECT a AS x, b y, c 'z', d \"q\", e [p] FROM t AS 'tt'",
	"SELECT * FROM t WHERE a = ? AND b = ?", "SELECT * FROM t WHERE a = ?2 AND b = ?1", "SELECT * FROM t WHERE a = ?5",
	"SELECT * FROM t WHERE a = :a AND b = :b AND c = :a", "SELECT * FROM t WHERE a = @a AND b = $b AND c = :c",
	"SELECT * FROM t WHERE a = ?3 AND b = ? AND c = :x AND d = ?2", "SELECT $ns::v(1), ? FROM t",
	"SELECT * FROM t WHERE a > ? AND a <= ? OR b < ?", "SELECT * FROM t WHERE a BETWEEN ? AND ? AND b NOT BETWEEN ? AND ? + 1",
	"SELECT * FROM t WHERE a IN (?, ?, ?)", "SELECT * FROM t WHERE a IN ()", "SELECT * FROM t WHERE a NOT IN (SELECT x FROM u WHERE t = ?)",
	"SELECT * FROM w WHERE k IN (VALUES (?), (?))", "SELECT * FROM t WHERE (a, b) IN (SELECT x, y FROM u)",
	"SELECT * FROM t WHERE (a, b) = (?, ?)", "SELECT * FROM t WHERE (a, b, c) > (?, ?, ?) ORDER BY a, b, c LIMIT ?",
	"SELECT * FROM t WHERE a IS NULL OR a IS NOT NULL OR a ISNULL OR a NOTNULL OR a NOT NULL",
	"SELECT * FROM t WHERE a IS ? AND b IS NOT ?", "SELECT * FROM t WHERE a IS NOT DISTINCT FROM ? AND b IS DISTINCT FROM ?",
	"SELECT * FROM t WHERE b LIKE ? AND b LIKE ? ESCAPE ? AND b NOT LIKE '%x' AND b GLOB ? AND NOT b LIKE 'y'",
	"SELECT * FROM t WHERE b = ? COLLATE NOCASE AND b COLLATE rtrim = ?", "SELECT * FROM t WHERE lower(b) = lower(?)",
	"SELECT * FROM t WHERE CAST(a AS TEXT) = CAST(? AS VARCHAR(10))", "SELECT CAST(a AS DECIMAL(10, 2)), CAST(b AS \"my type\") FROM t",
	"SELECT CASE a WHEN ? THEN ? ELSE ? END, CASE WHEN a THEN b WHEN c THEN d END FROM t",
	"SELECT * FROM t WHERE NOT a AND NOT NOT b OR NOT EXISTS (SELECT 1 FROM u WHERE u.t = t.id)",
	"SELECT a + b * c - d / e % 2 || b << 1 >> 2 & 3 | 4 FROM t", "SELECT a < b = c > d, a == b, a <> b, a != b FROM t",
	"SELECT doc -> '$.a', doc ->> ?, doc -> 'a' ->> 'b' FROM t WHERE json_extract(doc, ?) = ?",
	"SELECT count(*), count(DISTINCT a), count(ALL a), sum(a), total(b), group_concat(b, ?) FROM t",
	"SELECT \"count\"(*), [lower](b), `upper`(b) FROM t", "SELECT group_concat(b, ',' ORDER BY a DESC, c) FROM t",
	"SELECT sum(a) FILTER (WHERE b = ?) FROM t", "SELECT sum(a) OVER () FROM t",
	"SELECT row_number() OVER (PARTITION BY a ORDER BY b DESC NULLS LAST), rank() OVER w FROM t WINDOW w AS (ORDER BY c)",
	"SELECT sum(a) FILTER (WHERE c > ?) OVER (ORDER BY b ROWS BETWEEN 1 PRECEDING AND ? FOLLOWING EXCLUDE TIES) FROM t",
	"SELECT sum(a) OVER w, avg(a) OVER (w ROWS UNBOUNDED PRECEDING) FROM t WINDOW w AS (PARTITION BY b ORDER BY c), x AS (w) ORDER BY 1",
	"SELECT DISTINCT a FROM t", "SELECT ALL a FROM t", "SELECT a, count(*) AS n FROM t GROUP BY a HAVING n > ? ORDER BY n DESC, 1",
	"SELECT a FROM t GROUP BY lower(b), 1", "SELECT a FROM t ORDER BY a COLLATE NOCASE DESC NULLS FIRST, b ASC LIMIT ? OFFSET ?",
	"SELECT a FROM t LIMIT ?, ?", "SELECT a FROM t LIMIT -1 OFFSET 1 + ?", "SELECT a FROM t LIMIT (SELECT max(id) FROM u)",
	"SELECT * FROM t, u", "SELECT * FROM t JOIN u ON t.id = u.t AND u.x = ?", "SELECT * FROM t INNER JOIN u USING (id)",
	"SELECT * FROM t LEFT JOIN u ON u.t = t.id LEFT OUTER JOIN w ON w.k = u.x", "SELECT * FROM t NATURAL JOIN u", "SELECT * FROM t CROSS JOIN u",
	"SELECT * FROM t RIGHT JOIN u ON u.t = t.id FULL JOIN w ON w.k = u.x", "SELECT * FROM t NATURAL LEFT OUTER JOIN u",
	"SELECT * FROM (t JOIN u ON u.t = t.id) JOIN w ON w.k = b", "SELECT a FROM (t, u) AS x", "SELECT * FROM ((SELECT a FROM t)) x",
	"SELECT * FROM (SELECT id FROM t) JOIN (SELECT id FROM u) USING (id)", "SELECT * FROM (SELECT a FROM t WHERE b = ?) AS s WHERE s.a = ?",
	"SELECT * FROM (WITH q AS (SELECT ?) SELECT * FROM q)", "SELECT * FROM (VALUES (1, 2), (?, 4)) AS x",
	"SELECT value FROM json_each(?, '$.a') AS j JOIN t ON t.a = j.value", "SELECT * FROM json_each('[1]'), pragma_table_info('t')",
	"SELECT * FROM t INDEXED BY t_c WHERE c = ?", "SELECT * FROM t x NOT INDEXED WHERE a = 1", "SELECT * FROM v WHERE n > ?",
	"SELECT (SELECT max(x) FROM u WHERE u.t = t.id AND y = ?) AS m FROM t WHERE a = ?", "SELECT EXISTS (SELECT 1 FROM t)",
	"WITH q(x) AS (SELECT a FROM t WHERE b = ?) SELECT * FROM q WHERE x = ?", "WITH a AS MATERIALIZED (SELECT 1), b AS NOT MATERIALIZED (SELECT 2) SELECT * FROM a, b",
	"WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i < ? ORDER BY 1 LIMIT ?) SELECT i FROM n",
	"WITH RECURSIVE n(i) AS (VALUES (1) UNION SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n",
	"SELECT a FROM t UNION SELECT x FROM u UNION ALL SELECT k FROM w INTERSECT SELECT ? EXCEPT SELECT ? ORDER BY 1 LIMIT ?",
	"VALUES (1, ?), (2, ?)", "VALUES (1) UNION ALL SELECT 2 ORDER BY 1", "SELECT a FROM t WHERE b IN (WITH q AS (SELECT ?) SELECT * FROM q)",
	"EXPLAIN SELECT * FROM t WHERE a = ?", "EXPLAIN QUERY PLAN SELECT * FROM t WHERE a = ?", "SELECT 1;", "SELECT /* ? */ ? -- ?\n, ?",
	"SELECT \"a b\", \"select\", [x y] FROM \"my \"\"table\"\" 名\" WHERE \"a b\" = ? AND `select` > ?", "SELECT [select] FROM [my \"table\" 名] WHERE [x y] = :名前",
	"SELECT key, \"order\" FROM t WHERE key = ? ORDER BY key", "SELECT 'a' 'b', a first, b last, c row FROM t replace", "SELECT a offset FROM t", "SELECT a FROM t 'not' WHERE 'not'.a = 1",
	"SELECT date('now', ?), strftime('%Y', 'now'), CURRENT_TIMESTAMP, current_date", "SELECT if(a, b, c), iif(a, b, c), glob(a, b), like(a, b), replace(a, b, c) FROM t",
	"SELECT likelihood(a = ?, 0.5), unlikely(b) FROM t", "SELECT a FROM t WHERE a = 1 AND a = 2 AND (a = 3 OR (b = 4 AND c = ?)) AND d",
	"SELECT max(a, b), min(?, ?), coalesce(a, b, ?), nullif(a, ?) FROM t", "SELECT a FROM t WHERE -a = -? AND +b = +? AND ~c = ~?", "SELECT rowid, oid, _rowid_ FROM t WHERE rowid = ?",
	"SELECT a IS TRUE, b IS NOT FALSE, c IS 1 FROM t", "SELECT a COLLATE NOCASE || b COLLATE binary FROM t", "SELECT (a), ((b)), (SELECT ((1))) FROM t WHERE ((a)) IN ((SELECT 1))",
	"INSERT INTO t(a, b) VALUES (?, ?), (?, ?)", "INSERT INTO t DEFAULT VALUES", "INSERT INTO w VALUES (?, ?)", "INSERT INTO w SELECT a, b FROM t WHERE c = ?",
	"INSERT OR IGNORE INTO t(a) VALUES (?)", "INSERT OR REPLACE INTO main.t AS x (a) VALUES (?)", "REPLACE INTO w VALUES (:k, :v)", "INSERT OR ROLLBACK INTO w(k, v) VALUES (lower(?), ? + 1)",
	"INSERT INTO w(k, v) VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v + ? WHERE w.v < ?", "INSERT INTO w VALUES (1, 2) ON CONFLICT DO NOTHING",
	"INSERT INTO w SELECT a, b FROM t WHERE true ON CONFLICT (k) DO UPDATE SET (k, v) = (?, ?) RETURNING k, v || ?", "INSERT INTO w(k, v) VALUES (?, ?) RETURNING *",
	"INSERT INTO t(a) VALUES (?) ON CONFLICT (a) DO NOTHING ON CONFLICT (b, c) DO UPDATE SET d = ?", "WITH q AS (SELECT ? AS x) INSERT INTO t(a) SELECT x FROM q",
	"INSERT INTO t(a) WITH q AS (SELECT ? AS x) SELECT x FROM q", "INSERT INTO t('a', \"b\", [c], `d`) VALUES (1, 2, 3, ?)", "INSERT INTO w VALUES (1, 2) UNION SELECT 3, ?",
	"UPDATE t SET a = ?, b = b || ? WHERE c = ?", "UPDATE t SET (a, b) = (?, ?)", "UPDATE t SET (a, b) = (SELECT x, y FROM u WHERE u.t = t.id)", "UPDATE OR IGNORE t AS z SET a = 1 WHERE z.id = ?",
	"UPDATE t SET a = u.x FROM u JOIN w ON w.k = u.y WHERE u.t = t.id AND w.v = ?", "UPDATE t INDEXED BY t_c SET a = ? WHERE c = ?", "UPDATE t SET a = CASE WHEN b = ? THEN 1 ELSE 2 END RETURNING id, a",
	"UPDATE t SET a = (SELECT count(*) FROM u WHERE u.t = t.id), \"order\" = ? WHERE id IN (SELECT t FROM u WHERE x = ?)",
	"DELETE FROM t", "DELETE FROM t WHERE a = ? RETURNING *", "DELETE FROM main.t AS z WHERE z.a IN (?, ?) AND EXISTS (SELECT 1 FROM u WHERE u.t = z.id)", "DELETE FROM t NOT INDEXED WHERE b = ?",
	"WITH q AS (SELECT id FROM t WHERE a = ?) DELETE FROM t WHERE id IN q", "WITH q AS (SELECT ? AS n) UPDATE t SET a = (SELECT n FROM q) WHERE b = ?",
}
