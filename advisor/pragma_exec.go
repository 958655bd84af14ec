package advisor

import (
	"context"
	"fmt"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// pragmaByExec is PR04: a setting of the connection that the application makes by a statement reaches
// one connection of the pool, whichever is free, and database/sql opens others at any time. It shows
// as fewer such statements than connections. https://go.dev/doc/database/manage-connections
type pragmaByExec struct{}

// ofConnection are the settings that a connection has and the file does not keep, besides
// foreign_keys, which is PR05's. https://sqlite.org/pragma.html
var ofConnection = map[string]bool{
	"automatic_index": true, "busy_timeout": true, "cache_size": true, "cache_spill": true, "case_sensitive_like": true,
	"checkpoint_fullfsync": true, "fullfsync": true, "ignore_check_constraints": true, "journal_size_limit": true,
	"mmap_size": true, "query_only": true, "read_uncommitted": true, "recursive_triggers": true, "secure_delete": true,
	"synchronous": true, "temp_store": true, "threads": true, "trusted_schema": true, "wal_autocheckpoint": true,
}

func (pragmaByExec) code() string { return "PR04" }

func (rule pragmaByExec) check(_ context.Context, p *pass) ([]*Recommendation, error) {
	if p.traffic == nil {
		return nil, nil
	}
	var list []*Recommendation
	seen := map[string]bool{}
	for _, s := range p.traffic.statements {
		name, value := assigned(s)
		if !ofConnection[name] || seen[name] || p.traffic.runsOf(name) >= p.traffic.connections.Opened {
			continue
		}
		seen[name] = true
		r := pragmaAdvice(p, rule.code(), name, value)
		r.Level, r.Title = "warning", fmt.Sprintf("Set %s in the data source name, not by a statement", name)
		r.Why = fmt.Sprintf("%s ran %d times and %d connections were opened: some go without it.",
			s.Statement.Fingerprint, p.traffic.runsOf(name), p.traffic.connections.Opened)
		r.Risk = "Connections that went without it behave differently from then on."
		r.Digests = []string{fmt.Sprintf("%016x", s.Digest)}
		r.Facts = append(r.Facts, p.traffic.settings(name)...)
		list = append(list, r)
	}
	return list, nil
}

// assigned is the pragma that a statement sets and the value, in lower case; "" if it is none that sets.
func assigned(s *digest.Summary) (name, value string) {
	if s.Statement == nil {
		return "", ""
	}
	rest, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(s.Statement.Fingerprint)), "pragma ")
	if !ok {
		return "", ""
	}
	if schema, of, qualified := strings.Cut(rest, "."); qualified && plainName(schema) {
		rest = of
	}
	name, value, ok = strings.Cut(rest, "=")
	if !ok {
		if name, value, ok = strings.Cut(rest, "("); !ok {
			return "", ""
		}
		value = strings.TrimSuffix(strings.TrimSpace(value), ")")
	}
	return strings.TrimSpace(name), strings.TrimSpace(value)
}

// runsOf is how often a pragma was set by statements, whatever the values.
func (t *traffic) runsOf(pragma string) (n uint64) {
	for _, s := range t.statements {
		if name, _ := assigned(s); name == pragma {
			n += s.Calls - min(s.Errors, s.Calls)
		}
	}
	return n
}

// settings are the facts about a pragma set by statements: how often, on how many connections, where.
func (t *traffic) settings(pragma string) []Fact {
	facts := []Fact{
		count("times set by a statement", int64(t.runsOf(pragma)), "calls"),
		count("connections opened", int64(t.connections.Opened), "connections"),
	}
	for _, s := range t.statements {
		name, _ := assigned(s)
		if name != pragma {
			continue
		}
		facts = append(facts, note("statement", s.Statement.Fingerprint))
		for _, c := range s.Callers {
			facts = append(facts, note("set at", c.Site.String()))
		}
	}
	return facts
}
