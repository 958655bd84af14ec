package advisor

import (
	"context"
	"fmt"
	"time"
)

// fragmentation is PR13: free pages and half-empty ones make a file larger than its contents. The
// shadow copy is rebuilt already, so that what VACUUM would leave is known exactly, and rebuilding it
// once more says how long that takes. https://sqlite.org/lang_vacuum.html
type fragmentation struct{}

// vacuumThreshold is the share of a file that must be wasted, the product's setting from its origin:
// below it, pages are filled again before rebuilding has paid.
const vacuumThreshold = 0.3

func (fragmentation) code() string { return "PR13" }

func (rule fragmentation) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	file, free := p.fileBytes(), p.number("freelist_count")*p.number("page_size")
	listed := float64(free) >= vacuumThreshold*float64(file)
	if file < outgrown || listed && p.pragmas["auto_vacuum"] == incremental {
		return nil, nil
	}
	if !listed && p.shadow == nil {
		return nil, nil // not worth a copy of its own
	}
	began := time.Now()
	after, took, err := p.rebuilt(ctx, rule.code(), listed)
	if err != nil || after > 0 && float64(file-after) < vacuumThreshold*float64(file) {
		return nil, err
	}
	r := storageAdvice(p, rule.code(), "Rebuild the file with VACUUM", "Run VACUUM while nobody writes, with the disk space below free.")
	r.Risk = "Nobody can write meanwhile, and outside WAL mode nobody can read. There is no undo; what the database holds stays the same. " +
		"rowids of tables without INTEGER PRIMARY KEY may change."
	if after > 0 {
		e := newEvidence(p.shadow)
		e.Verdict, e.Parameters, e.Samples, e.Bytes, e.BuildMS = Proved, "synthetic", 1, after-file, ms(took)
		e.Reasons = append(e.Reasons, fmt.Sprintf("rebuilt on a copy: %s instead of %s", mebibytes(after), mebibytes(file)))
		r.conclude(e, "experiment", began)
		if took > 0 { // it ended within the limit
			r.Facts = append(r.Facts, Fact{Name: "rebuilding a copy took", Value: ms(took), Unit: "ms"})
		}
	} else {
		after = file - free
	}
	r.Facts = append(r.Facts, size("file now", file), size("free pages", free), size("file rebuilt", after), size("disk needed meanwhile", 2*file))
	r.Why = fmt.Sprintf("%s of the file's %s hold nothing.", mebibytes(file-after), mebibytes(file))
	return []*Recommendation{r}, nil
}

// rebuilt is the size of the rebuilt copy and how long rebuilding takes; 0 without one.
func (p *pass) rebuilt(ctx context.Context, code string, worth bool) (bytes int64, took time.Duration, err error) {
	lab, err := p.lab(ctx)
	if lab == nil || err != nil {
		return 0, 0, err
	}
	if !worth && float64(p.fileBytes()-lab.Bytes) < vacuumThreshold*float64(p.fileBytes()) {
		return lab.Bytes, 0, nil
	}
	_, err = p.bounded(ctx, code, func(ctx context.Context) (err error) {
		took, err = lab.After.Vacuum(ctx)
		return err
	})
	return lab.Bytes, took, err
}
