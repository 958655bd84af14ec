package advisor

import (
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// expressionIndex is IX04: the statements compare or sort by an expression, such as lower(email) or
// json_extract(attrs, '$.color'), whose values no index over the column has.
// https://sqlite.org/expridx.html
var expressionIndex = indexKind{
	code: "IX04",
	why:  "It holds the values of the expression, which are otherwise computed for each row.",
	risk: "SQLite uses it only for the same expression; each write computes it, and fails where the expression does, as json_extract() of malformed JSON and date('now') do.",
}

// mayFail says whether a condition calls a function or an operator that fails for some values.
func mayFail(text string) bool {
	for pos := 0; ; {
		t := sqltext.Next(text, pos)
		if t.Kind == sqltext.EOF {
			return false
		}
		pos = t.End
		word := t.Text(text)
		if word == "->" || word == "->>" || t.Kind == sqltext.Word && sqltext.Next(text, pos).Text(text) == "(" && indexedFunctions[strings.ToLower(word)] {
			return true
		}
	}
}

func isExpression(k schema.Key) bool { return k.Expression }
