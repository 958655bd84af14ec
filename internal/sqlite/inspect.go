package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// countLimit bounds how many rows are counted in a table without statistics: enough to tell a tiny
// table from one worth an index.
const countLimit = 10_000

// Schema reads the main schema in one read transaction.
func (db *DB) Schema(ctx context.Context) (*schema.Schema, error) {
	tx, err := db.read.BeginTx(ctx, nil)
	if err != nil {
		return nil, fileError(db.path, err, db.busy)
	}
	defer tx.Rollback()
	s, err := readSchema(ctx, tx)
	if err != nil {
		return nil, fileError(db.path, fmt.Errorf("read schema of %s: %w", db.path, err), db.busy)
	}
	return s, nil
}

func readSchema(ctx context.Context, tx *sql.Tx) (*schema.Schema, error) {
	s := &schema.Schema{}
	if err := tx.QueryRowContext(ctx, "PRAGMA schema_version").Scan(&s.Version); err != nil {
		return nil, err
	}
	indexSQL := map[string]string{}
	err := each(ctx, tx, "SELECT type, name, coalesce(sql, '') FROM sqlite_schema", func(scan scanner) error {
		var kind, name, text string
		if err := scan(&kind, &name, &text); err != nil {
			return err
		}
		if text != "" {
			s.Statements = append(s.Statements, text)
		}
		if kind == "index" {
			indexSQL[name] = text
		}
		s.Analyzed = s.Analyzed || name == "sqlite_stat1"
		s.Sampled = s.Sampled || name == "sqlite_stat4"
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := readTables(ctx, tx, s); err != nil {
		return nil, err
	}
	stats, err := readStats(ctx, tx, s.Analyzed)
	if err != nil {
		return nil, err
	}
	for _, t := range s.Tables {
		if err := readTable(ctx, tx, t, indexSQL, stats); err != nil {
			return nil, fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	return s, nil
}

func readTables(ctx context.Context, tx *sql.Tx, s *schema.Schema) error {
	const text = "SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
	return each(ctx, tx, text, func(scan scanner) error {
		t := &schema.Table{Rows: -1}
		var kind string
		if err := scan(&t.Name, &kind, &t.WithoutRowid); err != nil {
			return err
		}
		t.View, t.Virtual, t.Shadow = kind == "view", kind == "virtual", kind == "shadow"
		s.Tables = append(s.Tables, t)
		return nil
	})
}

func readTable(ctx context.Context, tx *sql.Tx, t *schema.Table, indexSQL map[string]string, stats map[string][]int64) error {
	if t.Virtual {
		return nil // its module may be unknown here
	}
	if err := readColumns(ctx, tx, t); err != nil && !t.View {
		return err
	}
	if t.View {
		return nil // one that names missing tables or functions has no columns here
	}
	if err := readForeignKeys(ctx, tx, t); err != nil {
		return err
	}
	if err := readIndexes(ctx, tx, t, indexSQL, stats); err != nil {
		return err
	}
	if stat := stats[t.Name+"\x00"]; len(stat) > 0 {
		t.Rows = stat[0]
	}
	if t.Rows >= 0 {
		return nil
	}
	text := fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s LIMIT %d)", quote(t.Name), countLimit)
	return tx.QueryRowContext(ctx, text).Scan(&t.Rows)
}

func readColumns(ctx context.Context, tx *sql.Tx, t *schema.Table) error {
	err := each(ctx, tx, "SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo("+literal(t.Name)+")", func(scan scanner) error {
		var c schema.Column
		var hidden int
		if err := scan(&c.Name, &c.Type, &c.NotNull, &c.PrimaryKey, &hidden); err != nil {
			return err
		}
		c.Hidden, c.Generated = hidden == 1, hidden > 1
		t.Columns = append(t.Columns, c)
		return nil
	})
	if err != nil || t.WithoutRowid || t.View {
		return err
	}
	var keys []schema.Column
	for _, c := range t.Columns {
		if c.PrimaryKey > 0 {
			keys = append(keys, c)
		}
	}
	if len(keys) == 1 && strings.EqualFold(keys[0].Type, "INTEGER") {
		t.RowidColumn = keys[0].Name
	}
	return nil
}

func readForeignKeys(ctx context.Context, tx *sql.Tx, t *schema.Table) error {
	last := -1
	return each(ctx, tx, "SELECT id, \"table\", \"from\", coalesce(\"to\", '') FROM pragma_foreign_key_list("+literal(t.Name)+") ORDER BY id, seq", func(scan scanner) error {
		var id int
		var parent, from, to string
		if err := scan(&id, &parent, &from, &to); err != nil {
			return err
		}
		if id != last {
			t.ForeignKeys = append(t.ForeignKeys, schema.ForeignKey{Parent: parent})
			last = id
		}
		key := &t.ForeignKeys[len(t.ForeignKeys)-1]
		key.Columns = append(key.Columns, from)
		if to != "" {
			key.Keys = append(key.Keys, to)
		}
		return nil
	})
}

func readIndexes(ctx context.Context, tx *sql.Tx, t *schema.Table, indexSQL map[string]string, stats map[string][]int64) error {
	err := each(ctx, tx, "SELECT name, \"unique\", origin, partial FROM pragma_index_list("+literal(t.Name)+") ORDER BY seq DESC", func(scan scanner) error {
		ix := &schema.Index{Table: t.Name}
		if err := scan(&ix.Name, &ix.Unique, &ix.Origin, &ix.Partial); err != nil {
			return err
		}
		ix.SQL, ix.Stat = indexSQL[ix.Name], stats[t.Name+"\x00"+ix.Name]
		t.Indexes = append(t.Indexes, ix)
		return nil
	})
	if err != nil {
		return err
	}
	for _, ix := range t.Indexes {
		if err := readKeys(ctx, tx, ix); err != nil {
			return err
		}
		if ix.Origin == "pk" {
			t.RowidColumn = "" // INTEGER PRIMARY KEY DESC is no rowid: it has an index
		}
		if t.Rows < 0 && len(ix.Stat) > 0 && !ix.Partial {
			t.Rows = ix.Stat[0]
		}
	}
	return nil
}

func readKeys(ctx context.Context, tx *sql.Tx, ix *schema.Index) error {
	return each(ctx, tx, "SELECT cid, coalesce(name, ''), desc, coll FROM pragma_index_xinfo("+literal(ix.Name)+") WHERE key = 1", func(scan scanner) error {
		var k schema.Key
		var cid int
		if err := scan(&cid, &k.Name, &k.Desc, &k.Collation); err != nil {
			return err
		}
		k.Expression = cid == -2
		ix.Columns = append(ix.Columns, k)
		return nil
	})
}

// readStats reads sqlite_stat1: by table and index name, "" for the table's own row.
func readStats(ctx context.Context, tx *sql.Tx, analyzed bool) (map[string][]int64, error) {
	stats := map[string][]int64{}
	if !analyzed {
		return stats, nil
	}
	err := each(ctx, tx, "SELECT tbl, coalesce(idx, ''), coalesce(stat, '') FROM sqlite_stat1", func(scan scanner) error {
		var table, index, stat string
		if err := scan(&table, &index, &stat); err != nil {
			return err
		}
		var numbers []int64
		for _, word := range strings.Fields(stat) {
			n, err := strconv.ParseInt(word, 10, 64)
			if err != nil {
				break // words such as "unordered" follow the numbers
			}
			numbers = append(numbers, n)
		}
		stats[table+"\x00"+index] = numbers
		return nil
	})
	return stats, err
}

type (
	scanner func(dest ...any) error
	querier interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	}
)

// each runs a query and calls f for each row.
func each(ctx context.Context, q querier, query string, f func(scan scanner) error) error {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// literal writes s as an SQL string.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
