package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Statistics is what ANALYZE left in the file. https://sqlite.org/fileformat2.html#the_sqlite_stat1_table
type Statistics struct {
	Stat1, Stat4 bool            // the tables exist
	Sampled      map[string]bool // indexes with rows in sqlite_stat4, by name
	Renew        []string        // statements that compute all of it anew, without a limit
	Restore      []string        // statements that put back what there is now
	Bytes        int             // of the rows among them
}

// Statistics reads the statistics in one read transaction.
//
// Renew drops the tables first: ANALYZE alone leaves the schema cookie as it is, so that connections
// that are open would go on with the statistics they have read.
func (db *DB) Statistics(ctx context.Context) (*Statistics, error) {
	tx, err := db.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, fileError(db.path, err, db.busy)
	}
	defer tx.Rollback()
	s := &Statistics{Sampled: map[string]bool{}}
	if err := s.read(ctx, tx); err != nil {
		return nil, fileError(db.path, fmt.Errorf("read statistics of %s: %w", db.path, err), db.busy)
	}
	return s, nil
}

func (s *Statistics) read(ctx context.Context, q querier) error {
	err := each(ctx, q, "SELECT name FROM sqlite_schema WHERE name IN ('sqlite_stat1', 'sqlite_stat4')", func(scan scanner) error {
		var name string
		err := scan(&name)
		s.Stat1, s.Stat4 = s.Stat1 || name == "sqlite_stat1", s.Stat4 || name == "sqlite_stat4"
		return err
	})
	if err != nil {
		return err
	}
	drop := []string{"DROP TABLE IF EXISTS sqlite_stat4", "DROP TABLE IF EXISTS sqlite_stat1"}
	if !s.Stat1 && !s.Stat4 {
		s.Renew, s.Restore = []string{"ANALYZE"}, drop
		return nil
	}
	s.Renew = append(s.Renew, drop...)
	s.Renew = append(s.Renew, "ANALYZE")
	rows, err := s.rows(ctx, q)
	if err != nil {
		return err
	}
	s.Restore = append(append(drop, "ANALYZE sqlite_schema"), rows...) // which makes both tables, empty
	if !s.Stat4 {
		s.Restore = append(s.Restore, "DROP TABLE sqlite_stat4")
	}
	if !s.Stat1 {
		s.Restore = append(s.Restore, "DROP TABLE sqlite_stat1")
	}
	return nil
}

// rows are statements that insert the rows of both tables.
func (s *Statistics) rows(ctx context.Context, q querier) ([]string, error) {
	var list []string
	add := func(scan scanner) error {
		var text string
		err := scan(&text)
		list, s.Bytes = append(list, text), s.Bytes+len(text)
		return err
	}
	if s.Stat1 {
		if err := each(ctx, q, insertText("sqlite_stat1", "tbl", "idx", "stat"), add); err != nil {
			return nil, err
		}
	}
	if s.Stat4 {
		if err := each(ctx, q, insertText("sqlite_stat4", "tbl", "idx", "neq", "nlt", "ndlt", "sample"), add); err != nil {
			return nil, err
		}
		err := each(ctx, q, "SELECT DISTINCT idx FROM sqlite_stat4", func(scan scanner) error {
			var index sql.NullString
			err := scan(&index)
			s.Sampled[index.String] = true
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// insertText selects, for each row of a table, the statement that inserts it.
func insertText(table string, columns ...string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = "quote(" + c + ")"
	}
	return fmt.Sprintf("SELECT 'INSERT INTO %s(%s) VALUES(' || %s || ')' FROM %[1]s ORDER BY rowid",
		table, strings.Join(columns, ", "), strings.Join(quoted, " || ', ' || "))
}
