//go:build sqliteperf_noui

// Package ui is the dashboard, left out of this binary by the build tag sqliteperf_noui.
package ui

import "net/http"

// Handler answers every path with 404 and says why there is no page.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "This binary was built without the dashboard (build tag sqliteperf_noui); the JSON endpoints work as usual.", http.StatusNotFound)
	})
}
