package advisor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// createText is the statement that made a table, "" if it is not found.
func (p *pass) createText(t *schema.Table) string {
	for _, text := range p.schema.Statements {
		if sqltextKind(text) == "TABLE" && strings.EqualFold(createdName(text), t.Name) {
			return text
		}
	}
	return ""
}

// createdName is the name that a CREATE statement gives, without its schema.
func createdName(text string) string {
	words := splitTokens(text)
	for i, t := range words {
		if t.Kind != sqltext.Word || !slices.Contains([]string{"TABLE", "INDEX", "VIEW", "TRIGGER"}, strings.ToUpper(t.Text(text))) {
			continue
		}
		for _, t := range words[i+1:] {
			if word := t.Text(text); t.Kind != sqltext.Word || !slices.Contains([]string{"IF", "NOT", "EXISTS"}, strings.ToUpper(word)) {
				return sqltext.Name(word)
			}
		}
	}
	return ""
}

func splitTokens(text string) []sqltext.Token {
	var list []sqltext.Token
	for t := sqltext.Next(text, 0); t.Kind != sqltext.EOF; t = sqltext.Next(text, t.End) {
		list = append(list, t)
	}
	return list
}

// body is a CREATE TABLE from its first parenthesis on.
func body(text string) string {
	for _, t := range splitTokens(text) {
		if t.Kind == sqltext.Op && t.Text(text) == "(" {
			return text[t.Start:]
		}
	}
	return ""
}

// migration writes how to give a table another definition, given from its first parenthesis on: make a new
// table, copy, drop, rename, and make again what was on the old one. Views and triggers elsewhere name the table
// and find the new one; the pragma keeps RENAME from looking at them in between.
// https://sqlite.org/lang_altertable.html#otheralter
func (p *pass) migration(t *schema.Table, body string) string {
	scratch := quoteName("sqliteperf_new_" + t.Name)
	var columns []string
	for _, c := range t.Columns {
		if !c.Generated && !c.Hidden {
			columns = append(columns, quoteName(c.Name))
		}
	}
	list := strings.Join(columns, ", ")
	lines := []string{
		"PRAGMA foreign_keys = OFF", "PRAGMA legacy_alter_table = ON", "BEGIN IMMEDIATE", "CREATE TABLE " + scratch + body,
		fmt.Sprintf("INSERT INTO %s(%s) SELECT %s FROM %s", scratch, list, list, quoteName(t.Name)),
		"DROP TABLE " + quoteName(t.Name), "ALTER TABLE " + scratch + " RENAME TO " + quoteName(t.Name),
	}
	for _, text := range p.schema.Statements { // in which nothing else changes
		if kind := sqltextKind(text); (kind == "INDEX" || kind == "TRIGGER") && standsOn(text, t.Name) {
			lines = append(lines, text)
		}
	}
	lines = append(lines, "PRAGMA foreign_key_check", "COMMIT", "PRAGMA legacy_alter_table = OFF", "PRAGMA foreign_keys = ON")
	return strings.Join(lines, ";\n") + ";\n"
}

// standsOn says whether a CREATE INDEX or CREATE TRIGGER is on the table.
func standsOn(text, table string) bool {
	tokens := splitTokens(text)
	for i, t := range tokens {
		if t.Kind == sqltext.Word && strings.EqualFold(t.Text(text), "ON") && i+1 < len(tokens) {
			return strings.EqualFold(sqltext.Name(tokens[i+1].Text(text)), table)
		}
	}
	return false
}

// migrationRisk is what every migration risks.
const migrationRisk = "The table is written anew under the write lock, and no other statement may run meanwhile. Try it on a copy first."

// rowReader reads rows of a copy.
type rowReader interface {
	Rows(ctx context.Context, query string, args []any, n int) ([][]any, error)
}

// rowsBefore reads rows of the unchanged copy. ok is false without one.
func (p *pass) rowsBefore(ctx context.Context, query string, n int) (rows [][]any, ok bool, err error) {
	copies, err := p.copies(ctx)
	if err != nil || copies == nil {
		return nil, false, err
	}
	reader, ok := copies.Before().(rowReader)
	if !ok {
		return nil, false, nil
	}
	rows, err = reader.Rows(ctx, query, nil, n)
	return rows, err == nil, err
}
