package advisor

import (
	"time"

	"github.com/sqliteperf/sqliteperf/internal/trial"
)

// Recommendation is one piece of advice with its evidence and the way back.
type Recommendation struct {
	ID        string   `json:"id"`        // stable for the same advice on the same database
	Code      string   `json:"code"`      // of the rule, such as IX01
	Type      string   `json:"type"`      // index, drop_index, pragma, statistics, pool, transaction, query, request, schema or storage
	Component string   `json:"component"` // database
	Database  string   `json:"database"`
	File      string   `json:"file"` // absolute path of the database
	Table     string   `json:"table"`
	Columns   []string `json:"columns"`

	Title string `json:"title"`
	Why   string `json:"why"`
	Risk  string `json:"risk"`
	Level string `json:"level"` // info, warning or critical

	State      State    `json:"state"`
	Was        State    `json:"was"`        // while applying or undoing: the state before
	Basis      string   `json:"basis"`      // replay: statements on a shadow copy; experiment: something else there; rule: by documented behaviour
	Applicable bool     `json:"applicable"` // false: a person must do what Manual says
	Statements []string `json:"statements"`
	Undo       []string `json:"undo"`
	Manual     string   `json:"manual"`
	PlanHash   string   `json:"plan_hash"` // of the statements and the objects they rest on
	Digests    []string `json:"digests"`   // of the statements it is for, in hexadecimal

	Facts    []Fact    `json:"facts"`   // what the advice rests on besides a proof
	Rewrite  *Rewrite  `json:"rewrite"` // of a statement or a line of code, where that is the remedy
	Evidence *Evidence `json:"evidence"`
	Live     *Live     `json:"live"`
	Error    string    `json:"error"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`

	subject string        // what the plan hash covers besides the statements
	saves   time.Duration // per second of traffic, for sorting
	index   string        // name of the index made or dropped, the first of indexes
	indexes []string      // names of those made
	gain    float64       // nanoseconds that the workload would cost more without it, as the search found
	write   WriteCost     // as the search measured it
	bytes   int64         // as the search measured them
}

// Fact is one figure or observation that advice rests on.
type Fact struct {
	Name  string  `json:"name"`  // such as "free pages"
	Value float64 `json:"value"` // 0 if Text says it all
	Unit  string  `json:"unit"`  // of Value: "pages", "ms", "of all calls" …
	Text  string  `json:"text"`  // instead of a value: a statement, a file and line, a setting
}

// Rewrite is what to write instead.
type Rewrite struct {
	Before  string  `json:"before"`  // the statement or line as it is
	After   string  `json:"after"`   // an example of what to write
	Checked bool    `json:"checked"` // both were run on the shadow copy and gave the same rows
	Speedup float64 `json:"speedup"` // median ratio of processor time, if checked
}

// Evidence is what a proof measured.
type Evidence struct {
	Verdict     State      `json:"verdict"`
	Reasons     []string   `json:"reasons"`
	Parameters  string     `json:"parameters"` // captured, trace, drawn or synthetic
	Samples     int        `json:"samples"`    // pairs of runs, all statements together
	ShadowBytes int64      `json:"shadow_bytes"`
	TookMS      float64    `json:"took_ms"`
	Queries     []Measured `json:"queries"`
	Unchanged   int        `json:"unchanged"` // other statements of the table whose plans stay as they are
	BuildMS     float64    `json:"build_ms"`
	Bytes       int64      `json:"bytes"`
	Write       WriteCost  `json:"write"`
}

// Measured is one statement of a proof.
type Measured struct {
	Digest      string    `json:"digest"`
	Fingerprint string    `json:"fingerprint"`
	Role        string    `json:"role"` // target: the advice is for it; other: it must not get slower
	Samples     int       `json:"samples"`
	Before      Quantiles `json:"before"`
	After       Quantiles `json:"after"`
	Speedup     float64   `json:"speedup"` // median ratio of processor time, with its 95 % interval
	SpeedupLow  float64   `json:"speedup_low"`
	SpeedupHigh float64   `json:"speedup_high"`
	SameRows    bool      `json:"same_rows"`
	Rows        int64     `json:"rows"`
	PlanBefore  []string  `json:"plan_before"`
	PlanAfter   []string  `json:"plan_after"`
	Verdict     string    `json:"verdict"` // faster, same, slower, inconclusive or unchanged plan
}

// Quantiles are wall times on the shadow with their 95 % bootstrap intervals, in milliseconds.
type Quantiles struct {
	P50     float64 `json:"p50_ms"`
	P50Low  float64 `json:"p50_low_ms"`
	P50High float64 `json:"p50_high_ms"`
	P95     float64 `json:"p95_ms"`
	P95Low  float64 `json:"p95_low_ms"`
	P95High float64 `json:"p95_high_ms"`
}

// WriteCost is what a change adds to one write, as replayed on the shadow.
type WriteCost struct {
	Source    string  `json:"source"` // captured: writes of the workload; synthetic: deletes by rowid; none
	Statement string  `json:"statement"`
	BeforeUS  float64 `json:"before_us"`
	AfterUS   float64 `json:"after_us"`
	AddedUS   float64 `json:"added_us"`
}

func quantiles(l trial.Latency) Quantiles {
	const ms = 1e6
	return Quantiles{
		P50: l.P50.Value / ms, P50Low: l.P50.Low / ms, P50High: l.P50.High / ms,
		P95: l.P95.Value / ms, P95Low: l.P95.Low / ms, P95High: l.P95.High / ms,
	}
}
