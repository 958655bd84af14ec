package digest

import (
	"slices"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// keyOf is the key ev is summed up by. A statement event without a statement counts as Other.
func keyOf(ev *capture.Event) Key {
	key := Key{Kind: ev.Kind}
	if ev.Source != nil {
		key.Source = ev.Source.ID
	}
	switch ev.Kind {
	case capture.KindStatement:
		if ev.Statement != nil {
			key.Digest = ev.Statement.Digest
		}
	case capture.KindTransaction:
		key.Digest = Commit
		if ev.Mode == capture.ModeRollback {
			key.Digest = Rollback
		}
	case capture.KindOutgoing:
		if ev.Statement != nil {
			key.Digest = hash(ev.Statement.Fingerprint)
		}
	default:
		key.Digest = hash(scopeName(ev))
	}
	return key
}

// begin returns the empty summary of key, named after ev.
func begin(key Key, ev *capture.Event) *Summary {
	s := &Summary{Key: key, Database: ev.Source, FirstSeen: ev.Start, LastSeen: ev.Start}
	switch {
	case key.Digest == Other:
		s.Name = OtherName
	case ev.Kind == capture.KindStatement:
		s.Name, s.Statement = ev.Statement.Fingerprint, ev.Statement
	case ev.Kind == capture.KindTransaction && key.Digest == Commit:
		s.Name = "commit"
	case ev.Kind == capture.KindTransaction:
		s.Name = "rollback"
	case ev.Kind == capture.KindOutgoing:
		s.Name = ev.Statement.Fingerprint
	default:
		s.Name = scopeName(ev)
	}
	return s
}

// add counts one event.
func (s *Summary) add(ev *capture.Event) {
	s.Calls++
	s.Rows += ev.Rows
	s.Total += ev.Total
	s.Time.Add(int64(ev.Total))
	s.First.Add(int64(ev.First))
	s.FirstSeen = min(s.FirstSeen, ev.Start)
	s.LastSeen = max(s.LastSeen, ev.Start)
	if ev.Failed() {
		s.Errors++
	}
	if ev.Error == capture.ErrorBusy || ev.Error == capture.ErrorLocked {
		s.Busy++
	}
	if ev.Error != capture.ErrorNone {
		s.Classes[ev.Error]++
	}
	if ev.Flags.Has(capture.FlagLate) {
		s.Late++
	}
	switch ev.Kind {
	case capture.KindRequest, capture.KindOutgoing:
		s.addRequest(ev)
	case capture.KindStatement, capture.KindTransaction:
		s.addWork(ev)
	}
	if ev.Site != nil {
		s.addCaller(ev)
	}
	if ev.Scope != nil {
		s.addScope(ev)
	}
}

// addWork counts what only statements and transactions have.
func (s *Summary) addWork(ev *capture.Event) {
	s.Affected += ev.Affected
	s.Work.add(ev)
	if ev.Kind == capture.KindTransaction {
		s.Ends[ev.End]++
	}
	if ev.Flags.Has(capture.FlagUpgraded) {
		s.Upgraded++
	}
	for i, classes := 0, ev.Params.Classes; classes != 0; i, classes = i+1, classes>>4 {
		s.Params[i].Add(classes.At(0))
	}
}

// addRequest counts what only requests have, served or sent.
func (s *Summary) addRequest(ev *capture.Event) {
	s.RequestBytes += ev.RequestBytes()
	s.AnswerBytes += ev.AnswerBytes()
	if ev.Kind == capture.KindOutgoing {
		return
	}
	s.Statements.Add(ev.Rows)
	if ev.Flags.Has(capture.FlagPanicked) {
		s.Panics++
	}
	if ev.Flags.Has(capture.FlagGone) {
		s.Gone++
	}
}

// addCaller counts a call by its line if it is one of the first lines seen.
func (s *Summary) addCaller(ev *capture.Event) {
	i := slices.IndexFunc(s.Callers, func(c Caller) bool { return c.Site == ev.Site })
	switch {
	case i < 0 && len(s.Callers) == maxRoutes:
		return
	case i < 0:
		i = len(s.Callers)
		s.Callers = append(s.Callers, Caller{Site: ev.Site})
	}
	s.Callers[i].Calls++
	if ev.Scope == nil {
		s.Callers[i].Unattributed++
	}
}

// addScope counts who ran it, or what a request's or operation's own statements took.
func (s *Summary) addScope(ev *capture.Event) {
	s.Attributed++
	switch ev.Kind {
	case capture.KindRequest, capture.KindOperation:
		s.SQL += ev.Scope.Time()
	case capture.KindStatement, capture.KindOutgoing:
		if name := ev.Scope.Name(); name != "" {
			s.addRoute(name)
		}
	}
}

// addRoute counts a call under name if it is one of the first names seen.
func (s *Summary) addRoute(name string) {
	i := slices.IndexFunc(s.Routes, func(r Route) bool { return r.Name == name })
	switch {
	case i >= 0:
		s.Routes[i].Calls++
	case len(s.Routes) < maxRoutes:
		s.Routes = append(s.Routes, Route{Name: name, Calls: 1})
	}
}

func scopeName(ev *capture.Event) string {
	if ev.Scope == nil {
		return ""
	}
	return ev.Scope.Name()
}

// hash is FNV-1a, 64 bits. http://www.isthe.com/chongo/tech/comp/fnv/
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
