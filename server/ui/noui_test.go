//go:build sqliteperf_noui

package ui

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestLeftOut(t *testing.T) {
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, httptest.NewRequest("GET", "/dashboard", nil))
	if w.Code != 404 || !strings.Contains(w.Body.String(), "sqliteperf_noui") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
