package advisor

import (
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// Requests to other services are no queries, and those beyond the names that are kept have no statement.
func TestSampleCountsStatementsOnly(t *testing.T) {
	var s sample
	s.add([]capture.Event{
		{Kind: capture.KindOutgoing, Status: 500}, {Kind: capture.KindRequest}, {Kind: capture.KindTransaction},
		{Statement: &capture.Statement{Changes: true}},
	})
	if s.queries != 1 || s.writes != 1 || s.requests != 1 || s.errors != 0 {
		t.Errorf("counted %+v", s)
	}
}
