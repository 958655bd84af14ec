package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// row is the score of one set of indexes.
type row struct {
	workload, set string
	score
	slower        []string // statements
	advice, proof cost     // zero if not known
}

// score is what advbench says of a set, as far as the table shows it.
type score struct {
	ReadSpeedup float64  `json:"read_speedup"`
	StepSpeedup float64  `json:"vmstep_speedup"`
	WriteRatio  float64  `json:"write_ratio"`
	Indexes     int      `json:"n_indexes"`
	Bytes       int64    `json:"index_bytes"`
	Unused      []string `json:"unused"`
	Errors      []string `json:"errors"`
	PerQuery    map[string]struct {
		Steps float64 `json:"vmsteps"`
	} `json:"per_query"`
}

// slowerBy is how many more instructions of SQLite's machine make a statement slower.
const slowerBy = 1.1

// workload scores both sets of indexes on one workload.
func (b *bench) workload(ctx context.Context, name string) ([]row, error) {
	data := filepath.Join(b.dir, "data")
	advbench := func(command string, args ...string) (cost, error) {
		return b.run(ctx, b.dir, b.score, append([]string{command, "-data", data, "-w", name}, args...)...)
	}
	if _, err := advbench("gen"); err != nil {
		return nil, err
	}
	if _, err := advbench("eval"); err != nil {
		return nil, err
	}
	base, err := readScore(filepath.Join(data, name, "score.none.test.json"))
	if err != nil {
		return nil, err
	}
	expert, err := advbench("expert", "-o", "expert")
	if err != nil {
		return nil, err
	}
	trace := filepath.Join(data, name, "trace.ndjson")
	if err := concatenate(trace, filepath.Join(data, name, "reads.train.jsonl"), filepath.Join(data, name, "writes.jsonl")); err != nil {
		return nil, err
	}
	advice, proof, err := b.advise(ctx, filepath.Join(data, name, "base.db"), trace)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(data, name, "ours.sql"), indexes(proof.out), 0o600); err != nil {
		return nil, err
	}
	rows := []row{{workload: name, set: "expert", advice: cost{cpu: expert.cpu, wall: expert.wall}}, {workload: name, set: "ours", advice: advice, proof: proof}}
	for i := range rows {
		r := &rows[i]
		if _, err := advbench("eval", "-i", filepath.Join(data, name, r.set+".sql"), "-set", r.set); err != nil {
			return nil, err
		}
		if r.score, err = readScore(filepath.Join(data, name, "score."+r.set+".test.json")); err != nil {
			return nil, err
		}
		r.compare(base)
	}
	return rows, nil
}

// indexes are the statements about indexes: advbench gathers the statistics itself, for every set.
func indexes(text []byte) []byte {
	lines := slices.DeleteFunc(strings.SplitAfter(string(text), "\n"), func(line string) bool {
		return !strings.HasPrefix(line, "CREATE INDEX ") && !strings.HasPrefix(line, "DROP INDEX ")
	})
	return []byte(strings.Join(lines, ""))
}

func readScore(path string) (s score, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	if len(s.Errors) > 0 {
		return s, fmt.Errorf("%s: %s", path, strings.Join(s.Errors, "; "))
	}
	return s, nil
}

// compare notes the statements that got slower.
func (r *row) compare(base score) {
	for id, q := range r.PerQuery {
		if before := base.PerQuery[id]; q.Steps > slowerBy*before.Steps {
			r.slower = append(r.slower, fmt.Sprintf("%s %.0f → %.0f", id, before.Steps, q.Steps))
		}
	}
	slices.Sort(r.slower)
}

// concatenate writes the contents of files one after the other.
func concatenate(to string, from ...string) error {
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	for _, name := range from {
		in, err := os.Open(name)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, in)
		in.Close()
		if err != nil {
			return err
		}
	}
	return out.Close()
}
