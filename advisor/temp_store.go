package advisor

import (
	"context"
	"strings"
)

// tempStore is PR08: where sorts and automatic indexes go that outgrow the page cache. Never by rule:
// files are written to the operating system's cache, so that memory may be slower as well as faster. A
// sort of 400,000 rows took 1.70 s with files and 1.56 s in memory (BenchmarkSort of internal/sqlite).
// Only what replay proves, in either direction. https://sqlite.org/pragma.html#pragma_temp_store
type tempStore struct{}

func (tempStore) code() string { return "PR08" }

func (rule tempStore) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	present := p.pragmas["temp_store"]
	words := map[string]string{"0": "memory", "1": "memory", "2": "file"}
	numbers := map[string]string{"memory": "2", "file": "1"}
	word := words[present]
	if !p.live || word == "" || p.fileBytes() < outgrown {
		return nil, nil
	}
	_, x, err := p.trySetting(ctx, rule.code(), "temp_store", []string{numbers[word]}, p.heaviest(settingReplayed, usesTemporary))
	if x == nil || err != nil {
		return nil, err
	}
	r := pragmaAdvice(p, rule.code(), "temp_store", word).rest(x)
	r.Why = "Statements that sort, group or index on the fly are faster with temp_store=" + word + "."
	r.Risk = "Large sorts then use memory, as much as they need."
	if word == "file" {
		r.Risk = "Large sorts then write to the directory for temporary files."
	}
	r.Statements, r.Undo = []string{"PRAGMA temp_store = " + word}, []string{"PRAGMA temp_store = " + present}
	r.Facts = append(r.Facts, count("statements that use temporary storage", int64(len(x.digests)), "statements"))
	return []*Recommendation{r}, nil
}

// usesTemporary says whether a plan sorts or builds something on the fly.
func usesTemporary(q *query) bool {
	text := strings.Join(q.plan.Lines(), "\n")
	return strings.Contains(text, "TEMP B-TREE") || strings.Contains(text, "AUTOMATIC")
}
