package middleware

import (
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

const (
	traceID = "0af7651916cd43dd8448eb211c80319c"
	spanID  = "b7ad6b7169203331"
)

// https://www.w3.org/TR/trace-context/#traceparent-header
func TestParentOfARequest(t *testing.T) {
	for name, test := range map[string]struct {
		headers   []string
		continued bool
	}{
		"none":               {nil, false},
		"sampled":            {[]string{"00-" + traceID + "-" + spanID + "-01"}, true},
		"not sampled":        {[]string{"00-" + traceID + "-" + spanID + "-00"}, true},
		"flags unknown":      {[]string{"00-" + traceID + "-" + spanID + "-ff"}, true},
		"a later version":    {[]string{"cc-" + traceID + "-" + spanID + "-01-what-the-future-brings"}, true},
		"more in version 00": {[]string{"00-" + traceID + "-" + spanID + "-01-more"}, false},
		"version ff":         {[]string{"ff-" + traceID + "-" + spanID + "-01"}, false},
		"upper case":         {[]string{"00-" + strings.ToUpper(traceID) + "-" + spanID + "-01"}, false},
		"no trace":           {[]string{"00-" + strings.Repeat("0", 32) + "-" + spanID + "-01"}, false},
		"no span":            {[]string{"00-" + traceID + "-" + strings.Repeat("0", 16) + "-01"}, false},
		"short":              {[]string{"00-" + traceID + "-" + spanID + "-1"}, false},
		"joined":             {[]string{"cc-" + traceID + "-" + spanID + "-01.x"}, false},
		"two":                {[]string{"00-" + traceID + "-" + spanID + "-01", "00-" + traceID + "-" + spanID + "-01"}, false},
	} {
		r := &http.Request{Header: http.Header{"Traceparent": test.headers, "Tracestate": {"a=1", "b=2"}}}
		q, _, _ := new(Config).begin(httptest.NewRecorder(), r)
		own := q.ctx.scope.Trace()
		q.end(nil)
		continued := hex.EncodeToString(own.TraceID[:]) == traceID && hex.EncodeToString(own.Parent[:]) == spanID && own.State == "a=1,b=2"
		if began := own.Parent == [8]byte{} && own.State == ""; continued != test.continued || began == test.continued {
			t.Errorf("%s: %+v", name, own)
		}
	}
}

// A stranger's megabyte of dashes is not taken apart.
func TestLongParent(t *testing.T) {
	r := &http.Request{Header: http.Header{"Traceparent": {strings.Repeat("-", 1<<20)}}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	parentOf(r)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
		t.Errorf("%d bytes are allocated", n)
	}
}
