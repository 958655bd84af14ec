package prom

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
)

// The metrics of requests besides their durations.
var (
	receivedTotal = describe("request_received_bytes_total", "Bytes of requests' bodies that handlers read.", "route", "method")
	sentTotal     = describe("request_sent_bytes_total", "Bytes of answers' bodies that handlers wrote.", "route", "method")
	ranTotal      = describe("request_statements_total", "Statements that requests ran.", "route", "method")
	panicsTotal   = describe("request_panics_total", "Requests whose handler panicked.", "route", "method")
	goneTotal     = describe("request_clients_gone_total", "Requests whose client left before the handler ended.", "route", "method")
	inFlight      = describe("requests_in_flight", "Requests being served now.")
)

// routeKey are the labels of what all requests of a route add up to.
type routeKey struct{ route, method string }

// served is what they add up to.
type served struct {
	received, sent, statements int64
	panics, gone               uint64
}

// requestSeries are what a request is counted in.
type requestSeries struct {
	time prometheus.Observer
	*served
}

// servedAt are the sums of a route. There are at most ten times Config.Routes. The drain holds c.mu.
func (c *Collector) servedAt(key routeKey) *served {
	if c.served[key] == nil {
		c.served[key] = &served{}
	}
	return c.served[key]
}

func (s *served) add(ev *capture.Event) {
	s.received += ev.RequestBytes()
	s.sent += ev.AnswerBytes()
	s.statements += ev.Rows
	if ev.Flags.Has(capture.FlagPanicked) {
		s.panics++
	}
	if ev.Flags.Has(capture.FlagGone) {
		s.gone++
	}
}

// requestMetrics adds what requests add up to, and how many there are, to list. The scrape holds c.mu.
func (c *Collector) requestMetrics(list []prometheus.Metric) []prometheus.Metric {
	for key, s := range c.served {
		list = append(list,
			counter(receivedTotal, s.received, key.route, key.method), counter(sentTotal, s.sent, key.route, key.method),
			counter(ranTotal, s.statements, key.route, key.method),
			counter(panicsTotal, s.panics, key.route, key.method), counter(goneTotal, s.gone, key.route, key.method))
	}
	return append(list, gauge(inFlight, capture.InFlight.Load()))
}

// target is the name of a request that was sent. Beyond the first Config.Routes it is other.
func (c *Collector) target(ev *capture.Event) string {
	name := digest.OtherName
	if ev.Statement != nil {
		name = text(ev.Statement.Fingerprint)
	}
	switch {
	case c.targets[name]:
	case len(c.targets) < c.config.Routes:
		c.targets[name] = true
	default:
		return other
	}
	return name
}

// outcome is the class of an answer's status, or of why there is none.
func outcome(ev *capture.Event) string {
	if ev.Error != capture.ErrorNone {
		return ev.Error.String()
	}
	return code(ev.Status / 100)
}
