package advisor

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// textTime is SC04: a time.Time bound without a format is stored as its String method writes it, with the
// zone's name and perhaps the monotonic clock ("… +0200 CEST m=+0.1"). SQLite's date functions give NULL for that,
// and texts with several zones do not sort by time. https://pkg.go.dev/time#Time.String
// https://sqlite.org/lang_datefunc.html#time_values
type textTime struct{}

const (
	timeSample  = 16
	timeColumns = 200 // most columns to sample: each is one short query
)

// goTime is what Time.String writes.
var goTime = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} \S+( m=[+-]\d+\.\d+)?$`)

func (textTime) code() string { return "SC04" }

func (rule textTime) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	var list []*Recommendation
	looked := 0
	for _, t := range p.schema.Tables {
		for _, c := range t.Columns {
			if !t.Indexable() || t.Rows == 0 || !mayBeTime(c) || looked == timeColumns {
				continue
			}
			looked++
			values, err := p.db.Values(ctx, t.Name, []string{c.Name}, timeSample)
			if err != nil {
				return list, err
			}
			var found []string
			for _, row := range values {
				if text, ok := row[0].(string); ok && goTime.MatchString(text) {
					found = append(found, text)
				}
			}
			if len(found) > 0 {
				list = append(list, rule.advise(p, t, c.Name, found, len(values)))
			}
		}
	}
	return list, nil
}

// mayBeTime says whether a column is declared or called like a time.
func mayBeTime(c schema.Column) bool {
	if c.Generated || c.Hidden {
		return false
	}
	kind, name := strings.ToUpper(c.Type), strings.ToLower(c.Name)
	if strings.Contains(kind, "DATE") || strings.Contains(kind, "TIME") {
		return true
	}
	text := kind == "" || strings.Contains(kind, "TEXT") || strings.Contains(kind, "CHAR") || kind == "ANY"
	return text && slices.ContainsFunc([]string{"date", "time", "created", "updated", "deleted", "expire", "until", "since"}, func(w string) bool {
		return strings.Contains(name, w)
	}) || text && strings.HasSuffix(name, "at")
}

func (rule textTime) advise(p *pass, t *schema.Table, column string, found []string, looked int) *Recommendation {
	r := p.recommendation(rule.code(), "schema", t.Name, column)
	r.Columns, r.subject, r.Level = []string{column}, describeTable(t), "warning"
	r.Title = fmt.Sprintf("Store the times in %s.%s as SQLite reads them", t.Name, column)
	r.Why = fmt.Sprintf("%s.%s holds times as Go's Time.String writes them: SQLite's date functions give NULL for them, "+
		"and those of several zones do not sort.", t.Name, column)
	r.Manual = "Add _time_format=sqlite to the data source name first, so that new values are stored well. Then rewrite " +
		"the old ones while the application is stopped."
	r.Risk = "Whoever compares or parses the text as it was must know the new form. The monotonic clock's reading is " +
		"lost; it means nothing to another process."
	r.Rewrite = &Rewrite{Before: found[0], After: repairTimes(t.Name, column)}
	r.Facts = append(r.Facts, Fact{Name: "sampled values in Go's form", Value: float64(len(found)), Unit: fmt.Sprintf("of %d", looked)})
	monotonic := 0
	for _, text := range found {
		if strings.Contains(text, " m=") {
			monotonic++
		}
	}
	r.Facts = append(r.Facts, Fact{Name: "of them with a monotonic clock", Value: float64(monotonic), Unit: "values"})
	return r
}

// repairTimes rewrites "2006-01-02 15:04:05.9 -0700 MST m=+0.1" as "2006-01-02 15:04:05.9-07:00", which is what
// _time_format=sqlite stores.
func repairTimes(table, column string) string {
	c := quoteName(column)
	zone := fmt.Sprintf("19 + instr(substr(%s, 20), ' ')", c) // the place of the space before the zone
	return fmt.Sprintf(`UPDATE %[1]s SET %[2]s = substr(%[2]s, 1, %[3]s - 1) || substr(%[2]s, %[3]s + 1, 3) || ':' || substr(%[2]s, %[3]s + 4, 2)
WHERE %[2]s GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]* [+-][0-9][0-9][0-9][0-9] *';`,
		quoteName(table), c, zone)
}
