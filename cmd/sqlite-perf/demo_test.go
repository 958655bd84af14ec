package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a running demo.
type process struct {
	*testing.T
	cmd       *exec.Cmd
	out       *bufio.Reader
	err       bytes.Buffer
	tmp, base string
}

// startDemo starts a demo on a free port, with a directory of its own for temporary files.
func startDemo(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	p := &process{T: t, tmp: t.TempDir()}
	p.cmd = exec.CommandContext(ctx, binary, append([]string{"demo", "--addr", "127.0.0.1:0"}, args...)...)
	p.cmd.Env = append(os.Environ(), "TMPDIR="+p.tmp)
	p.cmd.Stderr = &p.err
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// addresses reads what the demo prints when it is ready.
func (p *process) addresses() {
	p.Helper()
	shop, err := p.out.ReadString('\n')
	if err != nil {
		p.Fatalf("%v: %s", err, p.err.String())
	}
	dashboard, err := p.out.ReadString('\n')
	found := regexp.MustCompile(`^dashboard  (http://127\.0\.0\.1:\d+)/performance/dashboard#token=\w{20,}\n$`).FindStringSubmatch(dashboard)
	if err != nil || found == nil || shop != "shop       "+found[1]+"\n" {
		p.Fatalf("printed %q %q, %v", shop, dashboard, err)
	}
	p.base = found[1]
}

// ends waits for the end of the demo, which leaves nothing behind.
func (p *process) ends(code int) {
	p.Helper()
	p.cmd.Wait()
	if got := p.cmd.ProcessState.ExitCode(); got != code || p.err.Len() > 0 {
		p.Errorf("exit code %d, want %d; stderr: %s", got, code, p.err.String())
	}
	if left, err := os.ReadDir(p.tmp); err != nil || len(left) > 0 {
		p.Errorf("left %v behind (%v)", left, err)
	}
}

// proved asks for the recommendations and says whether an index is proved.
func (p *process) proved() bool {
	p.Helper()
	res, err := http.Get(p.base + "/performance/recommendations")
	if err != nil {
		p.Fatalf("no proved index while the demo ran: %v", err)
	}
	defer res.Body.Close()
	var got struct {
		Recommendations []struct{ Type, State string }
	}
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		p.Fatal(err)
	}
	for _, r := range got.Recommendations {
		if r.Type == "index" && r.State == "proved" {
			return true
		}
	}
	return false
}

// The main job: within seconds there is advice, proved; in the end nothing is left.
func TestDemo(t *testing.T) {
	p := startDemo(t, "--duration", "25s")
	p.addresses()
	defer http.DefaultClient.CloseIdleConnections()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for !p.proved() {
		<-tick.C
	}
	p.scrapes(`sqlite_perf_statement_duration_seconds_count{database="shop.db",operation="SELECT"}`)
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	p.ends(0)
}

// scrapes looks for a series among the metrics.
func (p *process) scrapes(series string) {
	p.Helper()
	res, err := http.Get(p.base + "/metrics")
	if err != nil {
		p.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(text), series) {
		p.Errorf("%s is not among the metrics (%v):\n%s", series, err, text)
	}
}

// With a collector in the environment, it gets spans and metrics from the demo's start to its end.
func TestDemoExports(t *testing.T) {
	var mu sync.Mutex
	got := map[string]int{}
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got[r.URL.Path]++
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_TRACES_SAMPLER", "always_on")
	p := startDemo(t, "--duration", "5s")
	p.addresses()
	p.ends(0)
	mu.Lock()
	defer mu.Unlock()
	if got["/v1/traces"] == 0 || got["/v1/metrics"] == 0 {
		t.Errorf("the collector got %v", got)
	}
}

// It ends by itself, with or without a chance to show anything, and at a signal.
func TestDemoEnds(t *testing.T) {
	t.Run("while filling", func(t *testing.T) { startDemo(t, "--duration", "100ms").ends(0) })
	t.Run("by itself", func(t *testing.T) {
		p := startDemo(t, "--duration", "5s")
		p.addresses()
		p.ends(0)
	})
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			p := startDemo(t)
			p.addresses()
			stream, err := http.Get(p.base + "/performance/stream") // a dashboard that is open
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Body.Close()
			start := time.Now()
			if err := p.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			p.ends(0)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("ended after %v: something was waited for in vain", took)
			}
		})
	}
}

func TestPortTaken(t *testing.T) {
	var l net.ListenConfig
	listener, err := l.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	addr := listener.Addr().String()
	r := sqlitePerf(t, "demo", "--addr", addr).exits(exitError).complains(addr, "in use")
	if strings.Contains(r.out, "dashboard") {
		t.Errorf("stdout: %s", r.out)
	}
}
