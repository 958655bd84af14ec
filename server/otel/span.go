package otel

import (
	"strings"
	"unicode/utf8"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// textBytes bounds a text in an attribute: a fingerprint may have thousands of columns.
const textBytes = 4096

// text makes hostile input fit for OTLP, which refuses a whole batch for one string that is not UTF-8.
func text(s string) string {
	if len(s) > textBytes {
		cut := textBytes
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// spanName is the summary, or of a text that is no SQL the system's name, as the conventions ask.
func spanName(ev *capture.Event) string {
	switch {
	case ev.Kind == capture.KindTransaction:
		return "transaction"
	case ev.Kind == capture.KindRequest:
		return requestName(requestOf(ev))
	case ev.Kind == capture.KindOutgoing:
		method, _, path := targetOf(ev)
		return requestName(method, path)
	case ev.Statement != nil && ev.Statement.Summary != "":
		return text(ev.Statement.Summary)
	}
	return semconv.DBSystemNameSQLite.Value.AsString()
}

func spanKind(k capture.Kind) trace.SpanKind {
	switch k {
	case capture.KindStatement, capture.KindOutgoing:
		return trace.SpanKindClient
	case capture.KindRequest:
		return trace.SpanKindServer
	}
	return trace.SpanKindInternal
}

func spanAttributes(ev *capture.Event) []attribute.KeyValue {
	var list []attribute.KeyValue
	switch ev.Kind {
	case capture.KindRequest:
		return requestSpanAttributes(ev)
	case capture.KindOutgoing:
		return outgoingSpanAttributes(ev)
	case capture.KindTransaction:
		list = transactionAttributes(ev)
	default:
		list = statementAttributes(ev)
	}
	if ev.Source != nil {
		list = append(list, semconv.DBNamespace(text(ev.Source.Name())))
	}
	if ev.Error != capture.ErrorNone {
		list = append(list, errorAttributes(ev.Error)...)
	}
	return flagAttributes(workAttributes(siteAttributes(list, ev.Site), ev), ev.Flags)
}

// siteAttributes adds a line of the application to list, if it is known.
func siteAttributes(list []attribute.KeyValue, s *capture.Site) []attribute.KeyValue {
	if s == nil {
		return list
	}
	return append(list, semconv.CodeFunctionName(text(s.Function)), semconv.CodeFilePath(text(s.File)),
		semconv.CodeLineNumber(s.Line))
}

func statementAttributes(ev *capture.Event) []attribute.KeyValue {
	list := []attribute.KeyValue{semconv.DBSystemNameSQLite}
	if s := ev.Statement; s != nil {
		list = append(list, semconv.DBQueryText(text(s.Fingerprint)), semconv.DBQuerySummary(text(s.Summary)))
		if verb := operation(s); verb != "" {
			list = append(list, semconv.DBOperationName(verb))
		}
	}
	if ev.Mode == capture.ModeQuery || ev.Mode == capture.ModePreparedQuery {
		list = append(list, semconv.DBResponseReturnedRows(int(ev.Rows)))
	}
	return list
}

// operation is the statement's verb: the first word of its summary.
func operation(s *capture.Statement) string {
	verb, _, _ := strings.Cut(s.Summary, " ")
	return text(verb)
}

func transactionAttributes(ev *capture.Event) []attribute.KeyValue {
	list := []attribute.KeyValue{semconv.DBSystemNameSQLite,
		attribute.String("sqlite_perf.transaction.outcome", outcome(ev)),
		attribute.Int64("sqlite_perf.transaction.statements", ev.Rows)}
	if begin := ev.Begin.String(); begin != "" {
		list = append(list, attribute.String("sqlite_perf.transaction.begin", begin))
	}
	if reason := ev.End.String(); reason != "" {
		list = append(list, attribute.String("sqlite_perf.transaction.reason", reason))
	}
	return list
}

func outcome(ev *capture.Event) string {
	if ev.Mode == capture.ModeRollback {
		return "rollback"
	}
	return "commit"
}

// resultCodes are the names of the classes that stand for one primary result code each.
var resultCodes = [capture.ErrorClasses]string{
	capture.ErrorBusy: "SQLITE_BUSY", capture.ErrorLocked: "SQLITE_LOCKED", capture.ErrorConstraint: "SQLITE_CONSTRAINT",
	capture.ErrorInterrupted: "SQLITE_INTERRUPT", capture.ErrorFull: "SQLITE_FULL",
}

func errorAttributes(class capture.ErrorClass) []attribute.KeyValue {
	list := []attribute.KeyValue{semconv.ErrorTypeKey.String(class.String())}
	if code := resultCodes[class]; code != "" {
		list = append(list, semconv.DBResponseStatusCode(code))
	}
	return list
}

// workAttributes adds SQLite's own counters to list, those that are not zero.
func workAttributes(list []attribute.KeyValue, ev *capture.Event) []attribute.KeyValue {
	add := func(name string, n int64) {
		if n != 0 {
			list = append(list, attribute.Int64("sqlite_perf."+name, n))
		}
	}
	add("vm_steps", int64(ev.Steps))
	add("full_scan_rows", int64(ev.FullScan))
	add("auto_index_rows", int64(ev.AutoIndex))
	add("sorts", int64(ev.Sorts))
	add("reprepares", int64(ev.Reprepares))
	add("lock_retries", int64(ev.Retries))
	add("affected_rows", ev.Affected)
	add("transaction.id", int64(ev.Tx))
	if ev.LockWait != 0 {
		list = append(list, attribute.Float64("sqlite_perf.lock_wait", float64(ev.LockWait)/1e6)) // seconds
	}
	return list
}

// flagAttributes adds the flags that are set to list.
func flagAttributes(list []attribute.KeyValue, flags capture.Flags) []attribute.KeyValue {
	for flag, name := range map[capture.Flags]string{
		capture.FlagLate: "sqlite_perf.late", capture.FlagCached: "sqlite_perf.cached",
		capture.FlagUpgraded: "sqlite_perf.transaction.upgraded", capture.FlagGone: "sqlite_perf.client_gone",
		capture.FlagHijacked: "sqlite_perf.hijacked",
	} {
		if flags.Has(flag) {
			list = append(list, attribute.Bool(name, true))
		}
	}
	return list
}
