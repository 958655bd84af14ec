package sqlmiddleware

import (
	"context"
	"database/sql/driver"
	"slices"
	"sync/atomic"

	"github.com/ngrok/sqlmw"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// Tag is one key and its value, of any bytes: both are percent-encoded. A tag without a key is left out.
type Tag struct {
	Key, Value string
}

// TagsConfig configures Tags. The zero value adds nothing.
type TagsConfig struct {
	// Static are the tags of every statement, such as the application's name.
	Static []Tag

	// Of returns the tags of one statement; nil for none. It is called on the goroutine that runs the statement
	// and must be safe for concurrent use. When it panics the statement runs without any tags. A tag of
	// Of replaces a static one with the same key.
	Of func(ctx context.Context) []Tag

	// Route adds "route", the name of the request or job the statement belongs to, once it has one.
	Route bool

	// Traceparent adds "traceparent": the span in the statement's context if it may be exported, or else the one
	// of the request or job it belongs to. It makes each request's texts differ. Default false.
	Traceparent bool
}

// Tagger adds comments to statements. Tags makes one.
type Tagger struct {
	sqlmw.NullInterceptor
	config TagsConfig
	fixed  string // the comment, if it is the same for every statement
	places texts[int]
	panics atomic.Uint64
}

// Tags returns an interceptor that appends tags to statements, as sqlcommenter writes them, so that other tools
// that see the text know where it comes from:
//
//	SELECT * FROM orders WHERE id = ? /*application='shop',route='GET%20%2Forders%2F%3Aid'*/;
//
// Only a text of one SELECT, VALUES, INSERT, REPLACE, UPDATE or DELETE gets a comment, and only if that changes
// nothing: not a text that has a comment already or that SQLite cannot read, not a schema change, whose
// text SQLite stores with the comment, and not a query whose last result column is an expression at the end of
// the text without a name of its own, for the comment would become a part of the column's name. Texts over 64 KiB
// stay as they are too, and of the tags those that fit into a comment of 2 KiB are added.
//
// Comments that differ from call to call make texts differ: a statement cache below this interceptor
// then finds nothing, and everything that counts by text counts anew. Keep such tags few. Statements are tagged when
// they are prepared, with the tags of then. https://google.github.io/sqlcommenter/spec/
func Tags(c TagsConfig) *Tagger {
	return &Tagger{config: c, fixed: commentOf(c.Static), places: texts[int]{read: placeOf}}
}

// Panics is how often TagsConfig.Of panicked.
func (t *Tagger) Panics() uint64 { return t.panics.Load() }

// tag returns query with its comment.
func (t *Tagger) tag(ctx context.Context, query string) string {
	place := nowhere
	if len(query) <= maxTagged {
		place = t.places.of(query)
	}
	if place == nowhere {
		return query
	}
	comment := t.fixed
	if t.config.Of != nil || t.config.Route || t.config.Traceparent {
		comment = commentOf(t.collect(ctx))
	}
	if comment == "" {
		return query
	}
	return query[:place] + comment + query[place:]
}

// collect returns the tags of a statement, later ones before earlier ones with the same key.
func (t *Tagger) collect(ctx context.Context) (tags []Tag) {
	defer func() {
		if recover() != nil {
			t.panics.Add(1)
			tags = nil
		}
	}()
	tags = slices.Clip(t.config.Static)
	scope := capture.ScopeOf(ctx)
	if t.config.Route && scope != nil && scope.Name() != "" {
		tags = append(tags, Tag{"route", scope.Name()})
	}
	if t.config.Traceparent {
		if trace := traceOf(ctx, scope); trace != nil {
			tags = append(tags, Tag{"traceparent", trace.Traceparent()})
		}
	}
	if t.config.Of != nil {
		tags = append(tags, t.config.Of(ctx)...)
	}
	return tags
}

func traceOf(ctx context.Context, scope *capture.Scope) *capture.Trace {
	if trace := capture.TraceIn(ctx); trace != nil && trace.SpanID != [8]byte{} {
		return trace
	}
	if scope == nil || scope.Muted() {
		return nil
	}
	return scope.Trace()
}

// ConnExecContext executes query with its comment.
func (t *Tagger) ConnExecContext(ctx context.Context, conn driver.ExecerContext, query string, args []driver.NamedValue) (driver.Result, error) {
	return conn.ExecContext(ctx, t.tag(ctx, query), args)
}

// ConnQueryContext queries with the comment.
func (t *Tagger) ConnQueryContext(ctx context.Context, conn driver.QueryerContext, query string, args []driver.NamedValue) (context.Context, driver.Rows, error) {
	rows, err := conn.QueryContext(ctx, t.tag(ctx, query), args)
	return ctx, rows, err
}

// ConnPrepareContext prepares query with its comment.
func (t *Tagger) ConnPrepareContext(ctx context.Context, conn driver.ConnPrepareContext, query string) (context.Context, driver.Stmt, error) {
	stmt, err := conn.PrepareContext(ctx, t.tag(ctx, query))
	return ctx, stmt, err
}
