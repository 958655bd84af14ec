package advisor

import (
	"context"
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/schema"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// touchedNames are the names by which a statement can reach the table: its own, those of views on it, and
// those of tables whose triggers use it.
func (a *Advisor) touchedNames(ctx context.Context, r *Recommendation) map[string]bool {
	names := map[string]bool{strings.ToLower(r.Table): true}
	w := a.databaseOf(r)
	if w == nil {
		return names
	}
	if s, err := schemaOf(ctx, w.open); err == nil { // else its name alone must do
		reach(names, s)
	}
	return names
}

// reach adds the names of views and of tables with triggers that use one of names, until there are no
// more.
func reach(names map[string]bool, s *schema.Schema) {
	for more := true; more; {
		more = false
		for _, text := range s.Statements {
			if name := throughView(text); name != "" && !names[name] && namesAny(text, names) {
				names[name], more = true, true
			}
		}
	}
}

// throughView is the name by which a view, or the table of a trigger, is used.
func throughView(text string) string {
	var list []string
	for pos := 0; len(list) < 40; {
		t := sqltext.Next(text, pos)
		if t.Kind == sqltext.EOF {
			break
		}
		list, pos = append(list, strings.ToLower(sqltext.Name(t.Text(text)))), t.End
	}
	switch {
	case len(list) < 3 || list[0] != "create":
		return ""
	case list[1] == "view":
		return list[2]
	case list[1] == "trigger":
		if i := slices.Index(list, "on"); i > 0 && i+1 < len(list) {
			return list[i+1]
		}
	}
	return ""
}

// namesAny says whether one of names is among the words of a statement.
func namesAny(text string, names map[string]bool) bool {
	for pos := 0; ; {
		t := sqltext.Next(text, pos)
		if t.Kind == sqltext.EOF {
			return false
		}
		if t.Kind == sqltext.Word || t.Kind == sqltext.Quoted {
			if names[strings.ToLower(sqltext.Name(t.Text(text)))] {
				return true
			}
		}
		pos = t.End
	}
}
