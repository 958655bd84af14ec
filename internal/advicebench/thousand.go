package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// nouns are the tables. Each refers to the one before.
var nouns = strings.Fields("region office team person vehicle route trip stop parcel scan claim invoice payment refund ticket message device reading alarm audit")

// tableRows is how many rows table i has, 10,000 to 54,000: some 160 bytes each.
func tableRows(i int) int { return 10_000 + (i*7919)%45_000 }

// schema makes a table with rows that depend on nothing but their number. The multiplier is Knuth's.
const schema = `CREATE TABLE %[1]s(id INTEGER PRIMARY KEY, parent INT, owner INT, kind TEXT, state TEXT, amount REAL, created TEXT, email TEXT, score INT, deleted_at TEXT, note TEXT);
WITH RECURSIVE n(i, h) AS (SELECT 1, 2654435761 %% 1000003 UNION ALL SELECT i + 1, ((i + 1) * 2654435761) %% 1000003 FROM n WHERE i < %[2]d)
INSERT INTO %[1]s SELECT i, 1 + h %% %[3]d, 1 + (h %% 1009) * (h %% 13) / 13, 'kind ' || (h %% 37), CASE WHEN h %% 50 = 0 THEN 'open' WHEN h %% 7 = 0 THEN 'held' ELSE 'closed' END,
  (h %% 99991) / 100.0, datetime(1735689600 + h * 31, 'unixepoch'), 'user' || (h %% 20011) || '@example.com', h %% 1000, CASE WHEN h %% 9 = 0 THEN '2025-01-01' END,
  substr(hex(h * 7919) || ' the quick brown fox jumps over the lazy dog, and what else there is to say of number ' || i, 1, 40 + h %% 60) FROM n;
`

// condition is a WHERE clause and its values for sample k.
type condition struct {
	text   string
	values func(k int) []any
}

var conditions = []condition{
	{"a.owner = ?", func(k int) []any { return []any{3 + 97*k} }},
	{"a.parent = ?", func(k int) []any { return []any{5 + 1201*k} }},
	{"a.email = ?", func(k int) []any { return []any{mail(k)} }},
	{"lower(a.email) = ?", func(k int) []any { return []any{mail(k)} }},
	{"a.kind = ? AND a.score > ?", func(k int) []any { return []any{kind(k), 900 + 10*k} }},
	{"a.state = ?", func(k int) []any { return []any{[]string{"open", "held", "closed", "lost"}[k%4]} }},
	{"a.created >= ? AND a.created < ?", func(k int) []any { return []any{day(k), day(k + 1)} }},
	{"a.owner = ? AND a.state = ?", func(k int) []any { return []any{11 + 61*k, "closed"} }},
	{"a.owner = ? AND a.deleted_at IS NULL", func(k int) []any { return []any{7 + 83*k} }},
	{"a.kind = ? AND a.created > ?", func(k int) []any { return []any{kind(k), day(k)} }},
	{"a.amount > ?", func(k int) []any { return []any{990.5 + float64(k)} }},
	{"a.score IN (?, ?) AND a.state = 'open'", func(k int) []any { return []any{17 * k, 17*k + 400} }},
}

func mail(k int) string { return fmt.Sprintf("user%d@example.com", 1+4003*k) }
func kind(k int) string { return fmt.Sprintf("kind %d", 9*k) }
func day(k int) string  { return fmt.Sprintf("2025-%02d-11 08:00:00", 2+2*k) }

// shapes are what is asked of the rows: with the conditions, and the two statements that write, 50 of a table.
var shapes = []string{
	"SELECT a.* FROM %[1]s a WHERE %[3]s",
	"SELECT a.id, a.amount FROM %[1]s a WHERE %[3]s ORDER BY a.created DESC LIMIT 20",
	"SELECT a.state, count(*), sum(a.amount) FROM %[1]s a WHERE %[3]s GROUP BY a.state",
	"SELECT a.id, b.kind FROM %[1]s a JOIN %[2]s b ON b.id = a.parent WHERE %[3]s AND b.score < 990",
}

// samples is how many times each statement is in the trace, with other values.
const samples = 4

// thousand measures the advice for 1,000 statements on a database of 100 MB.
func (b *bench) thousand(ctx context.Context) (string, error) {
	database, trace := filepath.Join(b.dir, "thousand.db"), filepath.Join(b.dir, "thousand.ndjson")
	var script strings.Builder
	script.WriteString("PRAGMA journal_mode = OFF;\nPRAGMA synchronous = OFF;\n")
	for i, name := range nouns {
		fmt.Fprintf(&script, schema, name, tableRows(i), tableRows(max(i-1, 0)))
	}
	file := filepath.Join(b.dir, "thousand.sql")
	if err := os.WriteFile(file, []byte(script.String()), 0o600); err != nil {
		return "", err
	}
	if _, err := b.run(ctx, b.dir, "sqlite3", "-batch", "-init", os.DevNull, database, ".read "+file); err != nil {
		return "", err
	}
	statements, err := writeTrace(trace)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(database)
	if err != nil {
		return "", err
	}
	advice, proof, err := b.advise(ctx, database, trace)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d statements on a database of %d MB: %d indexes advised in %.1f s (%.1f s of processor time, %d MB resident at most), and with the proof, which keeps %d, in %.1f s (%.1f s, %d MB).",
		statements, info.Size()/1e6, bytes.Count(advice.out, []byte("CREATE INDEX")), advice.wall.Seconds(), advice.cpu.Seconds(), advice.resident/1e6,
		bytes.Count(proof.out, []byte("CREATE INDEX")), proof.wall.Seconds(), proof.cpu.Seconds(), proof.resident/1e6), nil
}

// writeTrace writes the statements and says how many there are. The weights fall as those of applications do.
func writeTrace(path string) (statements int, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	out := bufio.NewWriter(f)
	encoder := json.NewEncoder(out)
	add := func(text string, values func(k int) []any) {
		weight := 5000 / float64(1+(statements*389)%1000) // 389 and 1000 have no common factor
		statements++
		for k := range samples {
			if err == nil {
				err = encoder.Encode(map[string]any{"sql": text, "params": values(k), "weight": weight})
			}
		}
	}
	for i, name := range nouns {
		for _, shape := range shapes {
			for _, c := range conditions {
				add(fmt.Sprintf(shape, name, nouns[max(i-1, 0)], c.text), c.values)
			}
		}
		add("UPDATE "+name+" SET state = ?, score = score + 1 WHERE id = ?", func(k int) []any { return []any{"held", 1 + 211*k} })
		add("INSERT INTO "+name+"(parent, owner, kind, state, amount, created, email, score, note) VALUES (?, ?, 'kind 1', 'open', 1.5, ?, ?, 3, 'new')",
			func(k int) []any { return []any{k + 1, 31 * k, day(k), mail(k)} })
	}
	if err != nil {
		return 0, err
	}
	return statements, out.Flush()
}
