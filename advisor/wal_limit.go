package advisor

import (
	"context"
	"fmt"
	"strconv"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// walLimit is PR10: a write-ahead log keeps the size it once had unless journal_size_limit says
// otherwise, and grows without end where no checkpoint is due.
// https://sqlite.org/pragma.html#pragma_journal_size_limit
type walLimit struct{}

func (walLimit) code() string { return "PR10" }

func (rule walLimit) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	if !p.live || !p.wal() || p.traffic == nil || p.traffic.walBytes < walWorth {
		return nil, nil
	}
	switch {
	case p.pragmas["wal_autocheckpoint"] == "0":
		r := pragmaAdvice(p, rule.code(), "wal_autocheckpoint", strconv.Itoa(checkpointPages))
		r.Level = "warning"
		r.Why = fmt.Sprintf("No checkpoint is due by itself and the write-ahead log has %s. Every read looks through it.", mebibytes(p.traffic.walBytes))
		r.Risk = "Now and then a commit takes as long as a checkpoint. If the application checkpoints on its own, it does so too seldom."
		r.Facts = append(r.Facts, size("write-ahead log", p.traffic.walBytes))
		return []*Recommendation{r}, nil
	case p.swollen() && p.number("journal_size_limit") < 0 && len(p.traffic.culprits(capture.Now())) == 0:
		limit := walTimes * p.checkpointBytes()
		r := pragmaAdvice(p, rule.code(), "journal_size_limit", strconv.FormatInt(limit, 10))
		r.Why = fmt.Sprintf("The write-ahead log has %s on disk and nothing that runs now needs more than %s: it keeps the size of a burst.",
			mebibytes(p.traffic.walBytes), mebibytes(limit))
		r.Risk = "After the next burst the file has to grow again."
		r.Facts = append(r.Facts, size("write-ahead log", p.traffic.walBytes), size("checkpoint due at", p.checkpointBytes()))
		return []*Recommendation{r}, nil
	}
	return nil, nil
}
