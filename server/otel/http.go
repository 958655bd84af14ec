package otel

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// methods are those that the semantic conventions know; others are _OTHER.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "QUERY"}

// requestOf reads method and route from the scope's name, such as "GET /orders/:id". The host that a
// pattern of net/http's ServeMux may have is no part of the route.
func requestOf(ev *capture.Event) (method, route string) {
	if ev.Scope == nil {
		return "_OTHER", ""
	}
	method, route, _ = strings.Cut(strings.ReplaceAll(strings.TrimSpace(ev.Scope.Name()), "\t", " "), " ")
	if !slices.Contains(methods, method) {
		method = "_OTHER"
	}
	route = strings.TrimSpace(route)
	return method, route[max(strings.IndexByte(route, '/'), 0):]
}

// requestName is a request's span's. A method that is none of the known ones is not repeated.
// https://opentelemetry.io/docs/specs/semconv/http/http-spans/#name
func requestName(method, route string) string {
	if method == "_OTHER" {
		method = "HTTP"
	}
	return strings.TrimSpace(method + " " + text(route))
}

func requestAttributes(ev *capture.Event) []attribute.KeyValue {
	method, route := requestOf(ev)
	list := []attribute.KeyValue{semconv.HTTPResponseStatusCode(int(ev.Status)), semconv.HTTPRequestMethodKey.String(method)}
	if route != "" {
		list = append(list, semconv.HTTPRoute(text(route)))
	}
	if ev.Status >= 500 {
		list = append(list, semconv.ErrorTypeKey.String(strconv.Itoa(int(ev.Status))))
	}
	return list
}

// requestSpanAttributes are those of the series and what only a span has. A panic's type is the error's,
// unless a status says it.
func requestSpanAttributes(ev *capture.Event) []attribute.KeyValue {
	list := requestAttributes(ev)
	if why := failureOf(ev); why != nil && ev.Error != capture.ErrorNone {
		list = append(list, semconv.ExceptionType(text(why.Type)))
		if ev.Status < 500 {
			list = append(list, semconv.ErrorTypeKey.String(ev.Error.String()))
		}
	}
	return flagAttributes(siteAttributes(bodyAttributes(list, ev, semconv.HTTPRequestBodySize, semconv.HTTPResponseBodySize), ev.Site), ev.Flags)
}

func failureOf(ev *capture.Event) *capture.Failure {
	if ev.Scope == nil {
		return nil
	}
	return ev.Scope.Failure()
}

// bodyAttributes adds the sizes of bodies to list, if there were any.
func bodyAttributes(list []attribute.KeyValue, ev *capture.Event, request, answer func(int) attribute.KeyValue) []attribute.KeyValue {
	if n := ev.RequestBytes(); n > 0 {
		list = append(list, request(int(n)))
	}
	if n := ev.AnswerBytes(); n > 0 {
		list = append(list, answer(int(n)))
	}
	return list
}

// targetOf reads method, host and path from the name of a request that was sent, such as
// "GET api.example.com/users/{id}".
func targetOf(ev *capture.Event) (method, host, path string) {
	if ev.Statement == nil {
		return "_OTHER", digest.OtherName, ""
	}
	method, rest, _ := strings.Cut(ev.Statement.Fingerprint, " ")
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		slash = len(rest)
	}
	return method, rest[:slash], rest[slash:]
}

// outgoingAttributes are those of a series. https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#http-client
func outgoingAttributes(ev *capture.Event) []attribute.KeyValue {
	method, host, path := targetOf(ev)
	list := []attribute.KeyValue{semconv.HTTPRequestMethodKey.String(method)}
	name, port, err := net.SplitHostPort(host)
	if n, bad := strconv.Atoi(port); err == nil && bad == nil {
		list = append(list, semconv.ServerAddress(text(name)), semconv.ServerPort(n))
	} else {
		list = append(list, semconv.ServerAddress(text(host)))
	}
	if path != "" {
		list = append(list, semconv.URLTemplate(text(path)))
	}
	if ev.Status > 0 {
		list = append(list, semconv.HTTPResponseStatusCode(int(ev.Status)))
	}
	switch {
	case ev.Error != capture.ErrorNone:
		list = append(list, semconv.ErrorTypeKey.String(ev.Error.String()))
	case ev.Status >= 400:
		list = append(list, semconv.ErrorTypeKey.String(strconv.Itoa(int(ev.Status))))
	}
	return list
}

func outgoingSpanAttributes(ev *capture.Event) []attribute.KeyValue {
	list := bodyAttributes(outgoingAttributes(ev), ev, semconv.HTTPRequestBodySize, semconv.HTTPResponseBodySize)
	return flagAttributes(siteAttributes(list, ev.Site), ev.Flags)
}
