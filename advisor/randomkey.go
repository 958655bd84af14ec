package advisor

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/schema"
)

// randomKey is SC03: random keys land anywhere in the key's b-tree, so that each insert dirties pages of its
// own: +6–10 µs and +1.2 pages of the write-ahead log each against keys that grow (field measurement), and more
// once the b-tree outgrows the page cache. As text of 36 bytes a UUID also takes twice the room of its 16.
// A UUID of version 7 begins with the time. https://www.rfc-editor.org/rfc/rfc9562#section-6.13
type randomKey struct{}

const (
	randomRows   = 10_000 // 36 bytes each: beyond that, the keys take more than a hundred pages of 4 KiB
	randomSample = 32
)

// randomUUID is one of version 4, or 32 hexadecimal digits without a version.
var randomUUID = regexp.MustCompile(`^(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$`)

func (randomKey) code() string { return "SC03" }

func (rule randomKey) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	var list []*Recommendation
	for _, t := range p.schema.Tables {
		column := textKey(t)
		if column == "" || t.Rows < randomRows {
			continue
		}
		values, err := p.db.Values(ctx, t.Name, []string{column}, randomSample)
		if err != nil {
			return list, err
		}
		random := len(values) > 0 && !slices.ContainsFunc(values, func(row []any) bool { return !isRandom(row[0]) })
		if !random {
			continue
		}
		r := p.recommendation(rule.code(), "schema", t.Name, column)
		r.Columns, r.subject = []string{column}, describeTable(t)
		r.Title = fmt.Sprintf("Let the keys of %s grow", t.Name)
		r.Why = fmt.Sprintf("The keys of %s are random UUIDs as text: each insert lands on another page, and each key takes "+
			"36 bytes instead of 16.", t.Name)
		r.Risk = "A UUID of version 7 tells when it was made. Old keys stay as they are, so the gain comes with new rows."
		r.Manual = "Make new keys of version 7, which sort by time. For half the bytes, store 16-byte blobs in a table made anew. " +
			"Where the key is used in no other table, an INTEGER PRIMARY KEY with the UUID in a UNIQUE column serves searches with one b-tree less."
		r.Rewrite = &Rewrite{Before: "id := uuid.New()", After: "id := uuid.Must(uuid.NewV7())"}
		r.Facts = append(r.Facts, Fact{Name: "keys sampled, all random", Value: float64(len(values)), Unit: "keys"})
		if err := p.factBytes(ctx, r, "bytes of the b-tree of keys", keyTree(t)); err != nil {
			return list, err
		}
		list = append(list, r)
	}
	return list, nil
}

// textKey is the one column of a primary key that may hold text, or "".
func textKey(t *schema.Table) string {
	if !t.Indexable() || t.RowidColumn != "" {
		return ""
	}
	key := ""
	for _, c := range t.Columns {
		if c.PrimaryKey > 1 || c.PrimaryKey == 1 && strings.Contains(strings.ToUpper(c.Type), "INT") {
			return ""
		}
		if c.PrimaryKey == 1 {
			key = c.Name
		}
	}
	return key
}

func isRandom(v any) bool {
	text, ok := v.(string)
	return ok && randomUUID.MatchString(text)
}

// keyTree is the b-tree that holds the keys: the index of the primary key, or a table without rowid.
func keyTree(t *schema.Table) string {
	for _, ix := range t.Indexes {
		if ix.Origin == "pk" && !t.WithoutRowid {
			return ix.Name
		}
	}
	return t.Name
}
