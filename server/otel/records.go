package otel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/digest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// records makes log records. The SDK's batch processor queues them and drops the oldest where its
// queue is full, so that the drain never waits.
type records struct {
	processor *sdklog.BatchProcessor
	provider  *sdklog.LoggerProvider
	logger    log.Logger
	digests   int
	cancel    context.CancelFunc // ends what the exporter does
}

func newRecords(e sdklog.Exporter, res *resource.Resource, digests int) *records {
	ctx, cancel := context.WithCancel(context.Background())
	processor := sdklog.NewBatchProcessor(bounded{e, ctx}, // the SDK makes a queue of any size, and waits of none
		sdklog.WithMaxQueueSize(positive("OTEL_BLRP_MAX_QUEUE_SIZE", 2048, queueLimit)),
		sdklog.WithExportMaxBatchSize(positive("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", 512, queueLimit)),
		sdklog.WithExportInterval(wait("OTEL_BLRP_SCHEDULE_DELAY", 1000)),
		sdklog.WithExportTimeout(wait("OTEL_BLRP_EXPORT_TIMEOUT", 30000)))
	provider := sdklog.NewLoggerProvider(sdklog.WithResource(res), sdklog.WithProcessor(processor))
	return &records{processor, provider, provider.Logger(scopeName, log.WithSchemaURL(semconv.SchemaURL)), digests, cancel}
}

// bounded is an exporter that can be told to end.
type bounded struct {
	sdklog.Exporter
	ctx context.Context
}

func (b bounded) Export(ctx context.Context, records []sdklog.Record) error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(b.ctx, cancel)()
	return b.Exporter.Export(ctx, records)
}

// export makes one record for each of the costliest statements of an interval.
func (r *records) export(start, end time.Time, summaries []*digest.Summary) {
	for _, s := range costliest(summaries, r.digests) {
		var record log.Record
		record.SetTimestamp(end)
		record.SetEventName("sqlite_perf.digest")
		record.SetSeverity(log.SeverityInfo)
		record.SetSeverityText("INFO")
		record.SetBody(attribute.StringValue(text(summaryOf(s))))
		record.AddAttributes(recordAttributes(s, end.Sub(start))...)
		r.logger.Emit(context.Background(), record)
	}
}

// costliest are the first n statements: summaries come the costliest first.
func costliest(summaries []*digest.Summary, n int) []*digest.Summary {
	list := slices.DeleteFunc(slices.Clone(summaries), func(s *digest.Summary) bool { return s.Kind != capture.KindStatement })
	return list[:min(max(n, 0), len(list))]
}

// summaryOf is a short name: verb and tables.
func summaryOf(s *digest.Summary) string {
	if s.Statement != nil {
		return s.Statement.Summary
	}
	return s.Name
}

func recordAttributes(s *digest.Summary, interval time.Duration) []attribute.KeyValue {
	p95, _ := s.Time.Quantile(0.95)
	list := []attribute.KeyValue{
		semconv.DBSystemNameSQLite, semconv.DBQuerySummary(text(summaryOf(s))), semconv.DBQueryText(text(s.Name)),
		attribute.String("sqlite_perf.digest", fmt.Sprintf("%016x", s.Digest)),
		attribute.Int64("sqlite_perf.calls", int64(s.Calls)), attribute.Int64("sqlite_perf.errors", int64(s.Errors)),
		attribute.Int64("sqlite_perf.rows", s.Rows),
		attribute.Float64("sqlite_perf.total", s.Total.Seconds()), // seconds, as are the others
		attribute.Float64("sqlite_perf.p95", time.Duration(p95).Seconds()),
		attribute.Float64("sqlite_perf.interval", interval.Seconds()),
	}
	if s.Database != nil {
		list = append(list, semconv.DBNamespace(text(s.Database.Name())))
	}
	return list
}

func (r *records) flush(ctx context.Context) error { return r.provider.ForceFlush(ctx) }

// shutdown does not hand ctx to the SDK, which would go away without its goroutine when ctx ends.
func (r *records) shutdown(ctx context.Context) error {
	defer r.cancel()
	defer context.AfterFunc(ctx, r.cancel)()
	return errors.Join(r.processor.Shutdown(context.WithoutCancel(ctx)), ctx.Err())
}
