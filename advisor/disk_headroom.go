package advisor

import (
	"context"
	"fmt"
)

// diskHeadroom is SZ02: VACUUM needs up to twice the size of the file, an index or ANALYZE a part of it,
// and a commit that finds the disk full fails. https://sqlite.org/lang_vacuum.html
type diskHeadroom struct{}

const (
	vacuumTimes = 2 // the disk that VACUUM needs, by the size of the file
	// criticalFree is what a checkpoint, a sort and the log of a burst need in any case.
	criticalFree = 64 << 20
)

func (diskHeadroom) code() string { return "SZ02" }

func (rule diskHeadroom) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	file := p.fileBytes()
	free, ok := p.freeBytes()
	if !ok || file < outgrown || free >= vacuumTimes*file {
		return nil, nil
	}
	r := storageAdvice(p, rule.code(), "Provide disk space", "Free disk space, or move the file to a larger disk.")
	r.Level = "warning"
	r.Why = fmt.Sprintf("The disk has %s free and the file has %s: there is no room for VACUUM, which needs %s.",
		mebibytes(free), mebibytes(file), mebibytes(vacuumTimes*file))
	if free < max(criticalFree, file/10) {
		r.Level = "critical"
		r.Why += " An index may not fit either, and commits fail once the disk is full."
	}
	r.Risk = "None known."
	r.Facts = append(r.Facts, size("free on the disk", free), size("file", file), size("VACUUM needs", vacuumTimes*file))
	if p.traffic != nil {
		r.Facts = append(r.Facts, size("write-ahead log", p.traffic.walBytes))
		if perDay, ok := forecast(p.traffic.sizes); ok && perDay > 0 {
			r.Facts = append(r.Facts, Fact{Name: "disk full in", Value: float64(free) / perDay, Unit: "days"})
		}
	}
	return []*Recommendation{r}, nil
}
