package capture

import (
	"context"
	"strings"
	"testing"
)

const (
	traceID = "0af7651916cd43dd8448eb211c80319c"
	spanID  = "b7ad6b7169203331"
)

func TestParseTraceparent(t *testing.T) {
	for header, want := range map[string]bool{
		"00-" + traceID + "-" + spanID + "-01": true, "00-" + traceID + "-" + spanID + "-00": true, "00-" + traceID + "-" + spanID + "-ff": true,
		"cc-" + traceID + "-" + spanID + "-01": true, "cc-" + traceID + "-" + spanID + "-01-what-the-future-brings": true,
		"00-" + traceID + "-" + spanID + "-01-": false, "00-" + traceID + "-" + spanID + "-01-x": false,
		"ff-" + traceID + "-" + spanID + "-01": false, "0-" + traceID + "-" + spanID + "-01": false, "00-" + traceID + "-" + spanID: false,
		"00-" + strings.Repeat("0", 32) + "-" + spanID + "-01": false, "00-" + traceID + "-" + strings.Repeat("0", 16) + "-01": false,
		"00-" + strings.ToUpper(traceID) + "-" + spanID + "-01": false, "00-" + traceID + "-" + spanID + "-0g": false, "": false, "---": false,
		"00-" + traceID[:31] + "-" + spanID + "-01": false, " 00-" + traceID + "-" + spanID + "-01": false, "00-" + traceID + "-" + spanID + "-1": false,
		"00_" + traceID + "_" + spanID + "_01": false, strings.Repeat("-", 10_000): false,
	} {
		parsed, ok := ParseTraceparent(header, "vendor=1")
		if ok != want {
			t.Errorf("%q: %v, want %v", header, ok, want)
		}
		if ok && (parsed.State != "vendor=1" || parsed.Parent != [8]byte{} || parsed.Traceparent()[3:52] != header[3:52]) {
			t.Errorf("%q is read as %+v", header, parsed)
		}
	}
	if parsed, _ := ParseTraceparent("00-"+traceID+"-"+spanID+"-01", strings.Repeat("x", stateBytes+1)); parsed.State != "" {
		t.Error("a long state is kept")
	}
}

// FuzzParseTraceparent holds that what is read is written as it was, and that a child is of its trace.
func FuzzParseTraceparent(f *testing.F) {
	f.Add("00-"+traceID+"-"+spanID+"-01", "a=b")
	f.Add("cc-"+traceID+"-"+spanID+"-00-more", "")
	f.Add("ff-x-y-z", "\x00")
	f.Fuzz(func(t *testing.T, header, state string) {
		parsed, ok := ParseTraceparent(header, state)
		if !ok {
			return
		}
		written := parsed.Traceparent()
		if written[3:52] != header[3:52] {
			t.Errorf("%q is written as %q", header, written)
		}
		again, ok := ParseTraceparent(written, parsed.State)
		if !ok || *again != *parsed {
			t.Errorf("%+v is read as %+v", parsed, again)
		}
		child := parsed.Child()
		if child.TraceID != parsed.TraceID || child.Parent != parsed.SpanID || child.SpanID == parsed.SpanID || child.Sampled != parsed.Sampled {
			t.Errorf("%+v is no child of %+v", child, parsed)
		}
	})
}

type spans struct{}

func (spans) Of(ctx context.Context) *Trace {
	t, _ := ctx.Value(spans{}).(*Trace)
	return t
}

func (spans) Into(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, spans{}, t)
}

func TestTracers(t *testing.T) {
	var none context.Context
	scope := NewScope()
	if ctx := t.Context(); WithTrace(ctx, scope) != ctx || TraceIn(ctx) != nil {
		t.Error("there are spans without a tracer")
	}
	SetTracer(spans{})
	defer SetTracer(nil)
	parent := NewTrace()
	scope.Continue(parent)
	scope.Continue(NewTrace())
	if got := TraceIn(WithTrace(t.Context(), scope)); got != scope.Trace() || got.Parent != parent.SpanID {
		t.Errorf("the span is %+v, want a child of %+v", got, parent)
	}
	if TraceIn(none) != nil || TraceIn(t.Context()) != nil {
		t.Error("a context has a span from nowhere")
	}
}
