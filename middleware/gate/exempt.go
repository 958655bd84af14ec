package gate

import (
	"net/http"
	"strings"
)

// DefaultExemptPaths are where orchestrators and scrapers usually look: shedding them would restart a process
// for being busy, or hide that it is.
func DefaultExemptPaths() []string {
	return []string{"/health", "/healthz", "/live", "/livez", "/ready", "/readyz", "/metrics", "/debug/pprof/"}
}

// Exempt says that a request asks for something that stays open: an upgrade such as a WebSocket, a tunnel, or a
// stream of events. Its duration says nothing about the load. Clients choose these headers: where strangers
// must not pass, limit streams elsewhere or set Config.Exempt.
func Exempt(r *http.Request) bool {
	if r.Method == http.MethodConnect { // also WebSockets over HTTP/2, RFC 8441
		return true
	}
	if len(r.Header["Upgrade"]) > 0 && contains(r.Header["Connection"], "upgrade") {
		return true
	}
	return contains(r.Header["Accept"], eventStream)
}

const eventStream = "text/event-stream"

// contains says that a comma-separated header has a token, whatever parameters follow it.
func contains(values []string, token string) bool {
	for _, value := range values {
		for element := range strings.SplitSeq(value, ",") {
			name, _, _ := strings.Cut(element, ";")
			if strings.EqualFold(strings.TrimSpace(name), token) {
				return true
			}
		}
	}
	return false
}

// exempt says that a request passes unseen.
func (g *Gate) exempt(r *http.Request) bool {
	for _, path := range g.config.ExemptPaths {
		if r.URL.Path == path || strings.HasSuffix(path, "/") && strings.HasPrefix(r.URL.Path, path) {
			return true
		}
	}
	return g.config.Exempt(r)
}
