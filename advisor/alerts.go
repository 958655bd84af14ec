package advisor

import (
	"fmt"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/alert"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// Alert is a condition that somebody should know of.
type Alert = alert.Alert

// Thresholds of alerts.
const (
	slowStatement = 0.1 // s at p95: the product's analyze_threshold
	slowCalls     = 5   // calls in an interval below which a p95 says little
	errorShare    = 0.05
)

// Alerts lists alerts, firing ones first.
func (a *Advisor) Alerts() []Alert { return a.alerts.Alerts() }

// watchAlerts reads one closed interval for what somebody should know.
func (a *Advisor) watchAlerts(in closedInterval) {
	now := in.End
	names := a.watchedDatabases()
	var calls, errors, busy uint64
	for _, s := range in.summaries {
		if s.Kind != capture.KindStatement {
			continue
		}
		calls, errors, busy = calls+s.Calls, errors+s.Errors, busy+s.Busy
		a.observe(slowReading(s, nameOf(names, s.Database)), now)
	}
	minutes := max(in.End.Sub(in.Start).Minutes(), 1e-3)
	a.observe(alert.Reading{
		Code: "busy", Level: alert.Critical, Subject: "statements", Title: "Statements fail because the database is locked",
		Detail: "Set busy_timeout in the data source name and keep write transactions short.",
		Value:  float64(busy) / minutes, Threshold: 1, Unit: "per minute",
	}, now)
	a.observe(alert.Reading{
		Code: "errors", Level: alert.Warning, Subject: "statements", Title: "Many statements fail",
		Detail: "See the statements by errors.",
		Value:  float64(errors-busy) / float64(max(calls, 1)), Threshold: errorShare, Unit: "of all calls",
	}, now)
	a.observe(alert.Reading{
		Code: "dropped_events", Level: alert.Info, Subject: "capture", Title: "Events were dropped: figures are too low",
		Detail: "Statements came faster than they were summed up; the process is short of processor time.",
		Value:  float64(in.Counts.Dropped), Threshold: 1, Unit: "events",
	}, now)
	for _, al := range a.alerts.Tick(now) {
		a.tell(al)
	}
}

// slowReading reads one statement's p95. Below the threshold it says that all is well.
func slowReading(s *digest.Summary, database string) alert.Reading {
	p95, _ := s.Time.Quantile(0.95)
	seconds := float64(p95) / 1e9
	if s.Calls < slowCalls {
		seconds = 0
	}
	return alert.Reading{
		Code: "slow_statement", Level: alert.Warning, Subject: fmt.Sprintf("%s/%016x", database, s.Digest),
		Title: "Slow statement", Detail: s.Name, Value: seconds, Threshold: slowStatement, Unit: "s",
	}
}

func (a *Advisor) observe(r alert.Reading, now time.Time) {
	if al, changed := a.alerts.Observe(r, now); changed {
		a.tell(al)
	}
}

// tell publishes an alert unless it is silenced.
func (a *Advisor) tell(al alert.Alert) {
	if al.Silence == "" {
		a.feed.publish("alert", al)
	}
}
