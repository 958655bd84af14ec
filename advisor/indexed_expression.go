package advisor

import "github.com/sqliteperf/sqliteperf/internal/schema"

// expressionIndex is IX04: the statements compare or sort by an expression, such as lower(email) or
// json_extract(attrs, '$.color'), whose values no index over the column has.
// https://sqlite.org/expridx.html
var expressionIndex = indexKind{
	code: "IX04",
	why:  "It holds the values of the expression, which are otherwise computed for each row.",
	risk: "SQLite uses it only for the same expression; each write computes it.",
}

func isExpression(k schema.Key) bool { return k.Expression }
