// Package collector has the tests that send what server/otel exports to the OpenTelemetry Collector's
// own OTLP receiver.
package collector
