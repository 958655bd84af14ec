package otel

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	global "go.opentelemetry.io/otel"
)

// queueLimit bounds OTEL_BSP_MAX_QUEUE_SIZE: a place for a span takes 200 bytes from the start. Waits are
// bounded by 24 days, so that they are durations.
const queueLimit, waitLimit = 1 << 20, math.MaxInt32

// environment is what the variables say that the SDK does not read by itself.
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
type environment struct {
	traces, metrics, logs bool
	rule                  rule
	queue, batch          int           // spans
	delay, exportWithin   time.Duration // of spans: the longest wait for a batch, and for its answer
	every, collectWithin  time.Duration // of metrics: between two collections, and for one
}

func readEnvironment(c Config) (env environment, err error) {
	if strings.EqualFold(variable("OTEL_SDK_DISABLED"), "true") {
		return env, nil
	}
	if env.traces, err = asked("TRACES", true, c.Spans != nil); err != nil {
		return env, err
	}
	if env.metrics, err = asked("METRICS", true, c.Metrics != nil); err != nil {
		return env, err
	}
	if env.logs, err = asked("LOGS", c.Logs, c.Records != nil); err != nil {
		return env, err
	}
	env.queue = positive("OTEL_BSP_MAX_QUEUE_SIZE", 2048, queueLimit)
	env.batch = min(positive("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, queueLimit), env.queue)
	env.delay, env.exportWithin = wait("OTEL_BSP_SCHEDULE_DELAY", 5000), wait("OTEL_BSP_EXPORT_TIMEOUT", 30000)
	env.every, env.collectWithin = wait("OTEL_METRIC_EXPORT_INTERVAL", 60000), wait("OTEL_METRIC_EXPORT_TIMEOUT", 30000)
	if env.traces {
		env.rule, err = ruleOf(c, variable("OTEL_TRACES_SAMPLER"), variable("OTEL_TRACES_SAMPLER_ARG"))
	}
	return env, err
}

func variable(name string) string { return strings.TrimSpace(os.Getenv(name)) }

// positive reads a whole number up to limit. Instead of one without sense it takes the default, as the SDK
// does, and says so.
func positive(name string, unset, limit int) int {
	value := variable(name)
	if value == "" {
		return unset
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > limit {
		global.Handle(fmt.Errorf("%s=%s: not a number from 1 to %d, %d is used", name, value, limit, unset))
		return unset
	}
	return n
}

// wait reads milliseconds.
func wait(name string, unset int) time.Duration {
	return time.Duration(positive(name, unset, waitLimit)) * time.Millisecond
}

// asked says whether a signal is to be exported; unset is whether it is where nothing is said, own
// whether the Config has an exporter for it.
func asked(signal string, unset, own bool) (bool, error) {
	if own {
		return true, nil
	}
	name := "OTEL_" + signal + "_EXPORTER"
	switch value := strings.ToLower(variable(name)); {
	case value == "none" || value == "" && !unset:
		return false, nil
	case value == "otlp" || value == "":
		return true, errors.Join(protocol(signal), endpoint(signal))
	case value == "prometheus":
		return false, fmt.Errorf("%s=%s: use the package server/prom", name, value)
	default:
		return false, fmt.Errorf("%s=%s: only otlp and none are built in", name, value)
	}
}

// endpointOf is the variable that says where a signal is sent to, and its value, "" if none does.
func endpointOf(signal string) (name, value string) {
	name = "OTEL_EXPORTER_OTLP_" + signal + "_ENDPOINT"
	if value = variable(name); value == "" {
		name = "OTEL_EXPORTER_OTLP_ENDPOINT"
		value = variable(name)
	}
	return name, value
}

// endpoint fails where the exporter would send to a place of its own making.
func endpoint(signal string) error {
	name, value := endpointOf(signal)
	if value == "" {
		return nil
	}
	if u, err := url.Parse(value); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%s=%s: not a URL such as http://localhost:4318", name, value)
	}
	return nil
}

// nearby says that a signal goes to http://localhost:4318, as the specification has it where nothing is said.
// The exporters would speak TLS there, which collectors by default do not.
func nearby(signal string) bool {
	_, value := endpointOf(signal)
	return value == ""
}

// protocol fails unless OTLP is to be spoken as protobuf over HTTP.
func protocol(signal string) error {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_" + signal + "_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		switch value := variable(name); value {
		case "":
		case "http/protobuf":
			return nil
		default:
			return fmt.Errorf("%s=%s: only http/protobuf is built in, which collectors take at port 4318", name, value)
		}
	}
	return nil
}
