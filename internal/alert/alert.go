// Package alert decides when a measured value is worth waking somebody for, and when it is over.
//
// A Tracker is told readings and keeps one Alert per code and subject: it fires at the threshold
// and resolves once the value has stayed below half of it for 30 seconds, so that a value that
// hovers around the threshold is one alert and not many. At most 500 firing and 500 resolved
// alerts are kept, the latter for a day. A Tracker starts no goroutine and never reads the clock:
// its caller says what time it is.
package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Level says how soon somebody should look.
type Level uint8

// The levels, in rising order.
const (
	Info      Level = iota // a fact: applied, restarted, limit moved
	Warning                // look this week
	Critical               // look now: users feel it
	Emergency              // data or the whole service is at risk
)

var levelNames = [...]string{"info", "warning", "critical", "emergency"}

// ErrLevel reports text that is not the name of a level.
var ErrLevel = errors.New("not an alert level")

// ParseLevel is the level called name: info, warning, critical or emergency.
func ParseLevel(name string) (Level, error) {
	i := slices.Index(levelNames[:], name)
	if i < 0 {
		return Info, fmt.Errorf("%w: %q", ErrLevel, name)
	}
	return Level(i), nil
}

// String is the level's name.
func (l Level) String() string { return levelNames[min(l, Emergency)] }

// MarshalText is the level's name, also in JSON.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText sets the level by its name.
func (l *Level) UnmarshalText(text []byte) (err error) {
	*l, err = ParseLevel(string(text))
	return err
}

// State says whether an alert is over.
type State string

// The states.
const (
	Firing   State = "firing"
	Resolved State = "resolved"
)

// Reading is a value measured for a code, such as "pool_wait", on a subject, such as a database.
// Observe it as often as it is measured, also far below the threshold.
type Reading struct {
	Code      string
	Level     Level
	Subject   string
	Title     string  // one line
	Detail    string  // what to do about it
	Value     float64 // in Unit; not a number counts as not observed
	Threshold float64 // above 0; the value from which the alert fires
	Unit      string
	Window    time.Duration // that Value was measured over; 0 if it is of a moment
	Link      string        // where to look, with the range of time, such as "#/queries?range=15m"
	Runbook   string        // one line: what to do first
}

// Alert is one episode of a value above its threshold.
type Alert struct {
	Code        string        `json:"code"`
	Fingerprint string        `json:"fingerprint"` // of code and subject, see Fingerprint
	Level       Level         `json:"level"`       // the highest of the episode
	Subject     string        `json:"subject"`
	Title       string        `json:"title"`
	Detail      string        `json:"detail"`
	Value       float64       `json:"value"` // the last at which the alert fired
	Threshold   float64       `json:"threshold"`
	Unit        string        `json:"unit"`
	Window      time.Duration `json:"window_ns,omitempty"`
	Link        string        `json:"link,omitempty"`
	Runbook     string        `json:"runbook,omitempty"`
	State       State         `json:"state"`
	FirstSeen   time.Time     `json:"first_seen"`        // when it began to fire
	LastSeen    time.Time     `json:"last_seen"`         // when its value was last at or above the threshold
	Count       uint64        `json:"count"`             // readings at or above the threshold
	Silence     string        `json:"silence,omitempty"` // ID of the silence that keeps it from being delivered
}

// Fingerprint is the name of all episodes of a code on a subject: 16 hexadecimal digits, the same in every
// process. Receivers tell by it that two messages are about one thing.
func Fingerprint(code, subject string) string {
	sum := sha256.Sum256([]byte(strconv.Quote(code) + subject))
	return hex.EncodeToString(sum[:8])
}
