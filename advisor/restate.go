package advisor

import (
	"fmt"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// dayRange states a comparison of a column's day, month or year as a range of the column; "" for other formats.
func dayRange(column, op, value, format string) string {
	start, unit := value, "day"
	switch format {
	case "%Y-%m-%d", "%F":
	case "%Y-%m":
		start, unit = value+" || '-01'", "month"
	case "%Y":
		start, unit = value+" || '-01-01'", "year"
	default:
		return ""
	}
	first, next := fmt.Sprintf("date(%s)", start), fmt.Sprintf("date(%s, '+1 %s')", start, unit)
	switch op {
	case "=":
		return fmt.Sprintf("%[1]s >= %[2]s AND %[1]s < %[3]s", column, first, next)
	case "<", ">=":
		return column + " " + op + " " + first
	case "<=":
		return column + " < " + next
	}
	return column + " >= " + next
}

// shifted states "column ± other op value" or, with the column second, "other ± column op value".
func shifted(sign string, place int, column, op, value, other string) string {
	switch {
	case sign == "+":
		return fmt.Sprintf("%s %s (%s) - (%s)", column, op, value, other)
	case place == 0:
		return fmt.Sprintf("%s %s (%s) + (%s)", column, op, value, other)
	}
	return fmt.Sprintf("%s %s (%s) - (%s)", column, mirrored[op], other, value)
}

// castTo is the affinity that a CAST gives.
func castTo(text string) string {
	var words []string
	for _, t := range splitTokens(text) {
		if words = append(words, t.Text(text)); strings.EqualFold(words[len(words)-1], "AS") {
			words = nil
		}
	}
	return affinityOf(strings.TrimSuffix(strings.Join(words, " "), " )"))
}

func affinity(t *schema.Table, column string) string {
	if t.IsRowid(column) {
		return "INTEGER"
	}
	c, _ := t.Column(column)
	return affinityOf(c.Type)
}

// affinityOf follows https://sqlite.org/datatype3.html#determination_of_column_affinity
func affinityOf(declared string) string {
	declared = strings.ToUpper(declared)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(declared, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("INT"):
		return "INTEGER"
	case has("CHAR", "CLOB", "TEXT"):
		return "TEXT"
	case declared == "", has("BLOB"):
		return "BLOB"
	case has("REAL", "FLOA", "DOUB"):
		return "REAL"
	}
	return "NUMERIC"
}
