package otel

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// environment is what the variables say that the SDK does not read by itself.
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
type environment struct {
	traces, metrics, logs bool
	rule                  rule
	queue, batch          int           // spans
	delay, exportWithin   time.Duration // of spans: the longest wait for a batch, and for its answer
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
	env.queue = positive("OTEL_BSP_MAX_QUEUE_SIZE", 2048)
	env.batch = min(positive("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512), env.queue)
	env.delay = time.Duration(positive("OTEL_BSP_SCHEDULE_DELAY", 5000)) * time.Millisecond
	env.exportWithin = time.Duration(positive("OTEL_BSP_EXPORT_TIMEOUT", 30000)) * time.Millisecond
	if env.traces {
		env.rule, err = ruleOf(c, variable("OTEL_TRACES_SAMPLER"), variable("OTEL_TRACES_SAMPLER_ARG"))
	}
	return env, err
}

func variable(name string) string { return strings.TrimSpace(os.Getenv(name)) }

// positive reads a whole number. As the SDK does, it takes the default instead of one without sense.
func positive(name string, unset int) int {
	if n, err := strconv.Atoi(variable(name)); err == nil && n > 0 {
		return n
	}
	return unset
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
		return true, protocol(signal)
	case value == "prometheus":
		return false, fmt.Errorf("%s=%s: use the package server/prom", name, value)
	default:
		return false, fmt.Errorf("%s=%s: only otlp and none are built in", name, value)
	}
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
