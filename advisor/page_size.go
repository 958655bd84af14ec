package advisor

import (
	"context"
	"fmt"
	"time"
)

// pageSize is PR11: files made before SQLite 3.12 have pages of 1,024 bytes, a quarter of what disks
// and operating systems move at once. Only what a copy with pages of 4,096 bytes proves is advised.
// https://sqlite.org/pgszchng2016.html
type pageSize struct{}

const modernPage = 4096

func (pageSize) code() string { return "PR11" }

func (rule pageSize) check(ctx context.Context, p *pass) ([]*Recommendation, error) {
	present := p.number("page_size")
	if present == 0 || present >= modernPage || p.fileBytes() < outgrown {
		return nil, nil
	}
	targets := p.heaviest(settingReplayed, func(*query) bool { return true })
	lab, err := p.lab(ctx)
	if lab == nil || err != nil || len(targets) == 0 {
		return nil, err
	}
	var x *replayed
	var bytes int64
	var took, began = time.Duration(0), time.Now()
	ended, err := p.bounded(ctx, rule.code(), func(ctx context.Context) error {
		v, err := lab.Variant(ctx, modernPage)
		if err != nil {
			return err
		}
		defer v.Close()
		bytes, took = v.Bytes, v.Took
		x, err = p.replayAll(ctx, p.shadow.Before(), v.Replayer, targets)
		return err
	})
	if err != nil || !ended || x.evidence.Verdict != Proved {
		return nil, err
	}
	x.evidence.TookMS = ms(time.Since(began))
	return []*Recommendation{rule.advise(p, x, bytes, took)}, nil
}

// advise rests on a copy that was rebuilt to a size within a time.
func (rule pageSize) advise(p *pass, x *replayed, bytes int64, took time.Duration) *Recommendation {
	r := storageAdvice(p, rule.code(), fmt.Sprintf("Rebuild the file with pages of %d bytes", modernPage),
		fmt.Sprintf("With every connection closed: PRAGMA journal_mode = delete; PRAGMA page_size = %d; VACUUM; then the journal mode as it was.", modernPage)).rest(x)
	r.Why = fmt.Sprintf("Its pages have %d bytes: trees are deeper and each search reads more pages.", p.number("page_size"))
	r.Risk = "Nobody can write meanwhile. There is no undo but the same with the old size."
	r.Facts = append(r.Facts, size("file now", p.fileBytes()), size("file rebuilt", bytes), Fact{Name: "rebuilding a copy took", Value: ms(took), Unit: "ms"},
		size("disk needed meanwhile", 2*p.fileBytes()))
	return r
}
